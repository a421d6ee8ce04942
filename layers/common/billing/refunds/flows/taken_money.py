"""The refunds and chargebacks of a payment, which take its money (B-7, W-4)."""

from __future__ import annotations

from billing.kernel.invoices import Invoice
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund


def of_payment(ports: Ports, history: History, invoice: Invoice) -> list[Refund | Chargeback]:
    """Returns the refunds in the payment's history, and its customer's chargebacks.

    `history` is as the store's `payment` reads it: chargebacks are read apart, and only where the
    invoice says that it has one.
    """
    disputed = invoice.dispute is not None
    found = ports.store.chargebacks(invoice.merchant, invoice.customer) if disputed else []
    return [*history.refunds, *found]
