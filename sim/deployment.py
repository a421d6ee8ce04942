"""The simulated deployment: schedules, queue, stream and dead letters, calling the real handlers.

Ticks at which nothing is due are left out, which no handler can tell. Everything that a schedule or
a queue does wrong in life happens here: doubled, late, lost, given up and redriven days later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from billing.aws.sqs_queue import SqsQueue
from billing.kernel.due import DueKind
from billing.kernel.operation import Operation
from billing.kernel.outbox_events import OutboxEvent
from billing.storage import event_keys
from billing.storage.addresses import DUE, Key, SortKeyRange, stamp
from billing.storage.index_keys import due_shard
from functions.account import app as account_app
from functions.cancel import app as cancel_app
from functions.helpdesk import app as helpdesk_app
from functions.notify import app as notify_app
from functions.rebill import app as rebill_app
from sim import hurry as hurried
from sim.chance import Chance, stretched
from sim.hurry import Broken, Hurry
from sim.items import Table
from sim.stream import Stream
from sim.virtual_clock import DAY, HOUR, MINUTE, SECOND, Clockwork, instant, microseconds
from sim.wire import Wire

VISIBILITY_US = 360 * SECOND
RECEIVED_AT_MOST = 5
OUTBOX_TICK_US = 5 * MINUTE
OUTBOX_PATIENCE_US = 2 * MINUTE

MESSAGE_US = (5_000, 2 * SECOND)
LATE_US = (SECOND, 8 * HOUR)
REDRIVE_US = (HOUR, 6 * DAY)
STREAM_US = (50_000, 2 * SECOND)
OLD_TICK_US = (MINUTE, 4 * HOUR)

ALARMS = (
    DueKind.BILL,
    DueKind.CHECKOUT,
    DueKind.REFUND,
    DueKind.CANCEL,
    DueKind.TICKET,
    DueKind.ERASE,
    DueKind.DECLARATION,
)
CHARGED = {DueKind.BILL, DueKind.CHECKOUT, DueKind.REFUND}


class Context:
    """The context object that Lambda passes to a handler beside its event."""

    function_name = "simulated"
    aws_request_id = "simulated"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 50_000


def batch_answer(entries: Sequence[Any], taken: int) -> dict[str, Any]:
    """Builds SQS's answer to a batch whose first `taken` entries it takes."""
    ids = [{"Id": entry["Id"]} for entry in entries]
    return {"Successful": ids[:taken], "Failed": ids[taken:]}


class Message:
    """One message of the charge queue."""

    __slots__ = ("body", "deleted", "name", "received")

    def __init__(self, name: str, body: str) -> None:
        self.name = name
        self.body = body
        self.received = 0
        self.deleted = False


