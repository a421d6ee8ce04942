"""Proof that a notice was sent, and notices whose window closed before they were (X-12)."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from billing.kernel.due import DueKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Entity
from billing.notices.reminders import Expected

PROVED = frozenset(
    {
        EventKind.TRIAL_ENDING,
        EventKind.PROMOTION_ENDING,
        EventKind.RENEWAL_UPCOMING,
        EventKind.YEARLY_REMINDER,
        EventKind.PRICE_CHANGING,
    }
)
"""Kinds of notice that a region may ask for; those that one asked for have a code."""

NOTICES_MOST = 1_000
"""The most proofs of notices of one customer: a dozen a year."""

ERASED = "erased"


class NoticeRecord(Entity):
    """The proof of a notice that a region asks for: its text as it was sent, to whom, and when.

    `message_id` is that of the mail service, None where its answer was lost. `text_hash` is the
    SHA-256 of the text, in hex; it stays when the customer is erased. `closes_at` is the end of its
    window. `returned_at` is when the mail came back for good: it told nobody.
    """

    merchant: str
    customer: str
    subscription: str
    event: str
    kind: str
    sent_at: datetime
    address: str
    text: str
    text_hash: str
    message_id: str | None = None
    closes_at: datetime | None = None
    returned_at: datetime | None = None

    def is_of(self, message_id: str | None) -> bool:
        """Tests whether it proves a mail by the mail service's id, if both are known."""
        if self.message_id is None or message_id is None:
            return True
        # A report has the part before the @ alone.
        return self.message_id.partition("@")[0] == message_id.partition("@")[0]

    def erased(self) -> NoticeRecord:
        """Returns the proof without the customer's data (M-8)."""
        return replace(self, address=ERASED, text=ERASED)


class MissedNotice(Entity):
    """A notice whose window closed unsent; it rings an alarm until somebody has looked at it.

    One that cannot be sent because mail to its address came back, or that came back itself, rings
    before its window closes.
    """

    due_kind: ClassVar[DueKind] = DueKind.DECIDE

    id: str
    merchant: str
    customer: str
    subscription: str
    event: str
    closed_at: datetime
    shard: int
    due_at: datetime | None
    seen_at: datetime | None = None

    def seen(self, now: datetime) -> MissedNotice:
        """Returns it after somebody looked at it: it rings no more."""
        return replace(self, due_at=None, seen_at=now)


def is_proved(event: OutboxEvent) -> bool:
    """Tests whether the mail of an event is kept as proof."""
    return event.kind in PROVED and event.code is not None


def subscription_of(event: str) -> str:
    """Returns the subscription of a notice: the id of its event begins with it."""
    return event.partition(":")[0]


def missed(subscription: Subscription, expected: Expected, rings_at: datetime) -> MissedNotice:
    """Builds what is noted of a notice that was not sent, or cannot be: the same one has the same
    id."""
    return MissedNotice(
        id=missed_id(expected),
        merchant=subscription.merchant,
        customer=subscription.customer,
        subscription=subscription.id,
        event=expected.event,
        closed_at=expected.closes_at,
        shard=subscription.shard,
        due_at=rings_at,
    )


def of(event: OutboxEvent, address: str, text: str, seen: str | None, at: datetime) -> NoticeRecord:
    """Builds the proof of a mail that was sent."""
    assert event.subscription is not None, "a notice is about a subscription"
    return NoticeRecord(
        event.merchant,
        event.customer,
        event.subscription,
        event.id,
        event.kind.value,
        at,
        address,
        text,
        sha256(text.encode()).hexdigest(),
        seen,
        event.until,
    )


MISSED_PREFIX = "notice_"


def missed_id(missed: Expected) -> str:
    """Returns the id of a missed notice, which sorts by when its window closed."""
    digest = sha256(missed.event.encode()).hexdigest()[:24]
    return f"{MISSED_PREFIX}{missed.closes_at:%Y%m%dT%H%M%S}_{digest}"
