"""The port of live sources: a billing system that subscriptions are moved from (M-6).

One that answers at any time how a subscription stands, and can be told to stop collecting. A source
without such an API has only its exports, and no adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.values import Value, field

IMPORTED = "imp_"
"""The beginning of the id of an imported subscription, which names its import and its row."""


def row_of(subscription: str) -> tuple[str, int] | None:
    """Returns the import and the row of a subscription, by its id; None if it was not imported."""
    if not subscription.startswith(IMPORTED):
        return None
    import_id, _, number = subscription.rpartition("_")
    return (import_id, int(number)) if number.isdigit() else None


class Obstacle(StrEnum):
    """The reasons why a subscription cannot be moved as it is at its source."""

    LINES = "lines"
    METERED = "metered"
    TIERED = "tiered"
    INVOICED = "invoiced"
    SCHEDULED = "scheduled"
    CHANGE_PENDING = "change_pending"
    DISCOUNTS = "discounts"
    BALANCE = "balance"
    ENDS = "ends"


class SourceState(StrEnum):
    """The state of a subscription at its source, as far as moving it depends on that.

    UNPAID is every state in which money is owed there or was never taken; PAUSED is a pause that is
    not ours.
    """

    RUNNING = "running"
    UNPAID = "unpaid"
    PAUSED = "paused"
    ENDED = "ended"


class Collected(StrEnum):
    """The outcome of a charge at a source: it was paid, may still be, or never will be."""

    PAID = "paid"
    OPEN = "open"
    VOID = "void"


class SourceSubscription(Value):
    """A subscription as its source has it now.

    `cells` are the canonical file's, by column (IMPORT.md). `period_at` is when its running period
    began, `next_charge_at` when the next one does, `collected` what became of the running one.
    `method` is the payment method that is charged, None where there is none that we can charge.
    `mark` is the name that an import has put on it, `stopped` that collection is stopped under it.
    """

    id: str
    state: SourceState
    cells: Mapping[str, str] = field(default_factory=dict)
    period_at: datetime | None = None
    next_charge_at: datetime | None = None
    collected: Collected = Collected.PAID
    method: SavedMethod | None = None
    obstacles: tuple[Obstacle, ...] = ()
    mark: str | None = None
    stopped: bool = False


class SourcePage(Value):
    """A page of a source's subscriptions; `next` is where the next one begins, None at the end."""

    data: tuple[SourceSubscription, ...]
    next: str | None


class SourceCharge(Value):
    """A charge of a source, also of nothing: when it was opened, and what became of it."""

    at: datetime
    amount_minor: int
    currency: str
    collected: Collected


class LiveSource(Protocol):
    """A billing system with an API; each call may raise `errors.Unavailable`.

    `Unreachable` means that it is unknown whether the call did anything: each may be made again.
    """

    def page(self, after: str | None, limit: int) -> SourcePage:
        """Returns subscriptions that have not ended, in an order of the source's own."""
        ...

    def find(self, subscription: str) -> SourceSubscription | None:
        """Returns a subscription as it is now; None if the source never had it."""
        ...

    def stop(self, subscription: str, mark: str) -> SourceSubscription:
        """Puts a mark on a subscription and stops its collection, in one call; again is once.

        Periods go on there, and are not charged. What was opened before is still collected.
        """
        ...

    def resume(self, subscription: str) -> SourceSubscription:
        """Takes the mark off and collects again from the next period on; again is once."""
        ...

    def cancel(self, subscription: str) -> None:
        """Ends a subscription for good, without a charge or a refund; again is once."""
        ...

    def method_of(self, customer: str) -> SavedMethod | None:
        """Returns the payment method that a customer is charged by default, None without one."""
        ...

    def charges(self, subscription: str, since: datetime) -> tuple[SourceCharge, ...]:
        """Returns the charges that were opened from `since` on, oldest first."""
        ...


def no_source(account: AccountRef) -> LiveSource | None:
    """Stands for an installation without live sources."""
    return None
