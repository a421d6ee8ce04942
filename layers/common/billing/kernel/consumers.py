"""Consumers of outbox events, and what they may do (R-8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from billing.kernel.values import Value

if TYPE_CHECKING:
    from billing.kernel.merchants import Merchant
    from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
    from billing.kernel.ports import Ports


class Handle(Protocol):
    """Does the work of one consumer for an outbox event; it may be run twice (R-8)."""

    def __call__(
        self, ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
    ) -> LeftOut | None:
        """Returns why no mail was sent, None otherwise.

        Raises `Unavailable`, `Conflict`, and `PartlyDone` from either or an error of our own.
        """
        ...


class Prepare(Protocol):
    """Does at once for several events of a merchant what `Handle` would do for each of them.

    It may leave any of it undone, or fail: each event is handled all the same.
    """

    def __call__(
        self, ports: Ports, events: Sequence[OutboxEvent], merchant: Merchant, now: datetime
    ) -> None: ...


class PartlyDone(Exception):
    """A consumer's failure after a part of its work, which must not be done again.

    `done` are the names of its parts in the event's `done`, beside the names of consumers.
    """

    def __init__(self, done: tuple[str, ...], cause: Exception) -> None:
        super().__init__(str(cause))
        self.done = done
        self.cause = cause


class Consumer(Value):
    """One consumer of outbox events of some kinds, of all merchants or those that it `serves`.

    Its name is stored in events that it is done with, so it never changes. One that `notes_itself`
    writes that name to the claimed event in the transaction of its own work, which is then done
    once whatever happens.
    """

    name: str
    kinds: frozenset[EventKind]
    handle: Handle
    notes_itself: bool = False
    serves: Callable[[Merchant], bool] = lambda merchant: True
    prepare: Prepare | None = None

    def takes(self, event: OutboxEvent, merchant: Merchant) -> bool:
        """Tests whether an event is to be handed to it, and it is not done with it."""
        wanted = event.kind in self.kinds and self.serves(merchant)
        return wanted and self.name not in event.done
