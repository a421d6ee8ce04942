"""Paying what is past due out of turn: at once, and outside the count of retries (R-4, B-10)."""

from __future__ import annotations

from datetime import datetime

from billing import protocol
from billing.errors import Conflict, NotFound, Refused, Unavailable
from billing.flows import charging, webhook
from billing.gateways import ActionRequired
from billing.orders import UNDER_WAY, Invoice
from billing.ports import Ports
from billing.subscription import State, Subscription
from billing.transactions import left

ATTEMPTS = 8


def now_due(
    ports: Ports, merchant: str, customer: str, subscription: str, *, now: datetime
) -> Subscription:
    """Have the worker try at once; asking again while it does changes nothing.

    Raises `NotFound`, and `Refused` for what is not past due (nothing_due), is being charged
    (charge_under_way), or is disputed (disputed).
    """
    for _ in range(ATTEMPTS):
        found = ports.store.subscription(merchant, customer, subscription)
        if found is None:
            raise NotFound("There is no such subscription.")
        if found.state is not State.PAST_DUE:
            raise Refused("Nothing is past due here.", code="nothing_due")
        opened = (
            ports.store.invoice(merchant, customer, found.open_invoice)
            if found.open_invoice
            else None
        )
        if opened is not None and opened.state in UNDER_WAY:
            raise Refused("A charge is under way already.", code="charge_under_way")
        if found.dispute == "open":
            raise Refused(
                "A dispute is open; nothing is charged until it is decided.", code="disputed"
            )
        if found.pay_now is not None:
            return found
        write = protocol.pay_now(found, opened, now)
        try:
            ports.store.commit(*write)
        except Conflict:
            continue
        return left(found, write)
    raise Conflict("The subscription is busy; nothing was changed. Try again.")


def with_buyer(ports: Ports, invoice: Invoice, *, return_url: str, now: datetime) -> str | None:
    """Where the bank asks the buyer of an attempt that waits for them; None when it waits no more,
    for it is settled then (R-4).

    The same attempt is confirmed once more, now with its buyer: one key, one charge. Raises
    `Refused` while nothing may be charged (R-3).
    """
    subscription = _charged(ports, invoice)
    if subscription.open_invoice == invoice.id:
        charging.refuse_held(ports, subscription, now=now)
        outcome = charging.confirm(ports, invoice, return_url=return_url)
        if isinstance(outcome, ActionRequired):
            return outcome.url
    settled(ports, invoice, now=now)
    return None


def _charged(ports: Ports, invoice: Invoice) -> Subscription:
    assert invoice.subscription is not None, "a first payment is confirmed by its checkout"
    found = ports.store.subscription(invoice.merchant, invoice.customer, invoice.subscription)
    assert found is not None, "a subscription is never removed"
    return found


def settled(ports: Ports, invoice: Invoice, *, now: datetime) -> Invoice:
    """The invoice after a look at its payment, for a buyer who came back from the bank.

    What cannot be known now stays as it is: an event of the gateway, or the alarm, comes again.
    """
    try:
        return webhook.look(ports, invoice, now=now)
    except Unavailable:
        return invoice
    except Conflict:
        found = ports.store.invoice(invoice.merchant, invoice.customer, invoice.id)
        assert found is not None, "an invoice is never removed"
        return found
