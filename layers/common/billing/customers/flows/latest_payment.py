"""Finds the latest payment of a subscription, whatever else its customer paid."""

from __future__ import annotations

from billing.kernel import invoicing
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription

LOOKED_AT = 20
"""The newest invoices among which it is: all but a few of them are void where it is not."""


def latest_payment(ports: Ports, subscription: Subscription) -> Invoice | None:
    """Returns the newest paid invoice of a subscription; None if the newest 20 are all unpaid."""
    numbers = range(subscription.seq, max(0, subscription.seq - LOOKED_AT), -1)
    owner = (subscription.merchant, subscription.customer)
    wanted = [(*owner, invoicing.invoice_id(subscription.id, seq)) for seq in numbers]
    read = ports.store.invoices(wanted) if wanted else []
    return next((each for each in read if each and each.state is InvoiceState.PAID), None)
