"""Fairness of runs without time for everything: what one leaves the next goes on with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billing.cancel.flows import cancel
from billing.gateway_events.flows import lost_events
from billing.kernel.due import DueKind
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import SANDBOX, AccountRef, GatewayEvent
from billing.kernel.merchants import GatewayAccount, Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Remove
from billing.notices.flows import remind
from billing.outbox import lines
from billing.outbox.flows import deliver
from billing.rebill.flows import missed, sweep
from billing.runtime import wiring
from billing.webhooks.endpoints import WebhookEndpoint
from functions.notify import app as notify_app
from tests.accounts.platform import Platform, opened
from tests.hurry import Dead, Hasty, bare, room_for
from tests.world import World

BOB = "bob@example.com"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


# The look for lost events


class Listening:
    """Gateways that have no events, and record which of them was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.deadly = ""

    def __call__(self, account: AccountRef) -> Any:
        def events_since(since: object) -> Sequence[GatewayEvent]:
            self.asked.append(account.account)
            if account.account == self.deadly:
                raise Dead
            return ()

        return SimpleNamespace(events_since=events_since)


@pytest.fixture
def listening() -> tuple[World, Listening]:
    """Two hundred merchants with an account each."""
    world, listening = World(limits=False), Listening()
    world.ports = replace(world.ports, gateway=listening)
    for n in range(200):
        held = (GatewayAccount(SANDBOX, f"acct_{n:03d}"),)
        named = f"m{n:03d}"
        seller = Merchant(named, named, f"hello@{named}.example", world.now, gateway_accounts=held)
        world.store.commit(Insert(seller))
    return world, listening


def hourly(world: World, looks: int) -> None:
    world.now += timedelta(hours=1)
    lost_events.catch_up(world.ports, now=world.now, keep_going=room_for(looks))


@pytest.mark.spec("W-1")
def test_the_hourly_look_comes_to_every_account(listening: tuple[World, Listening]) -> None:
    world, gateways = listening
    for _ in range(48):
        hourly(world, 70)
    asked = Counter(gateways.asked)
    assert len(asked) == 200
    assert min(asked.values()) >= 48 * 70 // 200
    assert max(asked.values()) - min(asked.values()) <= 1


@pytest.mark.spec("W-1")
def test_an_account_that_ends_the_look_each_time_keeps_it_from_no_other(
    listening: tuple[World, Listening],
) -> None:
    world, gateways = listening
    gateways.deadly = "acct_003"
    for _ in range(8):
        try:
            hourly(world, 70)
        except Dead:
            continue
    assert len(set(gateways.asked)) == 200


# The outbox


