"""The routes of /v1 about declarations: listed, read, decided (X-10)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed
from billing.cancel.regions.rules import Duty
from billing.declarations.flows import decide
from billing.declarations.web import shapes
from billing.declarations.web.shapes import DecisionInput, DeclarationOutput, DeclarationsQuery
from billing.kernel.ports import Ports
from billing.team import rights
from billing.web.inputs import Nothing
from billing.web.problems import Forbidden

BY_KEY = "api"


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of declarations."""

    @api.get("/v1/declarations", DeclarationsQuery)
    def list_declarations(call: Call[DeclarationsQuery]) -> Listed[DeclarationOutput]:
        """List cancellations and withdrawals that were declared to you, newest first."""
        query = call.input
        page = decide.page(
            ports, call.merchant, state=query.state, limit=query.limit, cursor=query.cursor
        )
        return json_shapes.listed(map(shapes.declaration, page.data), page.next)

    @api.get("/v1/declarations/<declaration>")
    def show_declaration(call: Call[Nothing], declaration: str) -> DeclarationOutput:
        """Retrieve one declaration."""
        return shapes.declaration(decide.one(ports, call.merchant.id, declaration))

    @api.post("/v1/declarations/<declaration>/approve", DecisionInput, status=200)
    def approve_declaration(call: Call[DecisionInput], declaration: str) -> DeclarationOutput:
        """Verify a declaration: within a minute it is carried out as of its date."""
        found = decide.one(ports, call.merchant.id, declaration)
        if found.duty is Duty.WITHDRAWAL and rights.REFUNDS not in rights.of_scopes(
            call.key.scopes
        ):
            # It gives money back (M-9).
            raise Forbidden(code="scope_missing", scope=rights.key_scope(rights.REFUNDS))
        about = call.input.subscription
        return shapes.declaration(decide.approve(ports, found, about, by=BY_KEY, now=call.now))

    @api.post("/v1/declarations/<declaration>/decline", Nothing, status=200)
    def decline_declaration(call: Call[Nothing], declaration: str) -> DeclarationOutput:
        """Turn a declaration down; charges that it held are made at once."""
        found = decide.one(ports, call.merchant.id, declaration)
        return shapes.declaration(
            decide.decline(ports, call.merchant, found, by=BY_KEY, now=call.now)
        )
