"""The missed-charge detector: finds what should have happened an hour ago and did not (R-9).

It asks the due index itself, never the sweep, and stops no charge. A claim moves a due date on, and
what is switched off is looked at once an hour: such charges are late by what was promised, not by
their due dates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from billing.kernel import charge_eligibility
from billing.kernel.charge_eligibility import Hold
from billing.kernel.due import DueKind
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value

LATE_AFTER = timedelta(hours=1)
ROWS_AT_MOST = 5_000
READ_AT_ONCE = 100

OTHERS = (DueKind.TICKET, DueKind.NOTICE, DueKind.DECLARATION, DueKind.DECIDE)
"""Kinds that move no money. What their sweep cannot finish it sets to now, so that a late one says
that the sweep does not come to it; of `DECIDE`, that a person has not decided a declaration in
time. Background jobs have a detector of their own."""


class Why(StrEnum):
    """The known reason: no worker took it, something holds it, or no gateway answered yet."""

    UNANSWERED = "unanswered"
    HELD = "held"
    UNDER_WAY = "under_way"


class Missed(Value):
    """One late due date; `subscription` is None but for a charge or a cancellation."""

    why: Why
    due: Due
    since: datetime
    subscription: Subscription | None = None
    hold: Hold | None = None

    def described(self) -> dict[str, str | None]:
        """Returns the fields of a log line: ids and reasons, nothing of a person."""
        return {
            "why": self.why.value,
            "kind": self.due.kind.value,
            "merchant": self.due.owner[0],
            "owner": self.due.owner[-1],
            "since": self.since.isoformat(),
            "hold": self.hold,
        }


def tally(found: Sequence[Missed]) -> Counter[str]:
    """Counts the missed charges for each reason, zeros too."""
    counts = Counter({why.value: 0 for why in Why})
    counts.update(missed.why.value for missed in found)
    return counts


def find(ports: Ports, *, now: datetime) -> list[Missed]:
    """Finds everything that is more than an hour late, longest first."""
    ports = ports.as_switched()
    found = [
        missed
        for kind in (DueKind.BILL, DueKind.CANCEL, DueKind.CHECKOUT, DueKind.REFUND)
        for shard in range(ports.operation.shards)
        for missed in _of_shard(ports, kind, shard, now)
    ]
    return sorted(found, key=lambda missed: missed.since)


def others(ports: Ports, *, now: datetime) -> list[Missed]:
    """Finds tickets, reminders and declarations that are more than an hour late, longest first."""
    found = (
        row
        for kind in OTHERS
        for shard in range(ports.operation.shards)
        for row in ports.store.due(kind, shard, now - LATE_AFTER, READ_AT_ONCE)
    )
    late = [Missed(Why.UNANSWERED, row, row.due_at) for row in found]
    return sorted(late, key=lambda missed: missed.since)


def among(
    ports: Ports, merchant: Merchant, sold: Iterable[Subscription], *, now: datetime
) -> list[Missed]:
    """Finds which of a merchant's subscriptions are more than an hour late, longest first."""
    ports, present = ports.as_switched(), merchant.as_of(now)
    until = _looked_at_until(ports, now)
    explained = (
        _explain(ports, _due_of(each, each.due_at), each, present, now)
        for each in sold
        if each.due_at is not None and each.due_at <= until
    )
    found = (missed for missed in explained if missed is not None)
    return sorted(found, key=lambda missed: missed.since)


def _due_of(subscription: Subscription, at: datetime) -> Due:
    owner = (subscription.merchant, subscription.customer, subscription.id)
    return Due(subscription.due_kind, at, owner)


def _looked_at_until(ports: Ports, now: datetime) -> datetime:
    return now + max(ports.operation.lease, charge_eligibility.LOOKS_AGAIN)


def _of_shard(ports: Ports, kind: DueKind, shard: int, now: datetime) -> Iterator[Missed]:
    has_subscription = kind in {DueKind.BILL, DueKind.CANCEL}
    until = _looked_at_until(ports, now) if has_subscription else now - LATE_AFTER
    rows = ports.store.due(kind, shard, until, ROWS_AT_MOST)
    if not has_subscription:
        yield from (Missed(Why.UNANSWERED, row, row.due_at) for row in rows)
        return
    remaining = iter(rows)
    merchants: dict[str, Merchant | None] = {}
    while batch := list(islice(remaining, READ_AT_ONCE)):
        owners = [(row.owner[0], row.owner[1], row.owner[2]) for row in batch]
        for row, subscription in zip(batch, ports.store.subscriptions(owners), strict=True):
            # The index may lag: what was charged a moment ago has another due date by now.
            if subscription is None or subscription.due_at != row.due_at:
                continue
            if subscription.merchant not in merchants:
                merchants[subscription.merchant] = ports.store.merchant(subscription.merchant)
            seller = merchants[subscription.merchant]
            assert seller is not None, "a subscription's merchant is never removed"
            present = seller.as_of(now)
            if (missed := _explain(ports, row, subscription, present, now)) is not None:
                yield missed


def _explain(
    ports: Ports, row: Due, subscription: Subscription, merchant: Merchant, now: datetime
) -> Missed | None:
    late = now - LATE_AFTER
    hold = ports.hold(subscription, merchant)
    if row.due_at <= late:
        why = Why.UNANSWERED if hold is None or hold is Hold.CANCELLING else Why.HELD
        return Missed(why, row, row.due_at, subscription, hold)
    ends_at = subscription.ends_at
    if row.kind is DueKind.CANCEL and ends_at is not None and ends_at <= late:
        # The sweep has moved what it could not end behind the others.
        return Missed(Why.UNANSWERED, row, ends_at, subscription, hold)
    promised = subscription.next_charge_at
    if promised is None or promised > late:
        return None
    if hold is Hold.HELD:
        return None  # a person decides, and the ticket has a last day (H-4)
    if hold is not None:
        return Missed(Why.HELD, row, promised, subscription, hold)
    if (since := _asked_at(ports, subscription)) is not None and since <= late:
        return Missed(Why.UNDER_WAY, row, since, subscription)
    return None


def _asked_at(ports: Ports, subscription: Subscription) -> datetime | None:
    """Returns when a gateway was asked that has not answered; None when none is being asked."""
    if subscription.open_invoice is None:
        return None
    invoice = ports.store.invoice(
        subscription.merchant, subscription.customer, subscription.open_invoice
    )
    if invoice is None or invoice.state is not InvoiceState.CONFIRMING:
        return None
    return invoice.attempted_at