class Deployment:
    """The schedules, the queue and the stream, and the handlers that they start."""

    def __init__(
        self, seed: int, wire: Wire, table: Table, operation: Operation, hurry: Hurry
    ) -> None:
        self.dead_letters: list[Message] = []
        self.in_flight = 0
        self.queue = SqsQueue("simulated", self)
        self._seed = seed
        self._wire = wire
        self._clockwork: Clockwork = wire.clockwork
        self._faults = wire.faults
        self._table = table
        self._operation = operation
        self._hurry = hurry
        self._stream = Stream(self._clockwork, self._tell)
        self._sweeps: set[int] = set()
        self._outbox_ticks: set[int] = set()
        self._notices = False

    # Schedules

    def alarm_at(self, due_us: int) -> None:
        """Plans a tick of the sweep for a due date."""
        self._tick_at(due_us, MINUTE, self._sweeps, self._sweep_tick)

    def _tick_at(
        self, at_us: int, every_us: int, ticks: set[int], tick: Callable[[int], None]
    ) -> None:
        at_us = max(at_us, self._clockwork.now_us)
        tick_us = -(-at_us // every_us) * every_us
        if tick_us not in ticks:
            ticks.add(tick_us)
            self._clockwork.at(tick_us, partial(tick, tick_us))

    def _sweep_tick(self, tick_us: int) -> None:
        self._sweeps.discard(tick_us)
        due = self._due(tick_us)
        if not due:
            return
        if down_until := self._wire.down_until(tick_us):
            self.alarm_at(down_until)
            return
        self.alarm_at(tick_us + 1)
        if DueKind.CANCEL in due:
            self._start("ending", cancel_app.sweep, tick_us, self._clockwork.now_us)
        if due & {DueKind.TICKET, DueKind.DECLARATION}:
            self._start("deciding", helpdesk_app.sweep, tick_us, self._clockwork.now_us)
        if DueKind.ERASE in due:
            self._start("erasing", account_app.sweep, tick_us, self._clockwork.now_us)
        if due.isdisjoint(CHARGED):
            return
        late = self._faults.around("old_tick", f"sweep {tick_us}")
        if late is not None:
            self.sweep(tick_us, after_us=int(stretched(*OLD_TICK_US, late)))
        twice = self._faults.around("tick_twice", f"sweep {tick_us}")
        if twice is not None:
            self.sweep(tick_us, after_us=int(stretched(1_000, 20 * SECOND, twice)))
        self.sweep(tick_us)

    def sweep(self, scheduled_us: int, *, after_us: int = 0) -> None:
        """Runs the sweep with the schedule's time, now or late."""
        self._start("sweep", rebill_app.sweep, scheduled_us, self._clockwork.now_us + after_us)

    def _start(self, what: str, handler: Any, scheduled_us: int, at_us: int) -> None:
        """Runs a schedule's handler at `at_us` with the time that the schedule gives it."""
        scheduled = stamp(instant(scheduled_us))
        name = f"{what} {scheduled[5:10]} {scheduled[11:16]}"
        hurry, now, looks = self._hurry, instant(scheduled_us), self._hurry.looks

        def work() -> None:
            invocation = self._clockwork.invocation
            hurried_by = None if looks is None else hurried.Context(looks)
            faults = hurry.begins(invocation, hurried_by)
            with suppress(Broken):
                _handler(handler)({"time": scheduled}, hurried_by or Context)
            hurry.ends(invocation, what, now, faults)

        self._clockwork.spawn(name, work, at_us, _ended)

    def _due(self, now_us: int, kinds: Sequence[DueKind] = ALARMS) -> set[DueKind]:
        """Returns the kinds of due date of which one is due."""
        until = f"{stamp(instant(now_us))}#\U0010ffff"
        return {
            kind
            for kind in kinds
            for shard in range(self._operation.shards)
            if self._table.begins_by(DUE, due_shard(kind, shard), until)
        }

    # The charge queue

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803
        """Takes messages from `SqsQueue` as SQS does; it may refuse some."""

        def partly(length: float) -> dict[str, Any]:
            taken = int(len(Entries) * length)
            self._take(Entries[:taken])
            return batch_answer(Entries, taken)

        about = [entry["MessageBody"] for entry in Entries]
        return self._wire.call("queue", "send", lambda: partly(1), about, {"partly": partly})

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> Any:  # noqa: N803
        """Returns the queue's message counts, which `SqsQueue` asks for before it sends more."""
        waiting, *others = AttributeNames
        counts = {waiting: str(self.in_flight), **dict.fromkeys(others, "0")}
        return self._wire.call("queue", "ask", lambda: {"Attributes": counts})

    def _take(self, entries: Sequence[Any]) -> None:
        for entry in entries:
            self.put(entry["MessageBody"])

    def put(self, body: str, *, at_once: bool = False) -> None:
        """Puts a message on the queue; it is delivered at least once."""
        leases = json.loads(body)["leases"]
        _, due_at, *owner = leases[0]
        name = f"charge {owner[-1]} and {len(leases) - 1} at {due_at[5:23]}"
        message = Message(name, body)
        chance = Chance(self._seed, name)
        now_us = self._clockwork.now_us
        late = self._faults.around("late_message", name)
        span, at = (LATE_US, late) if late is not None else (MESSAGE_US, chance.share())
        self._deliver(message, now_us if at_once else now_us + int(stretched(*span, at)))
        twice = self._faults.around("duplicate", name)
        if twice is not None:
            again = Message(f"{name} doubled", body)
            self._deliver(again, now_us + int(stretched(1_000, 8 * HOUR, twice)))

    def redrive(self) -> None:
        """Puts all dead letters back on the queue."""
        letters, self.dead_letters = self.dead_letters, []
        for message in letters:
            message.received = 0
            self._deliver(message, self._clockwork.now_us)

    def _deliver(self, message: Message, at_us: int) -> None:
        self.in_flight += 1
        self._clockwork.at(at_us, partial(self._receive, message))

    def _receive(self, message: Message) -> None:
        self.in_flight -= 1
        if message.deleted:
            return
        if message.received >= RECEIVED_AT_MOST:
            self._bury(message)
            return
        message.received += 1
        # It stays invisible for a while and comes again unless its handler says that it is done.
        self._deliver(message, self._clockwork.now_us + VISIBILITY_US)
        record = {"messageId": message.name, "body": message.body, "eventSource": "aws:sqs"}
        work = partial(self._charge, message, {"Records": [record]})
        self._clockwork.spawn(message.name, work, self._clockwork.now_us, _ended)

    def _charge(self, message: Message, event: dict[str, Any]) -> None:
        answer = _handler(rebill_app.charge)(event, Context)
        message.deleted = not answer["batchItemFailures"]

    def _bury(self, message: Message) -> None:
        self.dead_letters.append(message)
        chance = Chance(self._seed, f"redrive {message.name}")
        at_us = self._clockwork.now_us + int(chance.stretched(*REDRIVE_US))
        self._clockwork.at(at_us, partial(self._redrive_one, message))

    def _redrive_one(self, message: Message) -> None:
        if message in self.dead_letters:
            self.dead_letters.remove(message)
            message.received = 0
            self._deliver(message, self._clockwork.now_us)

    # The outbox

    def event_written(self, key: Key[OutboxEvent], event: OutboxEvent) -> None:
        """Plans delivery of a new outbox event: mostly by the table's stream, by the outbox's sweep
        in any case.
        """
        now_us = self._clockwork.now_us
        # By whichever clock is later: at a tick before that it is too young to be taken.
        ripe_us = max(now_us, microseconds(event.at)) + OUTBOX_PATIENCE_US
        self._tick_at(ripe_us, OUTBOX_TICK_US, self._outbox_ticks, self._sweep_outbox)
        chance = Chance(self._seed, f"stream {event.id}")
        if self._faults.around("stream_lost", event.id) is None:
            late = self._faults.around("stream_late", event.id)
            span, at = (LATE_US, late) if late is not None else (STREAM_US, chance.share())
            self.stream(key, event, now_us + int(stretched(*span, at)))
        twice = self._faults.around("stream_twice", event.id)
        if twice is not None:
            self.stream(key, event, now_us + int(stretched(1_000, HOUR, twice)))

    def notice_at(self, due_us: int) -> None:
        """Plans a look at the notices that are due then."""
        self._notices = True
        self._tick_at(due_us, OUTBOX_TICK_US, self._outbox_ticks, self._sweep_outbox)

    def stream(self, key: Key[OutboxEvent], event: OutboxEvent, at_us: int) -> None:
        """Delivers one outbox event as the stream does."""
        self._stream.brings(key, event.id, at_us)

    def _tell(self, name: str, records: list[Any]) -> None:
        work = partial(_handler(notify_app.deliver), {"Records": records}, Context)
        self._clockwork.spawn(name, work, self._clockwork.now_us, _ended)

    def _sweep_outbox(self, tick_us: int) -> None:
        self._outbox_ticks.discard(tick_us)
        notices = self._notices and self._due(tick_us, (DueKind.NOTICE,))
        if not notices and not self.undelivered(tick_us):
            return
        if down_until := self._wire.down_until(tick_us):
            self._tick_at(down_until, OUTBOX_TICK_US, self._outbox_ticks, self._sweep_outbox)
            return
        self._tick_at(tick_us + 1, OUTBOX_TICK_US, self._outbox_ticks, self._sweep_outbox)
        self._start("outbox sweep", notify_app.sweep, tick_us, self._clockwork.now_us)

    def undelivered(self, until_us: int) -> list[OutboxEvent]:
        """Returns one outbox event of each shard that the sweep would take, if there is one."""
        until = SortKeyRange.until(instant(until_us - OUTBOX_PATIENCE_US))
        return [
            event
            for shard in range(self._operation.shards)
            for event in self._table.query(event_keys.outbox(shard, until), limit=1)
        ]


def _handler(handler: Any) -> Callable[[Any, Any], Any]:
    """Returns a handler without its wrappers for metrics and logs."""
    found: Callable[[Any, Any], Any] = handler.__wrapped__
    return found


def _ended(error: BaseException | None) -> None:
    """Ignores the error that ended a handler: only what the handler left behind matters."""
