"""A customer's purchases as the portal shows them, each with its allowed actions (B-4 .. B-7).

What is shown and what is allowed follow from the same values, so that no icon leads to a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from billing.kernel.customers import PaymentMethod
from billing.kernel.errors import Refused
from billing.kernel.invoices import UNDER_WAY, Invoice, InvoiceState
from billing.kernel.merchants import SelfService, Settings
from billing.kernel.money import Money
from billing.kernel.orders import PAYMENTS, Order, OrderKind
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.values import Value, replace
from billing.plans import freezing
from billing.refunds import value


class Entry(Value):
    """One line of a purchase's history; `has_invoice` for a completed payment (B-5), `refundable`
    while its customer may ask for it back (B-7)."""

    order: Order
    has_invoice: bool
    refundable: bool


class Purchase(Value):
    """One purchase of a customer, with its history and allowed actions.

    `entries` are those of a page, newest first. `owed` is what is past due, `under_way` that a
    charge is being made now, `changing_plan` that the open invoice is a change of plan's.
    `next_amount` is what the next payment will be; `may_cancel`, `may_undo`, `may_freeze`,
    `may_thaw`, `may_pause`, `may_resume` and `may_use_coupon` are what its customer may do (B-6,
    X-5, A-5, X-11, B-12).
    """

    id: str
    product_name: str
    subscription: Subscription | None
    entries: tuple[Entry, ...]
    method: PaymentMethod | None
    owed: Money | None
    under_way: bool
    changing_plan: bool
    next_amount: Money | None
    may_cancel: bool
    may_undo: bool
    may_freeze: bool
    may_thaw: bool
    may_pause: bool
    may_resume: bool
    may_use_coupon: bool
    test: bool

    @property
    def payments(self) -> tuple[Entry, ...]:
        """Returns the completed payments, newest first."""
        return tuple(entry for entry in self.entries if entry.order.kind in PAYMENTS)

    @property
    def credit(self) -> Money | None:
        """Returns the credit that is taken off the next payments, None where there is none
        (A-4)."""
        found = self.subscription
        if found is None or not found.is_live or found.credit_minor <= 0:
            return None
        return Money(found.credit_minor, found.terms.price.currency)

    @property
    def is_live(self) -> bool:
        return self.subscription is not None and self.subscription.is_live


def of_customer(
    orders: Iterable[Order],
    invoices: Iterable[Invoice],
    subscriptions: Sequence[Subscription],
    methods: Iterable[PaymentMethod],
    refund_days: Mapping[str, int],
    settings: Settings,
    now: datetime,
    next_amounts: Mapping[str, Money],
    *,
    every: bool = True,
) -> tuple[Purchase, ...]:
    """Returns one `Purchase` for each purchase: past due first, then those that still charge, then
    the rest, newest first.

    `refund_days` is the window of each product, `next_amounts` the next payment of each
    subscription that has one, with its taxes; `orders` come oldest first, and may be some of them.
    `every` takes subscriptions without an order among them too.
    """
    of_purchase: dict[str, list[Order]] = {each.id: [] for each in subscriptions if every}
    for order in orders:
        if (name := purchase_of(order)) is not None:
            of_purchase.setdefault(name, []).append(order)
    by_invoice = {invoice.id: invoice for invoice in invoices}
    by_id = {subscription.id: subscription for subscription in subscriptions}
    cards = {method.id: method for method in methods}
    found = []
    for name, entries in of_purchase.items():
        subscription = by_id.get(name)
        if subscription is None and all(order.kind is OrderKind.FAILED for order in entries):
            continue  # A checkout that was declined: it bought nothing.
        bought = _purchase(
            name, subscription, entries, by_invoice, cards, refund_days, settings, now
        )
        if subscription is not None and subscription.next_charge_at is not None:
            bought = replace(bought, next_amount=next_amounts[name])
        if bought.owed is not None and subscription is not None and not subscription.open_invoice:
            bought = replace(bought, owed=next_amounts[name])
        found.append(bought)
    return tuple(sorted(found, key=_rank))


def purchase_of(order: Order) -> str | None:
    """Returns the purchase that an entry of the transaction list belongs to."""
    if order.subscription is not None or order.invoice is None:
        return order.subscription
    return order.invoice.rpartition(".")[0]


def may_cancel(subscription: Subscription, settings: Settings, now: datetime) -> bool:
    """Tests whether its customer can ask to end it: it still charges, and nobody has asked (B-6,
    X-1)."""
    return (
        settings.self_cancel is not SelfService.OFF
        and subscription.is_live
        and subscription.state not in {State.INCOMPLETE, State.CANCEL_PENDING}
        and subscription.cancelling is None
        and not has_ended(subscription, now)
    )


def may_undo(subscription: Subscription, now: datetime) -> bool:
    """Tests whether a pending cancellation can still be undone (X-4, X-5)."""
    return subscription.state is State.CANCEL_PENDING and not has_ended(subscription, now)


def may_freeze(subscription: Subscription, settings: Settings, now: datetime) -> bool:
    """Tests whether its customer can freeze it: the merchant offers that, and it runs (A-5)."""
    if not settings.self_freeze or subscription.freezes_at is not None:
        return False
    try:
        freezing.refuse_freeze(subscription, settings, 0, now)
    except Refused:
        return False
    return True


def may_pause(subscription: Subscription, settings: Settings) -> bool:
    """Tests whether its customer can pause it: the merchant offers that, and it runs (X-11)."""
    runs = subscription.state in {State.TRIALING, State.ACTIVE}
    settled = subscription.open_invoice is None and subscription.cancelling is None
    return settings.self_pause and runs and settled and subscription.freezes_at is None


def may_resume(subscription: Subscription) -> bool:
    """Tests whether its customer can end a pause: their own, not the merchant's (X-11)."""
    return subscription.state is State.PAUSED and subscription.paused_by is Source.CUSTOMER


