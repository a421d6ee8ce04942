"""Receivers of webhooks in the simulated world, and the workers that send to them (M-5).

In some seeds the merchant whose events are read has endpoints. Each receiver is up, slow, down,
failing, moved, gone or lying for hours or days. Whatever dies meanwhile, each event must have
reached each endpoint once all of them answer (13).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from billing.aws.sqs_queue import body_of, leases_of
from billing.event_log.logged_events import LoggedEvent
from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.merchants import Merchant
from billing.kernel.receivers import Answer
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.addresses import DUE, stamp
from billing.storage.index_keys import due_shard
from billing.webhooks import signing
from billing.webhooks.deliveries import LEASE, Delivery, DeliveryState
from billing.webhooks.endpoints import EVERYTHING, WebhookEndpoint
from billing.webhooks.flows import attempt, endpoints, resend, sweep
from sim.chance import Chance
from sim.invariants import Violation
from sim.plan import READS_EVENTS
from sim.virtual_clock import DAY, HOUR, MINUTE, SECOND, instant, microseconds

if TYPE_CHECKING:
    from sim.world import World

SHARE = 0.3
"""The share of the seeds that have endpoints."""

ENDPOINTS_AT_MOST = 3
LOOKS_US = 9 * DAY
"""The time between two looks of the owner."""

TRIED_MOST = 30
"""The posts after which an event need not be sent again by itself: three whole schedules in which
its receiver took it at no time."""

KEY = b"simulated master key, 32 bytes.."
MOODS = ("up", "up", "up", "slow", "down", "failing", "busy", "moved", "gone", "lying")
SPANS_US = (10 * MINUTE, 4 * HOUR, DAY, 4 * DAY, 8 * DAY)


def key(*, create: bool = False) -> bytes:
    """Returns the master key of every simulated installation."""
    return KEY


class SimReceivers:
    """The receivers of a seed, the workers that send to them, and the sweep that starts those."""

    def __init__(self, world: World) -> None:
        self.taken: dict[str, set[str]] = defaultdict(set)
        """The ids of the events that each address has answered 2xx to."""
        self.bodies: dict[str, bytes] = {}
        self.on = False
        self.moods: Counter[str] = Counter()
        self.posts: Counter[tuple[str, str]] = Counter()
        self._world = world
        self._made: list[WebhookEndpoint] = []
        self._calendar: dict[str, list[tuple[int, str]]] = {}
        self._ticks: set[int] = set()
        self._number = 0
        self._missed_since: dict[str, datetime] = {}

    # Endpoints

    def with_endpoints(self, merchant: Merchant) -> tuple[Merchant, tuple[Insert, ...]]:
        """Returns the merchant and the endpoints that they have in this seed."""
        world = self._world
        chance = Chance(world.seed, "receivers")
        if merchant.id != READS_EVENTS or not world.faults.on or not chance.happens(SHARE):
            return merchant, ()
        self.on = True
        for number in range(chance.between(1, ENDPOINTS_AT_MOST)):
            url = f"https://hooks{number}.example.com/"
            self._made.append(
                WebhookEndpoint(
                    merchant=merchant.id,
                    id=f"we_{number}",
                    url=url,
                    events=(EVERYTHING,),
                    created_at=merchant.created_at,
                    shard=number % world.plan.shards,
                )
            )
            self._calendar[url] = self._drawn(url)
            world.clockwork.at(world.plan.start_us + LOOKS_US, partial(self._look, self._made[-1]))
        return (
            replace(merchant, webhooks_since=merchant.created_at),
            tuple(map(Insert, self._made)),
        )

    def _drawn(self, url: str) -> list[tuple[int, str]]:
        """Draws when a receiver begins to behave in another way."""
        chance, at_us = Chance(self._world.seed, f"moods {url}"), 0
        found = []
        while at_us < self._world.plan.end_us:
            found.append((at_us, chance.pick(MOODS)))
            at_us = max(at_us, self._world.plan.start_us) + chance.between(1, chance.pick(SPANS_US))
        return found

    def heal(self) -> None:
        """Mends all receivers; their owner tries each of them.

        So there is a success after which what was given up is sent.
        """
        self._calendar = {url: [(0, "up")] for url in self._calendar}
        for made in self._made:
            self._look(made, again=False)

    def _look(self, made: WebhookEndpoint, *, again: bool = True) -> None:
        """Lets the owner look at an endpoint: they enable it, and replay what it was not sent."""
        world, now_us = self._world, self._world.clockwork.now_us
        if again and now_us + LOOKS_US < world.plan.end_us:
            world.clockwork.at(now_us + LOOKS_US, partial(self._look, made))

        def work() -> None:
            ports = world.ports
            found = endpoints.one(ports, made.merchant, made.id)
            if found.disabled_at is not None:
                self._missed_since.setdefault(made.id, found.disabled_at)
                endpoints.change(ports, made.merchant, made.id, enabled=True, now=ports.clock())
            if made.id in self._missed_since:
                now, since = ports.clock(), self._missed_since[made.id] - timedelta(hours=1)
                resend.replay(ports, made.merchant, made.id, since=since, until=now, now=now)
                del self._missed_since[made.id]
            if not again:
                endpoints.test(ports, made.merchant, made.id)

        def ended(error: BaseException | None) -> None:
            if error is not None:
                repeat = partial(world.clockwork.spawn, f"look {made.id}", work)
                repeat(world.clockwork.now_us + 10 * MINUTE, ended)

        world.clockwork.spawn(f"look {made.id}", work, now_us, ended)

    # Receivers

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers a post as the receiver's present mood says."""
        clockwork = self._world.clockwork
        event = headers["webhook-id"]
        self._verify(url, headers, body)
        clockwork.sleep(Chance(self._world.seed, f"{url} {event}").between(20_000, SECOND))
        mood = self._mood(url)
        self.moods[mood] += 1
        self.posts[url, event] += 1
        match mood:
            case "slow":
                clockwork.sleep(14 * SECOND)
            case "down":
                clockwork.sleep(15 * SECOND)
                return Answer(error="timeout")
            case "failing":
                return Answer(500)
            case "busy":
                return Answer(503, retry_after=timedelta(days=300))
            case "moved":
                return Answer(308)
            case "gone":
                return Answer(410)
            case "lying":
                self.taken[url].add(event)  # it has the event, and says that it failed
                return Answer(500)
        self.taken[url].add(event)
        return Answer(204)

    def _mood(self, url: str) -> str:
        now_us = self._world.clockwork.now_us
        return [mood for at_us, mood in self._calendar[url] if at_us <= now_us][-1]

    def _verify(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Checks that an event is always the same bytes under its id, and signed."""
        event = headers["webhook-id"]
        if self.bodies.setdefault(event, body) != body or json.loads(body)["id"] != event:
            raise Violation("13", f"{event} is sent with another body", event)
        made = next(each for each in self._made if each.url == url)
        at = instant(int(headers["webhook-timestamp"]) * SECOND)
        if signing.headers(KEY, made, event, body, at, stamped_at=at) != headers:
            raise Violation("13", f"{event} is not signed as it should be", event)
        if KEY in body or "whsec_" in body.decode():
            raise Violation("13", f"{event} holds a secret", event)

    # Workers

    def start(self, leases: Sequence[Due]) -> None:
        """Takes an invocation, which may be refused, late, doubled or lost."""
        self._world.wire.call("queue", "start", partial(self._put, body_of(leases)))

    def _put(self, body: str) -> None:
        self._number += 1
        world, name = self._world, f"deliveries {self._number}"
        chance = Chance(world.seed, name)
        if chance.happens(0.05) and world.faults.on:
            return  # lost
        for _ in range(2 if chance.happens(0.05) and world.faults.on else 1):
            at_us = world.clockwork.now_us + chance.between(10_000, 2 * SECOND)
            world.clockwork.spawn(name, partial(self._work, body), at_us, lambda error: None)

    def _work(self, body: str) -> None:
        """Does what the function does, until its minute is over."""
        clockwork, ports = self._world.clockwork, self._world.ports
        ends_us = clockwork.now_us + 40 * SECOND

        def has_time() -> bool:
            return clockwork.now_us < ends_us

        taken = attempt.take(ports, leases_of(body), keep_going=has_time)
        while taken.soon and has_time():
            leases = ports.store.lease_each(taken.soon, ports.clock() + LEASE)
            clockwork.sleep(6 * SECOND)
            taken = attempt.take(ports, leases, keep_going=has_time)

    # The sweep

    def due_at(self, delivery: Delivery) -> None:
        """Plans a tick of the sweep for a delivery's due date."""
        if delivery.due_at is not None:
            self._tick_at(microseconds(delivery.due_at))

    def _tick_at(self, at_us: int) -> None:
        tick_us = -(-max(at_us, self._world.clockwork.now_us) // MINUTE) * MINUTE
        if tick_us not in self._ticks:
            self._ticks.add(tick_us)
            self._world.clockwork.at(tick_us, partial(self._tick, tick_us))

    def _tick(self, tick_us: int) -> None:
        self._ticks.discard(tick_us)
        world, until = self._world, f"{stamp(instant(tick_us))}#\U0010ffff"
        shards = range(world.plan.shards)
        due = [
            s for s in shards if world.table.begins_by(DUE, due_shard(DueKind.WEBHOOK, s), until)
        ]
        if not due:
            return
        self._tick_at(tick_us + 1)
        name = f"webhooks {instant(tick_us):%m-%d %H:%M}"
        work = partial(self._sweep, tick_us)
        world.clockwork.spawn(name, work, tick_us, lambda error: None)

    def _sweep(self, tick_us: int) -> None:
        with suppress(Unavailable):
            sweep.sweep(self._world.ports, now=instant(tick_us))


def all_delivered(world: World, found: dict[type, list[Any]]) -> None:
    """Checks that each event has reached each endpoint, and that sequences order them (13)."""
    receivers = world.receivers
    if not receivers.on:
        return
    logged: list[LoggedEvent] = found[LoggedEvent]
    for endpoint in found[WebhookEndpoint]:
        got = receivers.taken[endpoint.url]
        for event in logged:
            if event.id not in got and receivers.posts[endpoint.url, event.id] < TRIED_MOST:
                text = f"{event.id} ({event.type}) never reached {endpoint.id}"
                raise Violation("13", text, event.id, event.cause, event.subscription)
        if not endpoint.does_well or not endpoint.is_enabled:
            raise Violation("13", f"{endpoint.id} is not well: {endpoint}", endpoint.id)
    urls = {endpoint.id: endpoint.url for endpoint in found[WebhookEndpoint]}
    for delivery in found[Delivery]:
        tried = receivers.posts[urls[delivery.endpoint], delivery.event]
        if delivery.state is not DeliveryState.DELIVERED and tried < TRIED_MOST:
            raise Violation("13", f"{delivery.id} is {delivery.state}", delivery.event)
    _ordered(logged)


def _ordered(logged: Sequence[LoggedEvent]) -> None:
    """Checks that the events of one object have numbers in the order in which they are listed."""
    by_object: dict[str, list[LoggedEvent]] = defaultdict(list)
    for event in sorted(logged, key=lambda each: each.id):
        by_object[json.loads(event.object)["id"]].append(event)
    for events in by_object.values():
        for before, after in pairwise(events):
            if before.sequence > after.sequence:
                raise Violation("13", f"{after.id} has a lower number than {before.id}", after.id)
