"""Maps a gateway payment id to its invoice (W-1).

A gateway's event names only the payment.
"""

from __future__ import annotations

from billing.kernel.invoices import Invoice
from billing.kernel.values import replace
from billing.kernel.writes import Change, Entity, Insert


class PaymentPointer(Entity):
    """A pointer from a payment at a gateway account to the invoice that it pays.

    Written when the first attempt begins (the point of no return), for no money can move before it.
    `attempt_key` names the checkout of a first payment, whose customer is known only once it is
    paid. `events` are the ids of the gateway events that had an effect, each added in the same
    transaction.
    """

    gateway: str
    account: str
    reference: str
    merchant: str
    customer: str
    invoice: str
    subscription: str | None
    attempt_key: str | None = None
    events: tuple[str, ...] = ()

    def told_by(self, event: str) -> Change:
        """Returns the write that records the id of an event, to commit together with its effect."""
        return Change(self, replace(self, events=(*self.events, event)), expecting=("events",))


def pointed_at(invoice: Invoice, attempt_key: str | None = None) -> Insert:
    """Returns the insert of the pointer to an invoice whose first attempt begins."""
    assert invoice.gateway_ref is not None, "prepared before confirmed"
    return Insert(
        PaymentPointer(
            gateway=invoice.gateway,
            account=invoice.gateway_account,
            reference=invoice.gateway_ref,
            merchant=invoice.merchant,
            customer=invoice.customer,
            invoice=invoice.id,
            subscription=invoice.subscription,
            attempt_key=attempt_key,
        )
    )