def may_thaw(subscription: Subscription, now: datetime) -> bool:
    """Tests whether a freeze can be undone now, before it began or in force (A-5)."""
    if subscription.freezes_at is not None:
        return now < subscription.freezes_at
    try:
        freezing.refuse_thaw(subscription, now)
    except Refused:
        return False
    return True


def may_use_coupon(subscription: Subscription, settings: Settings, now: datetime) -> bool:
    """Tests whether its customer can enter a coupon: the merchant offers that, a payment is to
    come, and none is open (B-12)."""
    return (
        settings.self_coupon
        and subscription.is_live
        and subscription.state is not State.CANCEL_PENDING
        and subscription.next_charge_at is not None
        and subscription.discount is None
        and subscription.open_invoice is None
        and not has_ended(subscription, now)
    )


def has_ended(subscription: Subscription, now: datetime) -> bool:
    """Tests whether a subscription has ended: `ends_at <= now`, whether or not the sweep has come
    (X-4)."""
    return subscription.ends_at is not None and subscription.ends_at <= now


def refund_window_ends_at(order: Order, days: int, settings: Settings) -> datetime:
    """Returns when the customer's window for one payment closes, by the merchant's days (B-7)."""
    return value.window_ends_at(order.at, days, settings.time_zone)


def is_paid(invoice: Invoice | None) -> bool:
    """Tests whether there is an invoice to download: only a completed payment has one (B-5)."""
    return invoice is not None and invoice.state is InvoiceState.PAID


def _purchase(
    name: str,
    subscription: Subscription | None,
    orders: list[Order],
    invoices: Mapping[str, Invoice],
    cards: Mapping[str, PaymentMethod],
    refund_days: Mapping[str, int],
    settings: Settings,
    now: datetime,
) -> Purchase:
    opened = None
    if subscription is not None and subscription.open_invoice is not None:
        opened = invoices.get(subscription.open_invoice)
    entries = tuple(
        _entry(order, invoices.get(order.invoice or ""), refund_days, settings, now)
        for order in reversed(orders)
    )
    return Purchase(
        id=name,
        product_name=subscription.product_name if subscription else orders[0].product_name,
        subscription=subscription,
        entries=entries,
        method=cards.get(subscription.payment_method) if subscription else None,
        owed=_owed(subscription, opened),
        under_way=opened is not None and opened.state in UNDER_WAY,
        changing_plan=opened is not None and opened.changes_plan,
        next_amount=None,
        may_cancel=subscription is not None and may_cancel(subscription, settings, now),
        may_undo=subscription is not None and may_undo(subscription, now),
        may_freeze=subscription is not None and may_freeze(subscription, settings, now),
        may_thaw=subscription is not None and may_thaw(subscription, now),
        may_pause=subscription is not None and may_pause(subscription, settings),
        may_resume=subscription is not None and may_resume(subscription),
        may_use_coupon=subscription is not None and may_use_coupon(subscription, settings, now),
        test=subscription.test if subscription else orders[0].test,
    )


def _entry(
    order: Order,
    invoice: Invoice | None,
    refund_days: Mapping[str, int],
    settings: Settings,
    now: datetime,
) -> Entry:
    payment = order.kind in PAYMENTS
    days = refund_days.get(order.product, 0)
    refundable = (
        payment
        and settings.self_refund is not SelfService.OFF
        and invoice is not None
        and bool(value.refundable(invoice))
        and days > 0
        and now < refund_window_ends_at(order, days, settings)
    )
    return Entry(order, payment and is_paid(invoice), refundable)


def _owed(subscription: Subscription | None, opened: Invoice | None) -> Money | None:
    if subscription is None or subscription.state is not State.PAST_DUE:
        return None
    return subscription.terms.price if opened is None else opened.total


def _rank(purchase: Purchase) -> tuple[int, float]:
    first = 0 if purchase.owed is not None else 1 if purchase.is_live else 2
    subscription = purchase.subscription
    began = subscription.started_at if subscription else purchase.entries[-1].order.at
    return first, -began.timestamp()
