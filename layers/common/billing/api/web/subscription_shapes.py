"""Subscriptions as /v1 shows them."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web import json_shapes
from billing.api.web.described import Instant, OneOf
from billing.api.web.json_shapes import MoneyOutput, TermsOutput
from billing.cancel.flows.cancel import Ending, Result
from billing.kernel import hand_off
from billing.kernel.gateways import DisputeStanding
from billing.kernel.money import Money
from billing.kernel.subscription import Source, State, Subscription


class DiscountOutput(TypedDict):
    """A coupon in use; `charges_left` is how many payments it still lowers, null for all."""

    code: str
    basis_points: int | None
    amount_off: MoneyOutput | None
    charges_left: int | None


class PriceChangeOutput(TypedDict):
    """A price that is announced, charged first at `effective_at`.

    `told_at` is when the notice was sent, null until then. Where `needs_consent`, the old price
    stays unless the customer agrees.
    """

    price: MoneyOutput
    effective_at: Instant | None
    needs_consent: bool
    told_at: Instant | None
    agreed_at: Instant | None


class SubscriptionOutput(TypedDict):
    """A billing agreement, with the terms that it is charged at.

    `pending_plan` is the price point that takes effect with the next charge; `credit` is taken off
    the next charges, in minor units: negative, it is owed with the next one. `freezes_at` is when
    a freeze begins; until it is unfrozen, `thaws_to` is the price point to come back to. `coupon`
    is what is left of its coupon. `price_change` is an announced price, `resumes_at` the end of a
    pause, null where it has none. `client_reference` and `metadata` are what your program said of
    the purchase at its checkout.
    """

    id: str
    state: Annotated[str, OneOf(State)]
    customer: str
    product: str
    product_name: str
    price_point: str
    terms: TermsOutput
    time_zone: str
    started_at: Instant
    next_charge_at: Instant | None
    ends_at: Instant | None
    ended_by: Annotated[str, OneOf(Source)] | None
    payments_made: int
    payments_in_all: int | None
    open_invoice: str | None
    waiting_since: Instant | None
    dispute: Annotated[str, OneOf(DisputeStanding)] | None
    pending_plan: str | None
    freezes_at: Instant | None
    thaws_to: str | None
    credit: int
    coupon: DiscountOutput | None
    price_change: PriceChangeOutput | None
    resumes_at: Instant | None
    gateway: str
    client_reference: str | None
    metadata: dict[str, str]
    test: bool


class EndingOutput(SubscriptionOutput):
    """A subscription after a request to end it.

    With a charge under way, its outcome at the gateway comes first (X-6).
    """

    charge_under_way: bool


def subscription(subscription: Subscription) -> SubscriptionOutput:
    return {
        "id": subscription.id,
        "state": subscription.state.value,
        "customer": subscription.customer,
        "product": subscription.product,
        "product_name": subscription.product_name,
        "price_point": subscription.price_point,
        "terms": json_shapes.terms(subscription.terms),
        "time_zone": subscription.anchor.zone,
        "started_at": json_shapes.instant(subscription.started_at),
        "next_charge_at": json_shapes.instant(subscription.next_charge_at),
        "ends_at": json_shapes.instant(subscription.ends_at),
        "ended_by": subscription.ended_by,
        "payments_made": subscription.payments_made,
        "payments_in_all": subscription.terms.standard_payments,
        "open_invoice": subscription.open_invoice,
        "waiting_since": json_shapes.instant(subscription.waiting_since),
        "dispute": subscription.dispute,
        "pending_plan": _pending_plan(subscription),
        "freezes_at": json_shapes.instant(subscription.freezes_at),
        "thaws_to": _thaws_to(subscription),
        "credit": subscription.credit_minor,
        "coupon": _coupon(subscription),
        "price_change": _price_change(subscription),
        "resumes_at": json_shapes.instant(subscription.resumes_at),
        "gateway": subscription.gateway,
        "client_reference": hand_off.reference_of(subscription.hand_off),
        "metadata": hand_off.metadata_of(subscription.hand_off),
        "test": subscription.test,
    }


def _coupon(subscription: Subscription) -> DiscountOutput | None:
    found = subscription.discount
    if found is None:
        return None
    off = Money(found.amount_minor, subscription.terms.price.currency)
    return {
        "code": found.coupon,
        "basis_points": found.basis_points or None,
        "amount_off": json_shapes.money(off) if off else None,
        "charges_left": found.charges_left,
    }


def _price_change(subscription: Subscription) -> PriceChangeOutput | None:
    found = subscription.price_change
    if found is None:
        return None
    return {
        "price": json_shapes.money(found.price),
        "effective_at": json_shapes.instant(subscription.new_price_at()),
        "needs_consent": found.needs_consent,
        "told_at": json_shapes.instant(found.told_at),
        "agreed_at": json_shapes.instant(found.agreed_at),
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
