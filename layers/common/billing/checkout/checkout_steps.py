"""A checkout as transactions: the writes of each step, and their conditions (C-2 .. C-4).

The same protocol as a rebill's (`billing.rebill.charge_steps`), with the attempt as the owner of
its invoice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.checkout import purchase, trials
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.kernel import ledger, payment_refs
from billing.kernel.customers import (
    ERASED,
    Entitlement,
    PaymentMethod,
    PurchaseBillTo,
    nobody,
)
from billing.kernel.gateways import ActionRequired, Declined, SavedMethod, Succeeded
from billing.kernel.invoices import InvoiceState
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Transaction
from billing.notices import reminders

AS_READ = ("state", "invoice")
"""Fields that change with every step: one is written only if no other came between."""

LOOK_AGAIN = timedelta(minutes=2)
"""The time until the sweep looks at an attempt whose outcome nobody waited for."""

ERASED_AFTER = timedelta(days=30)
"""The time for which the form of an unsuccessful attempt is kept.

Until then a gateway may still report that it was paid (M-8, W-1).
"""


def begin(checkout: Checkout) -> Transaction:
    """Inserts the attempt before the first gateway call; the key is taken from now on."""
    return (Insert(checkout),)


def undo_begin(checkout: Checkout) -> Transaction:
    """Removes an attempt as if it had not been sent, so that its key stays free.

    An input that no gateway can read is a slip.
    """
    return (Remove(checkout),)


def save_method(
    checkout: Checkout, method: SavedMethod, now: datetime
) -> tuple[Checkout, Transaction]:
    """Records the payment method that the gateway saved."""
    kept = PaymentMethod(
        id=method.token,
        merchant=checkout.merchant,
        customer=checkout.customer,
        gateway=checkout.invoice.gateway,
        gateway_account=checkout.invoice.gateway_account,
        brand=method.brand,
        last4=method.last4,
        expires_on=method.expires_on,
        fingerprint=method.fingerprint,
        added_at=now,
        country=method.country,
    )
    invoice = replace(checkout.invoice, payment_method=kept.id)
    return _step(checkout, replace(checkout, method=kept, invoice=invoice))


def prepare(checkout: Checkout, gateway_ref: str) -> tuple[Checkout, Transaction]:
    """Records the one payment that can ever pay for it (step 2)."""
    return _step(checkout, replace(checkout, invoice=checkout.invoice.ready(gateway_ref)))


def pass_point_of_no_return(
    checkout: Checkout, failed_order_id: str, now: datetime, coupon: Transaction = ()
) -> tuple[Checkout, Transaction]:
    """Starts the charge (step 3): money may move from here on; `coupon` takes its use."""
    assert checkout.method is not None, "saved before it is charged"
    invoice = checkout.invoice.confirming(now, checkout.method.id, failed_order_id)
    after, step = _step(checkout, replace(checkout, invoice=invoice, due_at=now + LOOK_AGAIN))
    pointer = payment_refs.pointed_at(invoice, checkout.key)
    return after, (*step, pointer, *trials.taken(checkout, now), *coupon)


def wait_for_buyer(checkout: Checkout, outcome: ActionRequired) -> tuple[Checkout, Transaction]:
    """Sends the buyer to the gateway's page for 3-D Secure.

    They come back, or a webhook comes first.
    """
    invoice = checkout.invoice.in_state(InvoiceState.ACTION_REQUIRED)
    return _step(checkout, replace(checkout, invoice=invoice, action_url=outcome.url))


def decline(
    checkout: Checkout,
    outcome: Declined,
    now: datetime,
    *,
    failed_order_id: str,
    coupon: Transaction = (),
) -> tuple[Checkout, Transaction]:
    """Ends an attempt as declined; creates nothing but a failed order (C-4).

    Its key stays declined. The order is nobody's, also where a customer has that email: a form
    proves no mailbox, and only a payment makes its sender their owner. `coupon` gives its use back.
    """
    invoice = replace(checkout.invoice, failed_order_id=failed_order_id)
    over = replace(
        checkout,
        state=CheckoutState.DECLINED,
        invoice=invoice.in_state(InvoiceState.VOID),
        decline_code=outcome.code,
        action_url=None,
        due_at=checkout.created_at + ERASED_AFTER,
    )
    order = replace(
        invoice.failed_order(now, outcome.code),
        customer=None,
        subscription=None,
        attempt_key=checkout.key,
    )
    _, transaction = _step(checkout, over)
    return over, (*transaction, *trials.given_back(checkout), *coupon, Insert(order))


def abandon(
    checkout: Checkout, code: str | None = None, coupon: Transaction = ()
) -> tuple[Checkout, Transaction]:
    """Ends an attempt as abandoned, so that it can never be paid any more.

    It was left alone for an hour and withdrawn at the gateway, or refused for the reason `code`.
    `coupon` gives its use back.
    """
    over = replace(
        checkout,
        state=CheckoutState.ABANDONED,
        invoice=checkout.invoice.in_state(InvoiceState.VOID),
        decline_code=code,
        action_url=None,
        due_at=checkout.created_at + ERASED_AFTER,
    )
    _, transaction = _step(checkout, over)
    return over, (*transaction, *trials.given_back(checkout), *coupon)


def forget(checkout: Checkout) -> tuple[Checkout, Transaction]:
    """Erases the form of an attempt; the same key still has the same answer (M-8).

    Nobody is named any more.
    """
    left = nobody(checkout.bill_to.address.country)
    return _step(
        checkout,
        replace(
            checkout,
            bill_to=left,
            consent=replace(checkout.consent, ip=ERASED),
            payment_token=ERASED,
            method=None,
            invoice=replace(checkout.invoice, bill_to=left, payment_method=ERASED, hand_off=None),
            return_url=None,
            due_at=None,
        ),
    )


def postpone(checkout: Checkout, due_at: datetime) -> tuple[Checkout, Transaction]:
    """Postpones the sweep's next look, as nothing is known yet."""
    return _step(checkout, replace(checkout, due_at=due_at))


