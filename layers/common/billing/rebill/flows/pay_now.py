"""Payments of what is past due, out of turn: at once, outside the count of retries (R-4, B-10)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.errors import Conflict, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.invoices import UNDER_WAY
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.writes import left
from billing.rebill import charge_steps

ATTEMPTS = 8


def now_due(ports: Ports, found: Subscription, *, now: datetime) -> Subscription:
    """Makes the worker charge at once; asking again while it does changes nothing.

    Raises `Refused` for what is not past due (nothing_due), is being charged (charge_under_way), or
    is disputed (disputed).
    """
    for _ in range(ATTEMPTS):
        if found.state is not State.PAST_DUE:
            raise Refused("nothing_due")
        opened = (
            ports.store.invoice(found.merchant, found.customer, found.open_invoice)
            if found.open_invoice
            else None
        )
        if opened is not None and opened.state in UNDER_WAY:
            raise Refused("payment_under_way", code="charge_under_way")
        if found.dispute == "open":
            raise Refused("disputed")
        if found.pay_now is not None:
            return found
        write = charge_steps.pay_now(found, opened, now)
        try:
            ports.store.commit(*write)
        except Conflict:
            found = subscriptions.again(ports, found)
            continue
        return left(found, write)
    raise Conflict()