class Choosy:
    """Sends no mail to one merchant's customers."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.sent: list[str] = []

    def send(self, message: Any, *, now: Any) -> str:
        to = str(message["To"])
        if to in self.refused:
            raise Unreachable("It does not answer.")
        self.sent.append(to)
        return f"{len(self.sent)}@email.amazonses.com"


def told_of(world: World, subscription: Subscription, number: int, shard: int) -> OutboxEvent:
    return OutboxEvent(
        id=f"told-{number:04d}",
        kind=EventKind.PAUSED,
        merchant=subscription.merchant,
        customer=subscription.customer,
        at=world.now + number * timedelta(seconds=1),
        shard=shard,
        subscription=subscription.id,
    )


@pytest.fixture
def outbox() -> tuple[World, Choosy]:
    """A hundred and fifty outbox events of Ann's in shard 0, which nobody takes.

    Behind them are one for Bob's customer, and one in shard 3.
    """
    world = Platform()
    opened(world)
    world.sign_up("bobs-books", BOB)
    world.buy(world.plan, email=BOB)
    world.tick()
    world.buy(world.sells("bobs-books"), email="reader@example.com")
    world.advance(hours=1)
    mailer = Choosy("fan@example.com")
    world.ports = replace(world.ports, mailer=mailer)
    theirs = world.fan("bobs-books", "reader@example.com")
    for n in range(150):
        world.store.commit(Insert(told_of(world, world.fan(), n, 0)))
    world.store.commit(Insert(told_of(world, theirs, 200, 0)))
    world.store.commit(Insert(told_of(world, theirs, 201, 3)))
    world.now += timedelta(minutes=10)
    return world, mailer


def tell(world: World, **how: Any) -> None:
    world.now += lines.CLAIM
    deliver.sweep(world.ports, now=world.now, **how)


@pytest.mark.spec("R-8")
def test_what_cannot_be_told_holds_up_nothing_behind_it(outbox: tuple[World, Choosy]) -> None:
    world, mailer = outbox
    for _ in range(3):
        tell(world)
    assert mailer.sent == ["reader@example.com"] * 2


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("looks", [1, 2, 5])
def test_each_shard_is_begun_with_in_turn_and_each_merchant_has_its_turn(
    outbox: tuple[World, Choosy], looks: int
) -> None:
    world, mailer = outbox
    for _ in range(16):  # two consumers take an event: with one look, each in a run of its own
        tell(world, keep_going=room_for(looks))
    assert mailer.sent == ["reader@example.com"] * 2


@pytest.mark.spec("R-8")
def test_once_they_can_be_told_all_of_a_full_shard_are(outbox: tuple[World, Choosy]) -> None:
    world, mailer = outbox
    for _ in range(20):
        tell(world, keep_going=room_for(20))
    mailer.refused = ()
    for _ in range(40):
        tell(world, keep_going=room_for(20))
    assert mailer.sent.count("fan@example.com") == 150


@pytest.mark.spec("R-8")
def test_a_fact_of_the_stream_that_our_code_breaks_on_keeps_none_of_its_batch() -> None:
    world = World(shards=1)
    world.buy(email="a@example.com")
    world.buy(email="b@example.com")
    world.work()
    broken, good = world.subscription("a@example.com"), world.subscription("b@example.com")
    facts = [told_of(world, broken, 1, 0), told_of(world, good, 2, 0)]
    world.store.commit(Remove(broken), *map(Insert, facts))
    sent = len(world.mailer.sent)
    named = [(fact.shard, fact.at, fact.id) for fact in facts]
    with pytest.raises(AssertionError):
        deliver.deliver(world.ports, named, now=world.now)
    assert [str(m["To"]) for m in world.mailer.sent[sent:]] == ["b@example.com"]


# What is due


def reminders(world: World, *emails: str) -> list[Any]:
    product = world.product()
    for email in emails:
        world.buy(product, email=email)
    found = [world.subscription(email) for email in emails]
    kept = [world.store.reminder("acme", each.customer, each.id) for each in found]
    assert None not in kept
    return kept


@pytest.mark.spec("R-8", "R-9")
def test_reminders_that_our_code_breaks_on_keep_nobody_elses() -> None:
    world = World(shards=1)
    kept = reminders(world, "a@example.com", "b@example.com", "c@example.com")
    good = kept[-1]
    due_at = min(each.due_at for each in kept)
    for each in kept[:-1]:
        broken = world.store.subscription("acme", each.customer, each.subscription)
        world.store.commit(Remove(broken))
    world.now = due_at + DAY
    for _ in range(3):
        world.now += MINUTE
        with pytest.raises(AssertionError):
            remind.sweep(world.ports, now=world.now, keep_going=room_for(2))
        if world.store.reminder("acme", good.customer, good.subscription) != good:
            break
    assert world.store.reminder("acme", good.customer, good.subscription) != good


@pytest.mark.spec("X-2", "R-9")
def test_an_end_that_cannot_be_made_is_put_behind_the_others_and_still_counts_as_missed() -> None:
    world = World(shards=1)
    product = world.product()
    for email in ("a@example.com", "b@example.com"):
        world.buy(product, email=email)
        world.cancel(email=email)
    first = world.subscription("a@example.com")
    assert first.due_at is not None
    world.now = first.due_at
    stuck = replace(world.ports, store=Refusing(world.store, first.customer))
    for _ in range(150):
        world.now += MINUTE
        try:
            cancel.sweep(stuck, now=world.now, keep_going=room_for(1))
        except AssertionError:
            continue
    assert world.subscription("b@example.com").state is State.CANCELLED
    assert world.subscription("a@example.com").state is State.CANCEL_PENDING
    late = missed.find(world.ports, now=world.now)
    assert [(each.why, each.since) for each in late] == [(missed.Why.UNANSWERED, first.ends_at)]


class Refusing:
    """A store over which our code breaks when it ends a subscription of one customer."""

    def __init__(self, store: Any, customer: str) -> None:
        self._store, self._customer = store, customer

    def subscription(self, merchant: str, customer: str, name: str) -> Any:
        assert customer != self._customer, "as if it could not be read"
        return self._store.subscription(merchant, customer, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.spec("R-1")
def test_a_sweep_with_time_for_one_kind_comes_to_every_kind() -> None:
    world = World(shards=4)
    product = world.product()
    for n in range(12):
        world.buy(product, email=f"{n}@example.com")
    world.now += timedelta(days=32)
    enqueued = 0
    for _ in range(12):
        world.now += MINUTE
        enqueued += sweep.due(world.ports, now=world.now, keep_going=room_for(1))["enqueued"]
    assert enqueued == 12


# Two walks in one function


@pytest.fixture
def installed() -> Any:
    yield wiring.install
    wiring.install(None)


@pytest.mark.spec("R-8")
def test_a_reminder_that_our_code_breaks_on_keeps_the_outbox_from_nothing(installed: Any) -> None:
    world = World(shards=1)
    kept = reminders(world, "a@example.com", "b@example.com")
    broken = world.store.subscription("acme", kept[0].customer, kept[0].subscription)
    assert broken is not None
    world.store.commit(Remove(broken))
    world.now = max(each.due_at for each in kept) + DAY
    world.store.commit(Insert(told_of(world, world.subscription("b@example.com"), 0, 0)))
    world.now += timedelta(minutes=3)
    installed(world.ports)
    sent = len(world.mailer.sent)
    with pytest.raises(AssertionError):
        bare(notify_app.sweep)({"time": world.now.isoformat()}, Hasty(60))
    assert len(world.mailer.sent) > sent


@pytest.mark.spec("R-8", "R-9")
def test_a_long_line_of_endpoints_keeps_no_reminder_waiting_for_its_end(installed: Any) -> None:
    world = World(shards=1)
    (reminder,) = reminders(world, "a@example.com")
    world.now = reminder.due_at + DAY
    for number in range(60):
        failing = WebhookEndpoint(
            *("acme", f"we_{number}", f"https://{number}.example.com/", ("*",), world.now, 0),
            failing_since=world.now - 4 * DAY,
            due_at=world.now - DAY,
        )
        world.store.commit(Insert(failing))
    installed(world.ports)
    for _ in range(2):
        world.now += deliver.EVERY
        bare(notify_app.sweep)({"time": world.now.isoformat()}, Hasty(60))
    assert world.store.due(DueKind.ENDPOINT, 0, world.now, 100), "there was no time for all"
    assert world.store.reminder("acme", reminder.customer, reminder.subscription) != reminder


# Without what keeps the place


@pytest.mark.spec("W-1")
def test_a_look_that_begins_with_the_same_account_is_found_out(
    listening: tuple[World, Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_events, "bisect_right", lambda *_, **__: 0)
    with pytest.raises(AssertionError):
        test_the_hourly_look_comes_to_every_account(listening)
