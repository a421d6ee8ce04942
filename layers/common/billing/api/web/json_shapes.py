"""JSON for callers: one function per entity, whose return type is its schema in OpenAPI.

Nothing is shown that is not named here: no token, no hash, no gateway reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar, overload

from typing_extensions import TypedDict

from billing.cancel.flows.cancel import Ending, Result
from billing.kernel.catalog import Initial, PricePoint, PriceTerms, Product
from billing.kernel.money import Money
from billing.kernel.orders import Order, Returned
from billing.kernel.subscription import Subscription

T = TypeVar("T")


class Listed(TypedDict, Generic[T]):
    """A list, newest first; `next` is the cursor of the next page, null at the end."""

    data: list[T]
    next: str | None


class MoneyOutput(TypedDict):
    """An amount in minor units."""

    amount: int
    currency: str


class InitialOutput(TypedDict):
    """The first amount, and how long it lasts."""

    amount: int
    period: dict[str, int]


class TermsOutput(TypedDict):
    """The terms of a price point."""

    type: str
    price: MoneyOutput
    period: str | None
    installments: int | None
    cycle: str | None
    initial: InitialOutput | None
    cancellation: str
    trial_guard: bool


class PricePointOutput(TermsOutput):
    """A price point; `version` counts its changes, `checkout_url` sells it."""

    id: str
    product: str
    version: int
    default: bool
    checkout_url: str
    created_at: str


class ProductOutput(TypedDict):
    """A product with its price points; exactly one of them is the default (P-14)."""

    id: str
    name: str
    public_listing: bool
    refund_days: int
    gateways: list[str]
    grants: list[str]
    limits: dict[str, int]
    default_price_point: str
    price_points: list[PricePointOutput]
    created_at: str


class OrderOutput(TypedDict):
    """An entry of the transaction list; `id` is its Order ID, `refunded` minor units.

    Entries of a cancellation say who asked, why, when it ends, and whether it was undone.
    """

    id: str
    kind: str
    at: str
    amount: MoneyOutput
    customer: str | None
    email: str | None
    subscription: str | None
    invoice: str | None
    product: str
    product_name: str
    price_point: str
    refunded: int
    code: str | None
    source: str | None
    reason: str | None
    comment: str | None
    ends_at: str | None
    withdrawn: bool
    test: bool


class RefundOutput(OrderOutput):
    """The entry of a refund, with the state of its payment and its subscription's credit after it.

    `credit_taken` is the credit that it took back first, in minor units. `left` could still be
    refunded after it; `used_as_credit` of that has paid for other periods, so that a customer
    cannot ask for it.
    """

    credit_taken: int
    left: MoneyOutput
    used_as_credit: MoneyOutput


class RefundUnderWayOutput(RefundOutput):
    """The entry of a refund as it will be; it can be looked up by its id once it is done.

    `state` is `processing` while the gateway has not answered.
    """

    state: str


class SubscriptionOutput(TypedDict):
    """A billing agreement, with the terms that it is charged at.

    `pending_plan` is the price point that takes effect with the next charge; `credit` is taken off
    the next charges, in minor units: negative, it is owed with the next one. `freezes_at` is when
    a freeze begins; until it is unfrozen, `thaws_to` is the price point to come back to.
    """

    id: str
    state: str
    customer: str
    product: str
    product_name: str
    price_point: str
    terms: TermsOutput
    time_zone: str
    started_at: str
    next_charge_at: str | None
    ends_at: str | None
    ended_by: str | None
    payments_made: int
    payments_in_all: int | None
    open_invoice: str | None
    waiting_since: str | None
    dispute: str | None
    pending_plan: str | None
    freezes_at: str | None
    thaws_to: str | None
    credit: int
    gateway: str
    test: bool


class EndingOutput(SubscriptionOutput):
    """A subscription after a request to end it.

    With a charge under way, its outcome at the gateway comes first (X-6).
    """

    charge_under_way: bool


def listed(items: Iterable[T], next: str | None = None) -> Listed[T]:  # noqa: A002 - as it is called
    return {"data": list(items), "next": next}


@overload
def instant(at: datetime) -> str: ...
@overload
def instant(at: None) -> None: ...
def instant(at: datetime | None) -> str | None:
    """Formats an instant as RFC 3339 in UTC, to the second."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def money(amount: Money) -> MoneyOutput:
    return {"amount": amount.amount_minor, "currency": amount.currency.value}


