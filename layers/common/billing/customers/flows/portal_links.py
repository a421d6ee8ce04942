"""Links that a merchant makes for a customer into the portal: one use, 15 minutes (B-3)."""

from __future__ import annotations

from datetime import datetime

from billing.customers.flows import login
from billing.kernel.customers import Customer
from billing.kernel.errors import NotFound, Refused
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.writes import Insert
from billing.outbox.flows import send_again


class Link(Value):
    """A link that lets a customer in once, before `expires_at`."""

    url: str
    expires_at: datetime


def find_customer(ports: Ports, merchant: str, email: str) -> str:
    """Returns the id of the customer with an email; raises `NotFound`."""
    found = ports.store.customer_by_email(merchant, email)
    if found is None:
        raise NotFound("customer_unknown")
    return found


def create(
    ports: Ports,
    merchant: Merchant,
    customer: str,
    *,
    subscription: str | None = None,
    now: datetime,
) -> Link:
    """Makes a link; a subscription of theirs is where it leads.

    Raises `NotFound` for what is not theirs, `Refused` (portal_off) while the portal is off.
    """
    found = known(ports, merchant.id, customer)
    if subscription is not None:
        held = ports.store.subscription(merchant.id, found.id, subscription)
        if held is None:
            raise NotFound("subscription_unknown")
    if merchant.settings.portal is None:
        raise Refused("portal_off")
    url = login.make_link(ports, merchant, found, purchase=subscription, now=now)
    return Link(url, now + login.LINK_LIFE)


def mail(ports: Ports, merchant: Merchant, customer: str, *, now: datetime) -> Customer:
    """Has a link mailed to a customer, which the outbox draws; raises `NotFound` and `Refused`."""
    if merchant.settings.portal is None:
        raise Refused("portal_off")
    found = send_again.reader(ports, merchant, customer, EventKind.LINK_ASKED)
    send_again.limit(ports, found, EventKind.LINK_ASKED, now)
    asked = OutboxEvent(
        id=f"{ports.new_id('ask')}:{EventKind.LINK_ASKED}",
        kind=EventKind.LINK_ASKED,
        merchant=merchant.id,
        customer=found.id,
        at=now,
        shard=ports.shard_of(found.id),
    )
    ports.store.commit(Insert(asked))
    return found


def known(ports: Ports, merchant: str, customer: str) -> Customer:
    """Returns a customer who is not erased; raises `NotFound`."""
    found = ports.store.customer(merchant, customer)
    if found is None or found.is_erased:
        raise NotFound("customer_unknown")
    return found
