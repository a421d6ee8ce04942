"""Buyers who are sent to their bank, and come back from it (R-4)."""

from __future__ import annotations

from datetime import datetime

from billing.gateway_events.flows import webhook
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import ActionRequired
from billing.kernel.invoices import Invoice
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription


def with_buyer(ports: Ports, invoice: Invoice, *, return_url: str, now: datetime) -> str | None:
    """Returns the bank's page for an attempt that waits for its buyer; None when it waits no more.

    It is settled then (R-4). The same attempt is confirmed once more, now with its buyer: one key,
    one charge. Raises `Refused` while nothing may be charged (R-3).
    """
    subscription = _charged(ports, invoice)
    if subscription.open_invoice == invoice.id:
        gateway_payments.refuse_held(ports, subscription, now=now)
        outcome = gateway_payments.confirm(ports, invoice, return_url=return_url)
        if isinstance(outcome, ActionRequired):
            return outcome.url
    settle(ports, invoice, now=now)
    return None


def _charged(ports: Ports, invoice: Invoice) -> Subscription:
    assert invoice.subscription is not None, "a first payment is confirmed by its checkout"
    found = ports.store.subscription(invoice.merchant, invoice.customer, invoice.subscription)
    assert found is not None, "a subscription is never removed"
    return found


def settle(ports: Ports, invoice: Invoice, *, now: datetime) -> Invoice:
    """Looks at the invoice's payment for a buyer who came back from the bank; returns the invoice.

    An outcome that cannot be known now stays open: an event of the gateway, or the due date, comes
    again.
    """
    try:
        return webhook.look(ports, invoice, now=now)
    except Unavailable:
        return invoice
    except Conflict:
        found = ports.store.invoice(invoice.merchant, invoice.customer, invoice.id)
        assert found is not None, "an invoice is never removed"
        return found