def terms(terms: PriceTerms) -> TermsOutput:
    return {
        "type": terms.type.value,
        "price": money(terms.price),
        "period": terms.period and terms.period.value,
        "installments": terms.installments,
        "cycle": terms.cycle and terms.cycle.value,
        "initial": None if terms.initial is None else _initial(terms.initial),
        "cancellation": terms.cancellation.value,
        "trial_guard": terms.trial_guard,
    }


def _initial(initial: Initial) -> InitialOutput:
    length = initial.length
    return {"amount": initial.amount_minor, "period": {length.unit.value: length.count}}


def price_point(
    point: PricePoint, product: Product, checkout_url: Callable[[str], str]
) -> PricePointOutput:
    return {
        "id": point.id,
        "product": point.product,
        "version": point.version,
        "default": point.id == product.default_price_point,
        "checkout_url": checkout_url(point.id),
        "created_at": instant(point.created_at),
        **terms(point.terms),
    }


def product(
    product: Product, points: Iterable[PricePoint], checkout_url: Callable[[str], str]
) -> ProductOutput:
    return {
        "id": product.id,
        "name": product.name,
        "public_listing": product.public_listing,
        "refund_days": product.refund_days,
        "gateways": list(product.gateways),
        "grants": list(product.grants),
        "limits": {limit.of: limit.most for limit in product.limits},
        "default_price_point": product.default_price_point,
        "price_points": [price_point(point, product, checkout_url) for point in points],
        "created_at": instant(product.created_at),
    }


def order(order: Order) -> OrderOutput:
    return {
        "id": order.id,
        "kind": order.kind.value,
        "at": instant(order.at),
        "amount": money(order.amount),
        "customer": order.customer,
        "email": order.email,
        "subscription": order.subscription,
        "invoice": order.invoice,
        "product": order.product,
        "product_name": order.product_name,
        "price_point": order.price_point,
        "refunded": order.refunded_minor,
        "code": order.code,
        "source": order.source,
        "reason": order.reason,
        "comment": order.comment,
        "ends_at": instant(order.ends_at),
        "withdrawn": order.withdrawn,
        "test": order.test,
    }


def refund(entry: Order) -> RefundOutput:
    returned, currency = entry.refund or Returned(0, 0, 0), entry.amount.currency
    return {
        **order(entry),
        "credit_taken": returned.credit_minor,
        "left": money(Money(returned.left_minor, currency)),
        "used_as_credit": money(Money(returned.used_minor, currency)),
    }


def refund_under_way(entry: Order) -> RefundUnderWayOutput:
    return {**refund(entry), "state": "processing"}


def subscription(subscription: Subscription) -> SubscriptionOutput:
    return {
        "id": subscription.id,
        "state": subscription.state.value,
        "customer": subscription.customer,
        "product": subscription.product,
        "product_name": subscription.product_name,
        "price_point": subscription.price_point,
        "terms": terms(subscription.terms),
        "time_zone": subscription.anchor.zone,
        "started_at": instant(subscription.started_at),
        "next_charge_at": instant(subscription.next_charge_at),
        "ends_at": instant(subscription.ends_at),
        "ended_by": subscription.ended_by,
        "payments_made": subscription.payments_made,
        "payments_in_all": subscription.terms.standard_payments,
        "open_invoice": subscription.open_invoice,
        "waiting_since": instant(subscription.waiting_since),
        "dispute": subscription.dispute,
        "pending_plan": _pending_plan(subscription),
        "freezes_at": instant(subscription.freezes_at),
        "thaws_to": _thaws_to(subscription),
        "credit": subscription.credit_minor,
        "gateway": subscription.gateway,
        "test": subscription.test,
    }


def _pending_plan(subscription: Subscription) -> str | None:
    """Returns the plan that was asked for with the next charge; a freeze has fields of its own."""
    if subscription.plan_to_come is None or subscription.thaws_to is not None:
        return None
    return subscription.plan_to_come.price_point


def _thaws_to(subscription: Subscription) -> str | None:
    """Returns the plan that a freeze, in force or to come, returns to."""
    freezes = subscription.is_frozen or subscription.freezes_at is not None
    back_to = subscription.thaws_to if freezes else None
    return None if back_to is None else back_to.price_point


def ending(ending: Ending) -> EndingOutput:
    under_way = ending.result is Result.CHARGE_UNDER_WAY
    return {**subscription(ending.subscription), "charge_under_way": under_way}
