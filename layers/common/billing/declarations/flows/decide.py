"""Lists declarations for a merchant, and lets a person decide one (X-10)."""

from __future__ import annotations

from datetime import datetime

from billing.declarations.declarations import (
    DECIDED_ON,
    Declaration,
    DeclarationOf,
    DeclarationState,
    Verification,
)
from billing.declarations.flows import answer, look
from billing.kernel.agreement import DECLARED
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused
from billing.kernel.flows.paging import filtered
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write

ATTEMPTS = 8
READ_AT_ONCE = 200
LINKS_MOST = 1_000


def page(
    ports: Ports,
    merchant: Merchant,
    *,
    state: DeclarationState | None,
    limit: int,
    cursor: str | None,
) -> Page[Declaration]:
    """Lists a merchant's declarations, newest first; raises `Invalid` for another list's cursor."""

    def part(at: str | None) -> Page[Declaration]:
        if at is not None and not at.startswith(DECLARED):
            raise Invalid("cursor_unknown", field="cursor")
        found = ports.store.declarations(merchant.id, limit=READ_AT_ONCE, before=at)
        more = found[-1].id if len(found) == READ_AT_ONCE else None
        return Page(tuple(found), more)

    return filtered(
        part,
        lambda each: state is None or each.state is state,
        lambda each: each.id,
        limit=limit,
        cursor=cursor,
    )


def one(ports: Ports, merchant: str, declaration: str) -> Declaration:
    """Returns a declaration; raises `NotFound` (declaration_unknown)."""
    found = ports.store.declaration(merchant, declaration)
    if found is None:
        raise NotFound("declaration_unknown")
    return found


def approve(
    ports: Ports, found: Declaration, about: str | None, *, by: str, now: datetime
) -> Declaration:
    """Lets a person of the merchant verify a declaration, naming its subscription if need be.

    Others that it held are let go of: it is not about them.

    Raises `NotFound` (subscription_unknown), `Refused` (declaration_decided).
    """
    for _ in range(ATTEMPTS):
        if not found.is_waiting:
            raise Refused("declaration_decided")
        meant, customer = found.about, found.customer
        known: tuple[Write, ...] = ()
        if about is not None:
            named = ports.store.subscription_by_id(found.merchant, about)
            if named is None:
                raise NotFound("subscription_unknown")
            if customer != named.customer:
                known = _linked(ports, found, named.customer)
            meant, customer = (about,), named.customer
        if customer is None:
            raise Refused("declaration_unmatched")
        try:
            matched = replace(found, customer=customer)
            after = matched.verified(Verification.AGENT, now)
            # They know why it came to them, and are not asked that again.
            after = replace(after, about=meant, decided_by=by, why=found.why)
            others = tuple(each for each in found.about if each not in meant)
            ports.store.commit(
                Change(found, after, expecting=DECIDED_ON),
                *known,
                *look.let_go_of(ports, found, others, now),
            )
            return after
        except Conflict:
            found = answer.fresh(ports, found)
    raise Conflict()


def decline(
    ports: Ports, merchant: Merchant, found: Declaration, *, by: str, now: datetime
) -> Declaration:
    """Turns a declaration down; what it held is charged. Raises `Refused` (declaration_decided)."""
    for _ in range(ATTEMPTS):
        if found.state is DeclarationState.DECLINED:
            return found
        if not found.is_waiting:
            raise Refused("declaration_decided")
        after = found.declined(now, by)
        try:
            ports.store.commit(
                Change(found, after, expecting=DECIDED_ON),
                *look.released(ports, merchant, found, now),
            )
        except Conflict:
            found = answer.fresh(ports, found)
            continue
        return after
    raise Conflict()


def _linked(ports: Ports, found: Declaration, customer: str) -> tuple[Write, ...]:
    """Returns the link from a customer to a declaration, unless one of before is still there."""
    linked = ports.store.declarations_of(found.merchant, customer, LINKS_MOST)
    if any(each.declaration == found.id for each in linked):
        return ()
    return (Insert(DeclarationOf(found.merchant, customer, found.id)),)
