"""Gateway calls for one invoice, the same for first payments and rebills (R-6)."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.kernel.gateways import AtGateway, Canceled, Outcome, PaymentStatus, Unconfirmed
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription


def is_prepared(ports: Ports, invoice: Invoice) -> bool:
    """True if the next attempt has its payment; where payments lapse, each attempt prepares
    again."""
    if invoice.gateway_ref is None:
        return False
    return not ports.gateway_of(invoice).capabilities.payments_lapse


def prepare(ports: Ports, invoice: Invoice) -> str:
    """Prepares the one payment that can pay this invoice, and returns its reference.

    It is the same one for ever or, where payments lapse, until that one has expired.
    """
    # The key names the payment before it: the same key would return that payment again.
    follows = "" if invoice.gateway_ref is None else f":after:{invoice.gateway_ref}"
    gateway = ports.gateway_of(invoice)
    return gateway.prepare(invoice.charge_order, key=f"{invoice.id}{follows}")


def prepare_ahead(ports: Ports, invoice: Invoice) -> str:
    """Prepares the payment of an invoice that is not written yet, and returns its reference.

    The invoice may never be written, and another may get its id. So the key names all that the
    gateway is asked for: prepared again after a process died it is the same payment, and with
    another amount, card or text it is another one. One that is never confirmed charges nobody.
    """
    order = invoice.charge_order
    amount, currency = order.amount.amount_minor, order.amount.currency.value
    asked = (amount, currency, order.account, order.description, order.payment_method)
    digest = sha256(repr(asked).encode()).hexdigest()[:16]
    return ports.gateway_of(invoice).prepare(order, key=f"{invoice.id}:{digest}")


def confirm(ports: Ports, invoice: Invoice, *, return_url: str | None = None) -> Outcome:
    """Confirms the attempt under way, which moves the money; off session if there is no
    `return_url`."""
    assert invoice.gateway_ref is not None, "prepared before confirmed"
    return ports.gateway_of(invoice).confirm(
        invoice.gateway_ref,
        invoice.payment_method,
        key=invoice.confirm_key,
        off_session=return_url is None,
        return_url=return_url,
    )


def lookup(ports: Ports, invoice: Invoice) -> PaymentStatus:
    """Returns the status of the attempt under way, by the payment's id, never by search."""
    assert invoice.gateway_ref is not None, "prepared before confirmed"
    gateway = ports.gateway_of(invoice)
    return gateway.lookup(invoice.gateway_ref, attempt_key=invoice.confirm_key)


def resolve(ports: Ports, invoice: Invoice, *, return_url: str | None = None) -> Outcome:
    """Returns the outcome of the attempt under way.

    An unconfirmed attempt is confirmed now: same key, same method. Raises `Unreachable` while the
    outcome cannot be known; the attempt then stays as it is (R-6: unknown never means failed).
    """
    status = lookup(ports, invoice)
    if isinstance(status, Unconfirmed):
        return confirm(ports, invoice, return_url=return_url)
    return status


def refuse_disarmed(ports: Ports, merchant: str) -> Merchant:
    """Reads the merchant, and raises `Unavailable` if it is disarmed here, so that its money must
    not be touched.

    A copy of the tables could otherwise cancel or refund another environment's payments (W-5).
    """
    found = ports.store.merchant(merchant)
    assert found is not None, "a merchant is never removed"
    if not found.armed_in(ports.operation.environment):
        raise Unavailable("This environment is disarmed; arm it first.")
    return found


def refuse_held(ports: Ports, subscription: Subscription, *, now: datetime) -> None:
    """Raises `Refused` while a subscription may not be charged, whoever asks for it (R-3)."""
    (merchant,), switch = ports.store.merchants_and_switch([subscription.merchant])
    assert merchant is not None, "a subscription's merchant is never removed"
    held = ports.switched(switch).hold(subscription, merchant.as_of(now))
    if held is not None:
        raise Refused("charges_stopped", code=held.value)


def is_there(ports: Ports, held: AtGateway, merchant: Merchant | None = None) -> bool:
    """True if a gateway account is still the merchant's, with its keys (W-6).

    The account is that of `held`: an invoice, a card or the like.
    """
    owner = merchant or ports.store.merchant(held.merchant)
    if owner is None or not owner.holds(held):
        return False
    try:
        ports.gateway_of(held)
    except NotFound:
        return False
    return True


def withdraw(ports: Ports, invoice: Invoice) -> PaymentStatus:
    """Cancels the payment of an attempt under way at the gateway, and returns its status after
    that.

    That status decides whether the payment or the cancellation came first (X-6).
    """
    if invoice.gateway_ref is None:
        return Canceled()  # What was never prepared cannot be paid.
    refuse_disarmed(ports, invoice.merchant)
    return ports.gateway_of(invoice).cancel(invoice.gateway_ref)


def withdraw_void(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Cancels a void invoice's payment at the gateway too, so that nobody can confirm it."""
    assert event.invoice is not None, "a payment's event names its invoice"
    invoice = ports.store.invoice(merchant.id, event.customer, event.invoice)
    assert invoice is not None, "an event names an invoice that is there"
    try:
        withdraw(ports, invoice)
    except NotFound:
        return  # Its gateway account is gone, so nobody can confirm it here (W-6).
