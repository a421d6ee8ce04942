"""Attempts that their buyer or process abandoned: settled, or withdrawn and given up (C-2, C-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from billing.checkout import checkout_steps
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import advance, settlement
from billing.kernel.errors import Conflict, HeldBack, NotFound, Unavailable, Unreachable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import ActionRequired, Unconfirmed
from billing.kernel.invoices import UNDER_WAY
from billing.kernel.ports import Ports
from billing.kernel.retries import asked_again_at
from billing.kernel.storage import Due


def expire_abandoned(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Finishes attempts that their buyer or process abandoned; charges nothing new.

    A charge under way is settled as the gateway reports it. One that is not paid after an hour is
    withdrawn at the gateway first and abandoned after.
    """
    tally: Counter[str] = Counter()
    for lease in leases:
        merchant, key = lease.owner
        checkout = ports.store.checkout(merchant, key)
        if checkout is None or checkout.due_at != lease.due_at:
            tally["stale"] += 1
            continue
        try:
            tally[f"checkout_{_finish(ports, checkout, now).state}"] += 1
        except Conflict:
            tally["conflict"] += 1
        except Unavailable:
            tally["unknown"] += 1
        except NotFound:
            tally["account_gone"] += 1
    return tally


def _finish(ports: Ports, checkout: Checkout, now: datetime) -> Checkout:
    try:
        return _settled(ports, checkout, now)
    except HeldBack:
        due_at = asked_again_at(checkout.invoice.attempted_at or checkout.created_at, now)
        return settlement.write(ports, checkout_steps.postpone(checkout, due_at))


def _settled(ports: Ports, checkout: Checkout, now: datetime) -> Checkout:
    if checkout.state is not CheckoutState.OPEN:
        return checkout
    invoice, expired = checkout.invoice, now - checkout.created_at >= advance.patience(ports)
    if invoice.state in UNDER_WAY:
        status = gateway_payments.lookup(ports, invoice)
        if not isinstance(status, Unconfirmed | ActionRequired):
            return settlement.settle(ports, checkout, status, now)
    if not expired:
        return settlement.write(
            ports, checkout_steps.postpone(checkout, checkout.created_at + advance.patience(ports))
        )
    if invoice.gateway_ref is None:
        return settlement.write(ports, checkout_steps.abandon(checkout))
    withdrawn = gateway_payments.withdraw(ports, invoice)
    if isinstance(withdrawn, Unconfirmed | ActionRequired):
        raise Unreachable("The gateway did not withdraw the payment.")
    return settlement.settle(ports, checkout, withdrawn, now)
