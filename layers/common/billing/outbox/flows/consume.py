"""Hands an outbox event to its consumers, each independent of the others (R-8).

An event is claimed, handed to its consumers in turn, and removed: two writes. Only where a consumer
failed, or time ran out, is it noted on the event which of them are done; the sweep hands it to the
others then. A crash before that leaves a claim that expires, and all of them see the event again: a
mail may then be sent twice, for SES replaces the Message-ID by which programs would know it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Consumer, PartlyDone, Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Remove
from billing.outbox.lines import CLAIM, is_claimed
from billing.runtime import telemetry

WAIT = timedelta(hours=1)
"""The delay of an event whose merchant is disarmed (W-5), and the longest delay of one that could
not be delivered."""

NOT_CLAIMED = "not_claimed"
"""The count of an event that another process claimed meanwhile, or that was out of reach; nothing
on the event says so, and so what is behind it must wait."""

PASSING = frozenset(
    {
        EventKind.RENEWAL_UPCOMING,
        EventKind.TRIAL_ENDING,
        EventKind.CARD_EXPIRING,
        EventKind.LINK_ASKED,
        EventKind.RESET_ASKED,
        EventKind.EMAIL_ASKED,
        EventKind.TICKET_ASKED,
    }
)
"""Kinds of events that are no longer true, or no longer wanted, when they are delivered late."""


class _Outcome(Value):
    """The result of handing an event out: the consumers that are done, and what went wrong.

    `stored` are those of them that the stored event names. `bug` is the first error of our own
    code. `late` is set if time ran out.
    """

    done: tuple[str, ...]
    stored: tuple[str, ...]
    left_out: LeftOut | None = None
    failed: bool = False
    late: bool = False
    bug: Exception | None = None

    @property
    def is_complete(self) -> bool:
        return not self.failed and not self.late

    def succeeding(self, consumer: Consumer, left_out: LeftOut | None) -> _Outcome:
        """Returns the outcome after one more consumer is done."""
        stored = (*self.stored, consumer.name) if consumer.notes_itself else self.stored
        done, left_out = (*self.done, consumer.name), self.left_out or left_out
        return replace(self, done=done, stored=stored, left_out=left_out)

    def failing(self, error: Exception) -> _Outcome:
        """Returns the outcome after one more consumer failed."""
        parts: tuple[str, ...] = ()
        if isinstance(error, PartlyDone):
            parts, error = error.done, error.cause
        bug = None if isinstance(error, Conflict | Unavailable) else error
        return replace(self, done=(*self.done, *parts), failed=True, bug=self.bug or bug)


def consume(
    ports: Ports, event: OutboxEvent, *, now: datetime, keep_going: Callable[[], bool]
) -> Counter[str]:
    """Hands one event to its consumers; a failure is counted and left to the sweep.

    One that could not be claimed is counted as `NOT_CLAIMED` too. Raises an error of our own code
    once the other consumers are done and the event is put off.
    """
    if is_claimed(event, now):
        return Counter(claimed=1)
    try:
        merchant = ports.store.merchant(event.merchant)
        assert merchant is not None, "a merchant is never removed"
        if waits(ports, event, merchant):
            ports.store.commit(Change(event, replace(event, claimed_until=now + WAIT)))
            return Counter(waiting=1)
        claimed = replace(event, claimed_until=now + CLAIM)
        ports.store.commit(Change(event, claimed))
    except Conflict:
        return Counter({"conflict": 1, NOT_CLAIMED: 1})
    except Unavailable:
        return Counter({"unsent": 1, NOT_CLAIMED: 1})
    except Exception:
        _put_off(ports, event, now)
        raise
    with telemetry.under(event.correlation):
        outcome = _hand_out(ports, claimed, merchant, now, keep_going)
        if outcome.stored != claimed.done:
            claimed = replace(claimed, done=outcome.stored)
        try:
            tally = _finish(ports, claimed, outcome, now)
        except Conflict:
            tally = Counter(conflict=1)
        except Unavailable:
            tally = Counter(unsent=1)
    if outcome.bug is not None:
        raise outcome.bug
    return tally


def waits(ports: Ports, event: OutboxEvent, merchant: Merchant) -> bool:
    """Tests whether nothing may go out for its merchant here (W-5): the event is delivered once it
    may, unless that is too late."""
    return not merchant.armed_in(ports.operation.environment) and event.kind not in PASSING


def _put_off(ports: Ports, event: OutboxEvent, now: datetime) -> None:
    """Moves an event that cannot even be claimed behind the others, if it stands as read."""
    with suppress(Conflict, Unavailable):
        ports.store.commit(Change(event, replace(event, claimed_until=now + CLAIM)))


def _hand_out(
    ports: Ports,
    claimed: OutboxEvent,
    merchant: Merchant,
    now: datetime,
    keep_going: Callable[[], bool],
) -> _Outcome:
    """Hands a claimed event to each consumer that is not done with it.

    There is always time for the first of them, so that each delivery gets something done.
    """
    outcome = _Outcome(claimed.done, claimed.done, claimed.left_out)
    due = [each for each in ports.consumers() if each.takes(claimed, merchant)]
    for number, consumer in enumerate(due):
        if number and not keep_going():
            return replace(outcome, late=True)
        try:
            same = outcome.stored == claimed.done
            stands = claimed if same else replace(claimed, done=outcome.stored)
            left_out = _handle(ports, consumer, stands, merchant, now)
        except Exception as error:
            telemetry.happened("consumer failed", kind=claimed.kind.value, why=consumer.name)
            noted = consumer.notes_itself and _has_noted(ports, claimed, consumer)
            if noted is None:  # nothing goes out that could not be noted
                return outcome.failing(error)
            outcome = outcome.succeeding(consumer, None) if noted else outcome.failing(error)
        else:
            outcome = outcome.succeeding(consumer, left_out)
    return outcome


def _has_noted(ports: Ports, claimed: OutboxEvent, consumer: Consumer) -> bool | None:
    """Tests whether a consumer noted itself, though its answer may be lost; None if unknown."""
    try:
        stored = ports.store.outbox_event(claimed.shard, claimed.at, claimed.id)
    except Unavailable:
        return None
    return stored is not None and consumer.name in stored.done


def _handle(
    ports: Ports, consumer: Consumer, event: OutboxEvent, merchant: Merchant, now: datetime
) -> LeftOut | None:
    return consumer.handle(ports, event, merchant, now)


def _finish(ports: Ports, claimed: OutboxEvent, outcome: _Outcome, now: datetime) -> Counter[str]:
    """Removes an event that all consumers are done with; else notes which of them are."""
    if not outcome.is_complete:
        ports.store.commit(_note(claimed, outcome, now))
        return Counter(unsent=1) if outcome.failed else Counter(late=1)
    if outcome.left_out is not claimed.left_out and outcome.left_out is not None:
        claimed = _mark_left_out(ports, claimed, outcome.left_out)
    ports.store.commit(Remove(claimed, expecting=("claimed_until",)))
    return Counter(told=1) if outcome.left_out is None else Counter(left_out=1)


def _note(claimed: OutboxEvent, outcome: _Outcome, now: datetime) -> Change:
    """Makes the write that puts an event off for the consumers that are not done with it."""
    if outcome.bug is not None:
        until = now + CLAIM
    elif outcome.failed:
        until = now + min(max(CLAIM, now - claimed.at), WAIT)
    else:
        until = now
    after = replace(
        claimed,
        claimed_until=until,
        done=outcome.done,
        left_out=outcome.left_out,
        failures=claimed.failures + outcome.failed,
    )
    return Change(claimed, after, expecting=("claimed_until",))


def _mark_left_out(ports: Ports, claimed: OutboxEvent, reason: LeftOut) -> OutboxEvent:
    """Writes on the event why it is not mailed, before it is removed: so an event that was left out
    can be told from one that was lost."""
    after = replace(claimed, left_out=reason)
    ports.store.commit(Change(claimed, after, expecting=("claimed_until",)))
    telemetry.happened("mail left out", kind=claimed.kind.value, why=reason.value)
    return after
