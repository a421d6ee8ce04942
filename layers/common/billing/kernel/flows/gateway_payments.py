"""The conversation with a gateway about one invoice, the same for first payments and rebills
(R-6)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.kernel.gateways import AtGateway, Canceled, Outcome, PaymentStatus, Unconfirmed
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription


def is_prepared(ports: Ports, invoice: Invoice) -> bool:
    """Whether the next attempt has its payment; where payments lapse that is asked each time."""
    if invoice.gateway_ref is None:
        return False
    return not ports.gateway_of(invoice).capabilities.payments_lapse


def prepare(ports: Ports, invoice: Invoice) -> str:
    """The reference of the one payment that can pay this invoice, the same one for ever or, where
    payments lapse, until that one is over."""
    # Named after the payment that it follows: the same key would give that one again.
    follows = "" if invoice.gateway_ref is None else f":after:{invoice.gateway_ref}"
    gateway = ports.gateway_of(invoice)
    return gateway.prepare(invoice.charge_order, key=f"{invoice.id}{follows}")


def confirm(ports: Ports, invoice: Invoice, *, return_url: str | None = None) -> Outcome:
    """Move the money of the attempt under way; off session where there is nowhere to return to."""
    assert invoice.gateway_ref is not None, "prepared before confirmed"
    return ports.gateway_of(invoice).confirm(
        invoice.gateway_ref,
        invoice.payment_method,
        key=invoice.confirm_key,
        off_session=return_url is None,
        return_url=return_url,
    )


def lookup(ports: Ports, invoice: Invoice) -> PaymentStatus:
    """How the attempt under way stands, asked of the gateway by the payment's id, never by
    search."""
    assert invoice.gateway_ref is not None, "prepared before confirmed"
    gateway = ports.gateway_of(invoice)
    return gateway.lookup(invoice.gateway_ref, attempt_key=invoice.confirm_key)


def resolve(ports: Ports, invoice: Invoice, *, return_url: str | None = None) -> Outcome:
    """How the attempt under way ended; one never confirmed is confirmed now, same key, same method.

    Raises `Unreachable` while that cannot be known; the attempt then stays as it is (R-6: unknown
    never means failed).
    """
    standing = lookup(ports, invoice)
    if isinstance(standing, Unconfirmed):
        return confirm(ports, invoice, return_url=return_url)
    return standing


def refuse_disarmed(ports: Ports, merchant: str) -> None:
    """Raises `Unavailable` where a merchant's money must not be touched: a copy of the tables
    would else withdraw or refund what is another environment's (W-5)."""
    found = ports.store.merchant(merchant)
    assert found is not None, "a merchant is never removed"
    if not found.armed_in(ports.operation.environment):
        raise Unavailable("This environment is disarmed; arm it first.")


def refuse_held(ports: Ports, subscription: Subscription, *, now: datetime) -> None:
    """Raises `Refused` while a subscription may not be charged, whoever asks for it (R-3)."""
    merchant = ports.store.merchant(subscription.merchant)
    assert merchant is not None, "a subscription's merchant is never removed"
    held = ports.as_switched().hold(subscription, merchant.as_of(now))
    if held is not None:
        raise Refused("Nothing can be charged here at the moment.", code=held.value)


def is_there(ports: Ports, held: AtGateway, merchant: Merchant | None = None) -> bool:
    """Whether the gateway account that something lives at is still the merchant's, with its keys
    (W-6)."""
    owner = merchant or ports.store.merchant(held.merchant)
    if owner is None or not owner.holds(held):
        return False
    try:
        ports.gateway_of(held)
    except NotFound:
        return False
    return True


def withdraw(ports: Ports, invoice: Invoice) -> PaymentStatus:
    """Cancel the payment of an attempt under way at the gateway; how it stands after that is the
    order of events (X-6)."""
    if invoice.gateway_ref is None:
        return Canceled()  # What was never prepared cannot be paid.
    refuse_disarmed(ports, invoice.merchant)
    return ports.gateway_of(invoice).cancel(invoice.gateway_ref)
