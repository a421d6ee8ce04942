"""A freeze: a low-priced plan instead of an end, which can be undone (A-5).

It is a scheduled change of plan that remembers the plan to come back to. It begins with the next
period. From then on nothing but its price is charged (R-3), access is closed, and everything is
kept. Thawing is a change of plan for now, paid as one (A-4).
"""

from __future__ import annotations

from datetime import datetime

from billing.cancel import cancellation
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Refused
from billing.kernel.merchants import Settings
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Period
from billing.kernel.plans import Plan
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction
from billing.plans.plan_change import CHANGEABLE, refuse_unsettled
from billing.rebill.plan_change_steps import AS_READ


def refuse_freeze(
    subscription: Subscription, settings: Settings, minimum_minor: int, now: datetime
) -> None:
    """Raises `Refused` where a subscription cannot be frozen; `minimum_minor` is the gateway's."""
    price = settings.freeze_price_minor
    if price is None:
        raise Refused("freeze_off")
    refuse_unsettled(subscription, now)
    if subscription.state not in CHANGEABLE:
        raise Refused("not_active")
    if subscription.terms.type is not PriceType.RECURRING:
        raise Refused("not_freezable")
    if price < minimum_minor:
        raise Refused(
            "freeze_price_too_low", least=Money(minimum_minor, subscription.terms.price.currency)
        )


def refuse_thaw(subscription: Subscription, now: datetime) -> None:
    """Raises `Refused` where a subscription cannot be thawed now."""
    refuse_unsettled(subscription, now)
    if not subscription.is_frozen:
        raise Refused("not_frozen")


def plan(subscription: Subscription, price_minor: int, grants: tuple[str, ...]) -> Plan:
    """Builds the plan of a frozen subscription: the freeze price every month, and these grants."""
    price = Money(price_minor, subscription.terms.price.currency)
    agreed = subscription.terms
    terms = PriceTerms(
        PriceType.RECURRING,
        price,
        Period.MONTHLY,
        cancellation=agreed.cancellation,
        tax=agreed.tax,
    )
    return replace(_in_force(subscription, grants), terms=terms)


def schedule(
    subscription: Subscription, freeze: Plan, grants: tuple[str, ...], now: datetime, shard: int
) -> Transaction:
    """Schedules a freeze for the next period; a plan that was to come then waits for the thaw."""
    back_to = subscription.next_plan or _in_force(subscription, grants)
    after = subscription.freezing(freeze, back_to)
    event = cancellation.event(EventKind.FREEZE_ASKED, after, now, shard)
    return (Change(subscription, after, expecting=AS_READ), Insert(event))


def undo(subscription: Subscription, now: datetime, shard: int) -> Transaction:
    """Undoes a freeze that has not begun; a plan that was to come comes again."""
    back_to = subscription.thaws_to
    assert back_to is not None, "it is to be frozen"
    in_force = (subscription.price_point, subscription.price_version, subscription.terms.standard)
    stays = (back_to.price_point, back_to.version, back_to.terms) == in_force
    after = subscription.not_freezing(None if stays else back_to)
    event = cancellation.event(EventKind.FREEZE_UNDONE, after, now, shard)
    return (Change(subscription, after, expecting=AS_READ), Insert(event))


def _in_force(subscription: Subscription, grants: tuple[str, ...]) -> Plan:
    return Plan(
        price_point=subscription.price_point,
        version=subscription.price_version,
        terms=subscription.terms.standard,
        product=subscription.product,
        product_name=subscription.product_name,
        grants=grants,
    )
