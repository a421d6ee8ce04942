"""Mails of outbox events about declarations (X-10)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.declarations.declarations import Declaration, DeclarationState
from billing.declarations.flows import answer
from billing.declarations.mail import letters
from billing.kernel.customers import Address, BillTo
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.render.mails import Envelope

NOWHERE = Address("", "", "")


def receipt(
    ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the receipt to the typed address, and to the address on file once it is verified.

    A customer's own address gets no words of somebody unproved: they may be a stranger's.
    """
    found = _declaration(ports, event)
    if found is None:
        return LeftOut.ERASED
    mails: list[EmailMessage] = []
    on_file = _on_file(ports, found) if found.is_verified else None
    if event.email is not None:
        known = ports.store.customer_by_email(merchant.id, event.email) is not None
        words = found.is_verified or not (known or found.flooded)
        envelope = _envelope(ports, event, merchant, found, event.email, now)
        mails.append(letters.receipt(envelope, found, words=words))
    if on_file is not None and on_file != event.email:
        name = f"{event.id}:on_file"
        envelope = _envelope(ports, event, merchant, found, on_file, now, name)
        mails.append(letters.receipt(envelope, found, words=True))
    return mails or LeftOut.NOBODY


def asked(
    ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the question to the address on file, with the link that answers it."""
    found = _declaration(ports, event)
    if found is None or found.state is not DeclarationState.ASKED:
        return LeftOut.UNTRUE
    email = _on_file(ports, found)
    if email is None:
        return LeftOut.NOBODY
    url = answer.link(ports, merchant, found, now=now)
    return [letters.asked(_envelope(ports, event, merchant, found, email, now), found, url)]


def _declaration(ports: Ports, event: OutboxEvent) -> Declaration | None:
    assert event.code is not None, "it names the declaration"
    return ports.store.declaration(event.merchant, event.code)


def _on_file(ports: Ports, found: Declaration) -> str | None:
    if found.customer is None:
        return None
    customer = ports.store.customer(found.merchant, found.customer)
    return None if customer is None or customer.is_erased else customer.email


def _envelope(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    found: Declaration,
    email: str,
    now: datetime,
    name: str | None = None,
) -> Envelope:
    to, sender = BillTo("", email, NOWHERE), ports.operation.sender
    return Envelope(merchant, to, found.language, False, sender, name or event.id, now)


MAILS = {EventKind.DECLARED: receipt, EventKind.DECLARATION_ASKED: asked}
