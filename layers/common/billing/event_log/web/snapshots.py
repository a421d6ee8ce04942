"""The object of an event as JSON: the shapes of /v1, without anything that names a person (M-5).

An event is kept for 90 days and never rewritten, so it holds ids, states and amounts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from billing.api.web.json_shapes import instant, money
from billing.api.web.subscription_shapes import subscription
from billing.customers.web.shapes import invoice
from billing.event_log.public_events import PUBLIC, About
from billing.kernel.customers import access
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports

Shown = dict[str, Any]


def of(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    """Returns the object of an event as it stands; its id alone where it is gone."""
    about = PUBLIC[event.kind][1]
    return {"object": about.value, **_SHAPES[about](ports, event, now)}


def of_access(ports: Ports, merchant: Merchant, customer: str, now: datetime) -> Shown:
    """Returns what a customer may use now, by grant, as a site needs it to let them in."""
    held = ports.store.entitlements(merchant.id, customer)
    sources = [(merchant.id, customer, source) for source in sorted({e.source for e in held})]
    read = ports.store.subscriptions(sources) if sources else []
    subscriptions = [each.as_of(now) for each in read if each is not None]
    opened = access(held, subscriptions, now, merchant.settings.grace_days)
    grants = [
        {"grant": each.grant, "active": each.active, "until": instant(each.until)}
        for each in opened
    ]
    return {"object": About.ACCESS.value, "id": customer, "customer": customer, "grants": grants}


def _subscription(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    assert event.subscription is not None, "it is about a subscription"
    found = ports.store.subscription(event.merchant, event.customer, event.subscription)
    if found is None:
        return {"id": event.subscription}
    return {**subscription(found.as_of(now))}


def _invoice(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    assert event.invoice is not None, "it is about an invoice"
    found = ports.store.invoice(event.merchant, event.customer, event.invoice)
    if found is None:
        return {"id": event.invoice}
    return {**invoice(found), "customer": found.customer}


def _refund(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    assert event.code is not None, "it names the refund"
    found = ports.store.refund(event.merchant, event.customer, event.code)
    if found is None:
        return {"id": event.code}
    return {
        "id": found.id,
        "order": found.order_id,
        "invoice": found.invoice,
        "subscription": event.subscription,
        "customer": found.customer,
        "amount": money(found.amount),
        "state": found.state.value,
    }


def _dispute(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    chargebacks = ports.store.chargebacks(event.merchant, event.customer)
    found = next((each for each in chargebacks if each.id == event.code), None)
    if found is None:
        return {"id": event.code}
    return {
        "id": found.id,
        "order": found.order,
        "invoice": found.invoice,
        "subscription": found.subscription,
        "customer": found.customer,
        "amount": money(found.amount),
        "state": found.standing.value,
        "opened_at": instant(found.opened_at),
    }


def _customer(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    return {"id": event.customer, "changed": event.code}


def _ticket(ports: Ports, event: OutboxEvent, now: datetime) -> Shown:
    name = (event.code or "").partition("~")[0]
    found = ports.store.ticket(event.merchant, name)
    if found is None:
        return {"id": name}
    return {
        "id": found.id,
        "state": found.state.value,
        "department": found.department,
        "customer": found.customer,
        "about": found.about,
        "requested_at": instant(found.requested_at),
    }


_SHAPES: Mapping[About, Callable[[Ports, OutboxEvent, datetime], Shown]] = {
    About.SUBSCRIPTION: _subscription,
    About.INVOICE: _invoice,
    About.REFUND: _refund,
    About.DISPUTE: _dispute,
    About.CUSTOMER: _customer,
    About.TICKET: _ticket,
}
