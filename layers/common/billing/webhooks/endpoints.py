"""Endpoints: the addresses that a merchant's events are sent to, and how each of them does (M-5).

An endpoint that fails again and again is left alone for a while between attempts (its pause), and
is disabled after five days of nothing but failure, its owner mailed before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.kernel.due import DueKind
from billing.kernel.values import replace
from billing.kernel.writes import Entity

EVERYTHING = "*"
"""The entry of an endpoint's events that stands for all types."""

MOST_ENDPOINTS = 20
"""The most endpoints of a merchant: each event is written once for each of them."""

PAUSES_AFTER = 5
"""The failures in a row after which an endpoint is left alone for a while."""

SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)
PROBE = timedelta(seconds=30)
"""The pause in which one attempt shows whether an endpoint answers again; longer than it takes."""

WARNED_AFTER = timedelta(days=3)
DISABLED_AFTER = timedelta(days=5)
NOTICE = timedelta(days=1)
"""The least time between the mail to the owner and the end."""


class Disabled(StrEnum):
    """The reason why an endpoint gets no events."""

    BY_MERCHANT = "by_merchant"
    GONE = "gone"
    FAILING = "failing"


class WebhookEndpoint(Entity):
    """An address that events of some types are sent to.

    `secrets` counts its secrets, the newest is the last; `rotated_at` is when that began.
    `failing_since` is the first failure after the last success, and `failures` how many there were
    in a row. Until `paused_until` no attempt is made: what comes due waits. `undelivered_from` is
    the id of the earliest event that waits or was given up since the last success. `due_at` is when
    its owner is to be mailed about that, or about having it disabled.
    """

    due_kind: ClassVar[DueKind] = DueKind.ENDPOINT

    merchant: str
    id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    shard: int
    name: str | None = None
    disabled: Disabled | None = None
    disabled_at: datetime | None = None
    secrets: int = 1
    rotated_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    paused_until: datetime | None = None
    warned_at: datetime | None = None
    undelivered_from: str | None = None
    due_at: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        return self.disabled is None

    def wants(self, kind: str) -> bool:
        """Tests whether events of a type are sent to it."""
        return self.is_enabled and self.is_for(kind)

    def is_for(self, kind: str) -> bool:
        """Tests whether a type is one of those that it was made for, enabled or not."""
        return EVERYTHING in self.events or kind in self.events

    def is_paused(self, now: datetime) -> bool:
        """Tests whether it is left alone after failures."""
        return self.paused_until is not None and now < self.paused_until

    @property
    def is_probed_next(self) -> bool:
        """True if it was left alone, so that its next attempt is made by one worker alone."""
        return self.failures >= PAUSES_AFTER

    def probed(self, now: datetime) -> WebhookEndpoint:
        """Leaves it alone while one attempt is made, for whose outcome other events wait."""
        return replace(self, paused_until=now + PROBE)

    @property
    def needs_a_look(self) -> bool:
        """True if it fails, or was disabled against its owner's wish."""
        if self.disabled is not None:
            return self.disabled is not Disabled.BY_MERCHANT
        return self.failing_since is not None

    @property
    def does_well(self) -> bool:
        """True if nothing has failed since the last success, and nothing was given up."""
        return self.failing_since is None and self.undelivered_from is None

    def failed(self, now: datetime) -> WebhookEndpoint:
        """Counts a failed attempt; from the fifth in a row on, each is followed by a pause."""
        failures = self.failures + 1
        after = replace(self, failures=failures)
        if self.failing_since is None:
            after = replace(after, failing_since=now, due_at=now + WARNED_AFTER)
        if failures >= PAUSES_AFTER:
            longer = SHORTEST_PAUSE * (1 << min(failures - PAUSES_AFTER, 10))
            after = replace(after, paused_until=now + min(longer, LONGEST_PAUSE))
        return after

    def succeeded(self) -> WebhookEndpoint:
        """Forgets the failures, and what was not delivered: a job sends that again."""
        return replace(
            self,
            failing_since=None,
            failures=0,
            paused_until=None,
            warned_at=None,
            undelivered_from=None,
            due_at=None,
        )

    def owes(self, event_id: str) -> WebhookEndpoint:
        """Remembers that an event waits, or was given up."""
        earliest = min(event_id, self.undelivered_from or event_id)
        return replace(self, undelivered_from=earliest)

    def is_past_help(self, now: datetime) -> bool:
        """Tests whether it is to be disabled, when one more attempt fails.

        It has done nothing but fail for five days, and its owner has had a day since the mail.
        """
        if self.failing_since is None or self.warned_at is None:
            return False
        fails_too_long = now - self.failing_since >= DISABLED_AFTER
        return fails_too_long and now - self.warned_at >= NOTICE

    def mailed(self, now: datetime) -> WebhookEndpoint:
        """Notes that its owner was mailed."""
        return replace(self, warned_at=now, due_at=None)

    def switched_off(self, reason: Disabled, now: datetime) -> WebhookEndpoint:
        """Disables it; its owner is mailed, unless it was their wish.

        What is still to be sent is kept for when it is enabled again.
        """
        due_at = None if reason is Disabled.BY_MERCHANT else now
        return replace(self, disabled=reason, disabled_at=now, due_at=due_at)

    def switched_on(self) -> WebhookEndpoint:
        """Enables it, with its failures forgotten; what was not delivered is sent by a job."""
        return replace(self.succeeded(), disabled=None, disabled_at=None)

    def rotated(self, now: datetime) -> WebhookEndpoint:
        """Counts on to the next secret."""
        return replace(self, secrets=self.secrets + 1, rotated_at=now)
