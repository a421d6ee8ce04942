"""JSON for callers: one function per entity, whose return type is its schema in OpenAPI.

Nothing is shown that is not named here: no token, no hash, no gateway reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, NotRequired, TypeVar, overload

from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf, Url
from billing.kernel import hand_off
from billing.kernel.catalog import (
    Cancellation,
    Cycle,
    Initial,
    PricePoint,
    PriceTerms,
    PriceType,
    Product,
    TaxBehavior,
)
from billing.kernel.customers import Address
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind, Returned
from billing.kernel.periods import Period

T = TypeVar("T")


class Listed(TypedDict, Generic[T]):
    """A list, newest first; `next` is the cursor of the next page, null at the end.

    `incomplete` is there, and true, only while what was sold before an update is still being
    indexed for this list, and may be missing in it.
    """

    data: list[T]
    next: str | None
    incomplete: NotRequired[Literal[True]]


class AddressOutput(TypedDict):
    """A postal address."""

    line1: str
    line2: str | None
    city: str
    postal_code: str | None
    state: str | None
    country: str


class MoneyOutput(TypedDict):
    """An amount in minor units."""

    amount: int
    currency: Annotated[str, OneOf(Currency)]


class InitialOutput(TypedDict):
    """The first amount, and how long it lasts."""

    amount: int
    period: dict[str, int]


class TermsOutput(TypedDict):
    """The terms of a price point; `tax` is `exclusive` where it comes on top, `inclusive` where it
    is in the price."""

    type: Annotated[str, OneOf(PriceType)]
    price: MoneyOutput
    period: Annotated[str, OneOf(Period)] | None
    installments: int | None
    cycle: Annotated[str, OneOf(Cycle)] | None
    initial: InitialOutput | None
    cancellation: Annotated[str, OneOf(Cancellation)]
    trial_guard: bool
    tax: Annotated[str, OneOf(TaxBehavior)]


class PricePointOutput(TermsOutput):
    """A price point; `version` counts its changes, `checkout_url` sells it."""

    id: str
    product: str
    version: int
    default: bool
    archived: bool
    checkout_url: Url
    created_at: Instant


class SaveOfferOutput(TypedDict):
    """An offer to customers who are about to cancel."""

    kind: str
    coupon: str | None
    price_point: str | None


class ProductOutput(TypedDict):
    """A product with its price points; exactly one of them is the default (P-14).

    `changes_to` are the price points, of any product, that its customers may change to in the
    portal; none means its own.
    """

    id: str
    name: str
    public_listing: bool
    refund_days: int
    gateways: list[str]
    grants: list[str]
    limits: dict[str, int]
    archived: bool
    default_price_point: str
    changes_to: list[str]
    save_offer: SaveOfferOutput | None
    price_points: list[PricePointOutput]
    created_at: Instant


class OrderOutput(TypedDict):
    """An entry of the transaction list; `id` is its Order ID, `refunded` minor units.

    Entries of a cancellation say who asked, why, when it ends, and whether it was undone.
    `client_reference` and `metadata` are what your program said of the purchase at its checkout.
    """

    id: str
    kind: Annotated[str, OneOf(OrderKind)]
    at: Instant
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
    ends_at: Instant | None
    withdrawn: bool
    client_reference: str | None
    metadata: dict[str, str]
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


def listed(items: Iterable[T], next: str | None = None, *, complete: bool = True) -> Listed[T]:  # noqa: A002 - as it is called
    found: Listed[T] = {"data": list(items), "next": next}
    return found if complete else {**found, "incomplete": True}


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
        "tax": terms.tax.value,
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
        "archived": not product.sells(point.id),
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
        "archived": product.archived,
        "default_price_point": product.default_price_point,
        "changes_to": list(product.changes_to),
        "save_offer": _save_offer(product),
        "price_points": [price_point(point, product, checkout_url) for point in points],
        "created_at": instant(product.created_at),
    }


def _save_offer(product: Product) -> SaveOfferOutput | None:
    found = product.save_offer
    if found is None:
        return None
    return {
        "kind": found.kind.value,
        "coupon": found.coupon,
        "price_point": found.price_point,
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
        "client_reference": hand_off.reference_of(order.hand_off),
        "metadata": hand_off.metadata_of(order.hand_off),
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


def address(address: Address) -> AddressOutput:
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "postal_code": address.postal_code,
        "state": address.state,
        "country": address.country,
    }