def settle_paid(
    checkout: Checkout,
    outcome: Succeeded | None,
    now: datetime,
    *,
    customer: str | None,
    anew: str | None = None,
    kept: PaymentMethod | None = None,
    shard: int,
    coupon: Transaction = (),
) -> tuple[Checkout, Transaction]:
    """Books a paid attempt: customer, subscription, order, invoice, access and mail together (C-3).

    This is step 5. `outcome` is None for a $0 start, `customer` the existing customer of that
    email, `kept` their card where it is the very one that was given again. An existing customer's
    card and address stay as they are (B-3). Who was erased since it began buys as a new customer,
    whose id is `anew`.
    """
    owner = customer or anew or checkout.customer
    by = replace(checkout, customer=owner)
    charge = outcome.charge if outcome else None
    invoice = replace(checkout.invoice, customer=owner).paid(now, charge)
    subscription = purchase.subscription(checkout, owner, now) if checkout.terms.rebills else None
    over = replace(
        checkout,
        state=CheckoutState.PAID,
        customer=owner,
        invoice=invoice,
        action_url=None,
        due_at=None,
        next_charge_at=subscription.next_charge_at if subscription else None,
    )
    _, transaction = _step(checkout, over)
    return over, (
        *transaction,
        # Without a charge there was no point of no return to take it at.
        *(() if invoice.total else (*trials.taken(checkout, now), *coupon)),
        *(() if customer else purchase.new_customer(by, now)),
        purchase.keep(by, customer, kept),
        *((Insert(subscription), Insert(reminders.first(subscription))) if subscription else ()),
        Insert(PurchaseBillTo(checkout.merchant, owner, checkout.purchase, checkout.bill_to)),
        Insert(purchase.consent(checkout, owner)),
        Insert(invoice),
        Insert(replace(invoice.order(now), attempt_key=checkout.key)),
        *((Insert(ledger.payment(invoice, now)),) if invoice.total else ()),
        *(
            Insert(Entitlement(checkout.merchant, owner, grant, checkout.purchase, now))
            for grant in checkout.grants
        ),
        Insert(purchase.purchased(over, subscription, now, shard)),
    )


def _step(before: Checkout, after: Checkout) -> tuple[Checkout, Transaction]:
    return after, (Change(before, after, expecting=AS_READ),)
