"""Whose a gateway's payment is: what an event names, and nothing of ours does (W-1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from billing.kernel.invoices import Invoice
from billing.kernel.writes import Change, Insert


@dataclass(frozen=True, slots=True)
class PaymentPointer:
    """From a payment at a gateway account to the invoice that it pays.

    Written with the point of no return, for before it no money can move. `attempt_key` names the
    checkout of a first payment, whose customer is known only once it is paid. `events` are the ids
    of the events that brought something about, each added in the transaction that it did.
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
        """The write that remembers an event with what it brought about."""
        return Change(self, replace(self, events=(*self.events, event)), expecting=("events",))


def pointed_at(invoice: Invoice, attempt_key: str | None = None) -> Insert:
    """The pointer to an invoice whose first attempt begins."""
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
