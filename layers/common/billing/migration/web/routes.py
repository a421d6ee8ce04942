"""The routes of /v1 about exports (M-6)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.kernel.ports import Ports
from billing.migration.flows import export as exports
from billing.migration.web import shapes
from billing.migration.web.inputs import ExportInput
from billing.web.inputs import Nothing


def declare_imports(api: Api, ports: Ports) -> None:
    """Declares the routes of imports, which are loaded only with them."""
    from billing.migration.web import import_routes, move_routes, shadow_routes

    import_routes.declare(api, ports)
    shadow_routes.declare(api, ports)
    move_routes.declare(api, ports)


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of exports."""

    @api.post("/v1/exports", ExportInput, status=202)
    def create_export(call: Call[ExportInput]) -> shapes.ExportJobOutput:
        """Export what you have, in the background.

        Ask for the export until it is `done`: then `url` downloads it. `from` and `to` are about
        when something was sold, paid, booked or agreed to.
        """
        wanted = call.input
        asked = exports.ask(
            *(ports, call.merchant, wanted.what, wanted.format),
            wanted.span(call.zone),
            now=call.now,
        )
        return shapes.export(asked)

    @api.get("/v1/exports", PageQuery)
    def list_exports(call: Call[PageQuery]) -> Listed[shapes.ExportJobOutput]:
        """List exports of the last seven days, newest first."""
        query = call.input
        page = exports.page(
            ports, call.merchant.id, limit=query.limit, cursor=query.cursor, now=call.now
        )
        return json_shapes.listed(map(shapes.export, page.data), page.next)

    @api.get("/v1/exports/<export>")
    def show_export(call: Call[Nothing], export: str) -> shapes.ExportJobOutput:
        """Retrieve an export: how far it is, and where to download it once it is done.

        An address works for an hour; ask again for another. Files are kept for seven days.
        """
        return shapes.export(exports.one(ports, call.merchant.id, export, now=call.now))
