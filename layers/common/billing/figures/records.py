"""Records of the core table's stream, as figures read them (M-10).

The stream keeps the order of one partition's changes, and all of a customer is one partition. It
may bring a record again, with the same number.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.figures.monthly import Standing, standing_of
from billing.kernel.catalog import PriceType
from billing.kernel.orders import Order
from billing.kernel.periods import Anchor
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value

A_DAY = timedelta(days=1)
IN_TIME = timedelta(minutes=5)
"""The time within which a renewal is mostly paid; a later one is looked up, which costs a read.

What lapses, is thawed and is paid within it is taken for a renewal.
"""

SEQUENCE_LENGTH = 40
"""The most digits of a record's number."""


class Record(Value):
    """One item's change: its number in the shard, when it was written, the item before and after.

    `before` is None for a new item.
    """

    sequence: str
    at: datetime
    before: Subscription | Order | None
    after: Subscription | Order


def sequence(number: str) -> str:
    """Returns a record's number as text that sorts as the number does."""
    return number.zfill(SEQUENCE_LENGTH)


def changes_figures(record: Record) -> bool:
    """Tests whether a change of a subscription can move a figure, without looking anything up.

    A renewal moves none, unless its price includes a tax, whose rate may have changed, or it is the
    first after a gap, or late: its period may have lapsed, and been thawed since. What a
    subscription adds also depends on what it added before, but only where its state, its plan or
    its first payment changes too, or a payment is skipped.
    """
    before, after = record.before, record.after
    assert isinstance(after, Subscription)
    if before is None or not after.is_live:
        return True
    assert isinstance(before, Subscription)
    if _shape(before) != _shape(after) or after.state is State.PAST_DUE:
        return True  # what is past due may have been declined for the first time
    renews = before.period != after.period
    # A payment that the merchant skips: a failed one, or one that was missed after a failed one.
    skips = before.state is State.PAST_DUE or before.payments_made == after.payments_made
    is_late = renews and record.at > before.payment_at(before.period) + IN_TIME
    return renews and (skips or is_late or after.terms.tax_inclusive or _is_after_a_gap(before))


def _is_after_a_gap(subscription: Subscription) -> bool:
    """Tests whether its last payment may not have been that of the period before: its retries may
    have been used up, and it went on at a later date."""
    if subscription.terms.type is PriceType.RECURRING:
        is_unpaid = not subscription.money.in_use_minor
    else:
        is_unpaid = subscription.anchor_period < 0  # it pays for no time, and dates have moved
    if is_unpaid:
        return True
    last = subscription.last_charged_on
    if last is None or not subscription.period:
        return True
    scheduled = subscription.payment_at(subscription.period - 1)
    day = Anchor.at(scheduled, subscription.anchor.zone).wall.date()
    return last < day - A_DAY


def _shape(subscription: Subscription) -> tuple[Standing, object, object]:
    standing = standing_of(subscription, None, country="", ppm=0)
    freed = subscription.resumes_as, subscription.state
    return standing, freed, subscription.terms
