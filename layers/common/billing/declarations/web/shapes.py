"""Declarations as JSON (CONTRACT.md, X-10)."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web.described import Day, Instant, OneOf
from billing.api.web.json_shapes import instant
from billing.api.web.queries import PageQuery
from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import (
    Declaration,
    DeclarationState,
    Kind,
    Reason,
    Verification,
)
from billing.web.inputs import Input, Key


class DeclarationsQuery(PageQuery):
    """Filters of the list of declarations."""

    state: DeclarationState | None = None


class DecisionInput(Input):
    """A person's decision; `subscription` is the one that it is about, if nothing matched."""

    subscription: Key | None = None


class DeclarationOutput(TypedDict):
    """A declaration; what was typed is a stranger's word until `verification` is not `none`."""

    id: str
    number: str
    duty: Annotated[str, OneOf(Duty)]
    kind: Annotated[str, OneOf(Kind)]
    state: Annotated[str, OneOf(DeclarationState)]
    why: Annotated[str, OneOf(Reason)] | None
    declared_at: Instant
    decide_by: Instant
    verification: Annotated[str, OneOf(Verification)]
    verified_at: Instant | None
    name: str
    contact: str
    contract: str
    reason: str
    wanted_on: Day | None
    customer: str | None
    subscriptions: list[str]
    decided_at: Instant | None
    decided_by: str | None
    ends_at: Instant | None
    refunded: list[str]


def declaration(found: Declaration) -> DeclarationOutput:
    """Returns a declaration as JSON."""
    said = found.declared
    return {
        "id": found.id,
        "number": found.number,
        "duty": found.duty.value,
        "kind": said.kind.value,
        "state": found.state.value,
        "why": None if found.why is None else found.why.value,
        "declared_at": instant(found.at),
        "decide_by": instant(found.decide_by),
        "verification": found.verification.value,
        "verified_at": instant(found.verified_at),
        "name": said.name,
        "contact": said.contact,
        "contract": said.contract,
        "reason": said.reason,
        "wanted_on": None if said.wanted_on is None else said.wanted_on.isoformat(),
        "customer": found.customer,
        "subscriptions": list(found.about),
        "decided_at": instant(found.decided_at),
        "decided_by": found.decided_by,
        "ends_at": instant(found.ends_at),
        "refunded": list(found.refunded),
    }
