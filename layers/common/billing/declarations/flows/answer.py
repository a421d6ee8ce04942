"""Answers to "was this you?" (X-10)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from hashlib import sha256

from billing.cancel.flows import cancel
from billing.declarations.declarations import (
    DECIDED_ON,
    Declaration,
    DeclarationState,
    Reason,
    Verification,
)
from billing.declarations.flows import carry_out, look
from billing.kernel import domains
from billing.kernel.errors import Conflict, Refused
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change

LINK = "declaration_link"
LIFE = timedelta(days=14)
ATTEMPTS = 8


def link(ports: Ports, merchant: Merchant, found: Declaration, *, now: datetime) -> str:
    """Returns the address that answers the question. Its token is drawn as the mail is written, so
    that it is stored nowhere else in clear."""
    token = ports.new_id("key")
    value = json.dumps({"merchant": merchant.id, "declaration": found.id})
    ports.ephemeral.put(LINK, _digest(token), value, expires_at=now + LIFE, now=now)
    return f"{domains.cancel(ports.operation.public_url, merchant)}/answer/{token}"


def of_link(ports: Ports, merchant: str, token: str, *, now: datetime) -> Declaration | None:
    """Returns the declaration that a link asks about; None once the link is over."""
    kept = ports.ephemeral.get(LINK, _digest(token), now=now)
    named = json.loads(kept) if kept is not None else {}
    if named.get("merchant") != merchant:
        return None
    return ports.store.declaration(merchant, named["declaration"])


def confirm(ports: Ports, found: Declaration, about: tuple[str, ...], *, now: datetime) -> bool:
    """Verifies a declaration, which is then carried out as of its date; twice is once.

    `about` are those of its subscriptions that it means. Returns False once it was denied or turned
    down.
    """
    for _ in range(ATTEMPTS):
        if found.is_verified:
            return True
        if not found.is_waiting:
            return found.state is DeclarationState.CARRIED_OUT
        meant = tuple(each for each in found.about if each in about) or found.about
        after = replace(found.verified(Verification.LINK, now), about=meant)
        others = tuple(each for each in found.about if each not in meant)
        try:
            ports.store.commit(
                Change(found, after, expecting=DECIDED_ON),
                *look.let_go_of(ports, found, others, now),
            )
        except Conflict:
            found = fresh(ports, found)
            continue
        return True
    raise Conflict()


def deny(ports: Ports, merchant: Merchant, found: Declaration, *, now: datetime) -> bool:
    """Takes a "no": every field is as before, for all unproved declarations of that customer.

    Charges that were held are made at once, and an end that a week without an answer brought about
    is undone. Said again it goes on with what is left. Returns False where it was verified or
    decided before, or has ended what cannot be brought back.
    """
    over = not found.is_waiting and found.state is not DeclarationState.DENIED
    if found.is_verified or over:
        return False
    assert found.customer is not None, "its customer was asked"
    look.remember_no(ports, found.merchant, found.customer, now)
    if not _deny(ports, merchant, found, now):
        return False
    newest = look.customers_declarations(ports, found.merchant, found.customer)
    for each in {each.id: each for each in (*newest, *look.holding(ports, found))}.values():
        if each.state is DeclarationState.ASKED and not each.is_verified:
            _deny(ports, merchant, each, now)
    return _undo(ports, found, now)


def fresh(ports: Ports, found: Declaration) -> Declaration:
    """Returns a declaration as it is now."""
    current = ports.store.declaration(found.merchant, found.id)
    assert current is not None, "a declaration that is looked at is not removed"
    return current


def _deny(ports: Ports, merchant: Merchant, found: Declaration, now: datetime) -> bool:
    """Notes a "no"; returns False where it was verified or decided before."""
    for _ in range(ATTEMPTS):
        if found.state is DeclarationState.DENIED:
            return True
        if found.is_verified or not found.is_waiting:
            return False
        try:
            ports.store.commit(
                Change(found, found.denied(now), expecting=DECIDED_ON),
                *look.released(ports, merchant, found, now, denied=True),
            )
        except Conflict:
            found = fresh(ports, found)
            continue
        return True
    raise Conflict()


def _undo(ports: Ports, found: Declaration, now: datetime) -> bool:
    """Undoes the ends that this declaration brought about unproved (X-5); returns False where one
    has come."""
    if found.why is not Reason.REFUND:
        return True  # nothing is ended without proof before the week is over
    assert found.customer is not None, "its customer was asked"
    bought = carry_out.bought(ports, found, found.about)
    for each in bought:
        if each.cancelling is not None and each.cancelling.ticket == found.id:
            try:
                cancel.undo(ports, each, now=now)
            except Refused:
                return False
    return all(each.is_live for each in bought)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
