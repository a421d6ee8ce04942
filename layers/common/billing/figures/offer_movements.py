"""The movements that save offers are counted by (X-11, M-10).

One that was taken is followed for 90 days: a subscription that is cancelled within them was not
kept by it.
"""

from __future__ import annotations

from datetime import date, datetime

from billing.figures.cases import Cohort
from billing.figures.movement_kinds import MovementKind
from billing.figures.movements import CustomerFigures, Movement
from billing.figures.offers import KEPT_AFTER, MadeOffer
from billing.figures.sums import month_of
from billing.kernel.subscription import State, Subscription


def counted(figures: CustomerFigures, made: MadeOffer, kind: MovementKind, cause: str) -> Movement:
    """Returns the movement that an offer which was shown or taken is, by a name of its own."""
    return _movement(figures, made, kind, made.day, made.at, f"{cause}.o")


def after_change(
    figures: CustomerFigures,
    subscription: Subscription,
    *,
    day: date,
    at: datetime,
    cause: str,
) -> tuple[tuple[MadeOffer, ...], tuple[Movement, ...]]:
    """Returns the offers of a customer that are still followed after a change of a subscription,
    and the movements of those that did not keep it."""
    theirs = [each for each in figures.offers if each.subscription == subscription.id]
    if not theirs:
        return figures.offers, ()
    others = tuple(each for each in figures.offers if each.subscription != subscription.id)
    if subscription.is_live:
        return (*others, *(each for each in theirs if at < each.at + KEPT_AFTER)), ()
    return others, tuple(
        lost(figures, each, day=day, at=at, cause=f"{cause}.o{number}")
        for number, each in enumerate(theirs)
        if is_lost(each, subscription, at)
    )


def is_lost(made: MadeOffer, subscription: Subscription, at: datetime) -> bool:
    """Tests whether a subscription that ended at an instant was not kept by an offer."""
    return subscription.state is State.CANCELLED and at < made.at + KEPT_AFTER


def lost(
    figures: CustomerFigures, made: MadeOffer, *, day: date, at: datetime, cause: str
) -> Movement:
    """Returns the movement of an offer that did not keep its subscription."""
    return _movement(figures, made, MovementKind.OFFER_LOST, day, at, cause)


def _movement(
    figures: CustomerFigures,
    made: MadeOffer,
    kind: MovementKind,
    day: date,
    at: datetime,
    name: str,
) -> Movement:
    return Movement(
        figures.merchant,
        day,
        name,
        kind,
        at,
        figures.customer,
        made.subscription,
        made.product,
        made.country,
        made.currency,
        made.minor,
        test=made.test,
        cohort=Cohort(month_of(made.day), made.product, made.country, made.currency),
        label=made.offer.value,
    )
