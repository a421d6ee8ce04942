"""Declarations as JSON (CONTRACT.md, X-10)."""

from __future__ import annotations

from typing_extensions import TypedDict

from billing.api.web.json_shapes import instant
from billing.api.web.queries import PageQuery
from billing.declarations.declarations import Declaration, DeclarationState
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
    duty: str
    kind: str
    state: str
    why: str | None
    declared_at: str
    decide_by: str
    verification: str
    verified_at: str | None
    name: str
    contact: str
    contract: str
    reason: str
    wanted_on: str | None
    customer: str | None
    subscriptions: list[str]
    decided_at: str | None
    decided_by: str | None
    ends_at: str | None
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
