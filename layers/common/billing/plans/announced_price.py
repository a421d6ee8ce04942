"""Another price for a subscription that runs: whether it may be announced, and taken back (X-12).

The price of installments is agreed for all of them, and never changes (P-4, P-8).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.cancel.regions.rules import Rule
from billing.kernel.catalog import PriceType
from billing.kernel.errors import Invalid, Refused
from billing.kernel.money import Money
from billing.kernel.price_changes import MAIL_MAY_TAKE, PriceChange
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace

AHEAD_MOST = timedelta(days=3 * 366)
"""The longest time ahead for which a price is announced."""


def refuse_start(starts_at: datetime, now: datetime) -> None:
    """Raises `Invalid` for a start in the past, or too far ahead; today is one, in any zone."""
    if not now - timedelta(days=1) <= starts_at <= now + AHEAD_MOST:
        raise Invalid("price_change_date", field="from")


def refuse(subscription: Subscription, price: Money, starts_at: datetime, now: datetime) -> None:
    """Raises `Refused` or `Invalid` where a price cannot be announced to a subscription."""
    refuse_start(starts_at, now)
    if price.currency is not subscription.terms.price.currency:
        raise Refused("other_currency")
    reason = why_not(subscription)
    if reason is not None:
        raise Refused(reason)
    if price == subscription.terms.price:
        raise Refused("same_price")
    replace(subscription.terms, price=price)  # `Invalid` for a price out of bounds


def why_not(subscription: Subscription) -> str | None:
    """Returns the reason for which no price can be announced now, None if one can."""
    if subscription.terms.type is not PriceType.RECURRING:
        return "price_not_changeable"
    if subscription.state is State.CANCEL_PENDING or subscription.cancelling is not None:
        return "cancelling"
    if not subscription.is_live:
        return "not_active"
    if subscription.is_frozen or subscription.freezes_at is not None:
        return "freezing"
    if subscription.next_plan is not None:
        return "plan_change_to_come"
    return None if subscription.price_change is None else "price_change_present"


def announced(
    subscription: Subscription,
    change_id: str,
    price: Money,
    starts_at: datetime,
    rules: Iterable[Rule],
    now: datetime,
) -> Subscription:
    """Returns a subscription with a price to come, by the rules of where its customer lives."""
    rules = list(rules)
    least = max((w.least for rule in rules for w in rule.windows), default=0)
    rises = price.amount_minor > subscription.terms.price.amount_minor
    change = PriceChange(
        id=change_id,
        price=price,
        starts_at=starts_at,
        announced_at=now,
        least_days=least + MAIL_MAY_TAKE.days,
        needs_consent=rises and any(rule.rise_needs_consent for rule in rules),
    )
    return replace(subscription, price_change=change)
