"""The money that left a payment, by refunds and by banks (B-7, W-4)."""

from __future__ import annotations

from billing.kernel.gateways import DisputeStanding
from billing.kernel.invoices import Invoice
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund


def took_money(ports: Ports, history: History, invoice: Invoice) -> list[Refund | Chargeback]:
    """Returns all that took money of a payment or is about to: refunds, and lost chargebacks.

    `history` is the payment's, as the store's `payment` reads it: chargebacks are read apart, and
    only where the invoice says that there is one.
    """
    refunds = [each for each in history.refunds if each.invoice == invoice.id]
    if invoice.dispute is None:
        return [*refunds]
    found = ports.store.chargebacks(invoice.merchant, invoice.customer)
    lost = (each for each in found if each.standing is DisputeStanding.LOST)
    return [*refunds, *(each for each in lost if each.invoice == invoice.id)]
