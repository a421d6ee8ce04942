"""Mails of outbox events about a customer: a link to sign in, a changed detail (B-3)."""

from __future__ import annotations

from datetime import datetime

from billing.customers.flows import email_change, login, mailed_code
from billing.customers.mail import letters
from billing.kernel.customers import BillTo, Customer
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.outbox.mail import envelopes
from billing.outbox.mail.envelopes import Mails
from billing.render.mails import Envelope


def login_link(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail with a link, or a code, that signs its reader in once; it is drawn here."""
    customer = ports.store.customer(event.merchant, event.customer)
    if customer is None:
        return LeftOut.NOBODY  # Somebody who is no customer asked for a link.
    if customer.is_erased:
        return LeftOut.ERASED
    envelope = _envelope(ports, event, merchant, customer, now)
    if (change := email_change.change_asked(event)) is not None:
        return _confirmations(ports, change, merchant, envelope, now)
    if mailed_code.is_asked(event):
        return [letters.entry_code(envelope, mailed_code.draw(ports, customer, event, now=now))]
    url = login.make_link(ports, merchant, customer, now=now)
    return [letters.entry_link(envelope, url)]


def _confirmations(
    ports: Ports, change: str, merchant: Merchant, envelope: Envelope, now: datetime
) -> Mails:
    """Returns the mails to both addresses of an email change, each with a link of its own."""
    ends = email_change.links(ports, merchant, change, now=now)
    if not ends:
        return LeftOut.EXPIRED
    (old, _), (new, _) = ends
    return [
        letters.confirm_email(
            # Not by name: the new address may be anybody's.
            replace(
                envelope,
                event_id=f"{envelope.event_id}:{n}",
                to=BillTo(email, email, envelope.to.address),
            ),
            url,
            old=old,
            new=new,
        )
        for n, (email, url) in enumerate(ends)
    ]


def details_changed(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail that says what was changed, to the address before if that was changed."""
    customer = ports.store.customer(event.merchant, event.customer)
    if customer is None:
        return LeftOut.NOBODY
    if customer.is_erased:
        return LeftOut.ERASED
    assert event.code is not None, "it says what was changed"
    envelope = _envelope(ports, event, merchant, customer, now, event.subscription)
    portal_url = envelopes.portal_url(ports, merchant)
    if event.email is not None:
        # Not by name: the old address may be somebody else's by now.
        envelope = replace(envelope, to=BillTo(event.email, event.email, customer.address))
        portal_url = None
    return [letters.details_changed(envelope, event.code, _product(ports, event), portal_url)]


def _envelope(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    customer: Customer,
    now: datetime,
    purchase: str | None = None,
) -> Envelope:
    address = envelopes.address_of(ports, customer, purchase)
    about = envelopes.About(customer.language, customer.test, address)
    return envelopes.to_customer(ports, event, merchant, customer, about, now)


def _product(ports: Ports, event: OutboxEvent) -> str | None:
    if event.subscription is None:
        return None
    found = ports.store.subscription(event.merchant, event.customer, event.subscription)
    return None if found is None else found.product_name


MAILS = {EventKind.LINK_ASKED: login_link, EventKind.DETAILS_CHANGED: details_changed}
