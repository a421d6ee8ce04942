"""Records of the core table's stream, as figures read them (M-10).

The stream keeps the order of one partition's changes, and all of a customer is one partition. It
may bring a record again, with the same number.
"""

from __future__ import annotations

from datetime import datetime

from billing.figures.monthly import Standing, runs_unpaid, standing_of
from billing.kernel.orders import Order
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value

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

    A renewal moves none, unless its price includes a tax, whose rate may have changed, or its
    period may have lapsed before. What a subscription adds also depends on what it added before,
    but only where its state, its plan or its first payment changes too, or a payment is skipped.
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
    return renews and (skips or after.terms.tax_inclusive or runs_unpaid(before))


def _shape(subscription: Subscription) -> tuple[Standing, object, object]:
    standing = standing_of(subscription, None, country="", ppm=0)
    freed = subscription.resumes_as, subscription.state
    return standing, freed, subscription.terms
