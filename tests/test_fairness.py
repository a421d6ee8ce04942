"""No run has time for everything: what it left is gone on with, and nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billing.accounts import Standing
from billing.adapters.memory_items import MemoryItems
from billing.adapters.store import ItemStore
from billing.customers import ERASED, EmailPointer, email_hash
from billing.errors import Unreachable
from billing.facts import Fact, FactKind
from billing.flows import (
    account,
    account_life,
    cancel,
    enqueue,
    erase,
    missed,
    notify,
    remind,
    webhook,
)
from billing.gateways import SANDBOX, AccountRef, GatewayEvent
from billing.merchants import GatewayAccount, Merchant
from billing.runtime import wiring
from billing.subscription import State, Subscription, When
from billing.transactions import Change, Insert, Remove
from billing.walks import Walk
from functions.account import app as account_app
from functions.notify import app as notify_app
from tests.accounts.platform import PLAN, SELLER, Platform, opened
from tests.world import World

BOB = "bob@example.com"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def room_for(times: int) -> Callable[[], bool]:
    """A run that has time for so many looks."""
    left = iter(range(times))
    return lambda: next(left, None) is not None


class Dead(BaseException):
    """The process is gone: out of time or of memory."""


# One large seller


def sold_to(world: Platform, customers: int) -> list[Subscription]:
    """As many customers of Ann's, each with a subscription like her fan's."""
    like = world.fan()
    sold = [
        replace(like, id=f"{like.id}{n:03d}", customer=f"cus_{n:03d}") for n in range(customers)
    ]
    for each in sold:
        world.store.commit(Insert(each))
    return [like, *sold]


def as_they_stand(world: World, sold: Sequence[Subscription]) -> Counter[State]:
    found = world.store.subscriptions([(s.merchant, s.customer, s.id) for s in sold])
    return Counter(each.state for each in found if each is not None)


@pytest.fixture
def large() -> Platform:
    """Ann sells to forty, Bob to one, and both have just left; Ann's end is found first."""
    world = Platform()
    opened(world)
    world.sign_up("bobs-books", BOB)
    world.buy(world.plan, email=BOB)
    world.tick()
    world.buy(world.sells("bobs-books"), email="reader@example.com")
    world.tick()
    return world


def both_leave(world: Platform) -> None:
    world.now += MINUTE
    world.cancel(When.NOW, SELLER)
    world.now += MINUTE
    world.cancel(When.NOW, BOB)
    world.work()
    found = account.by_email(world.ports, SELLER)
    bob = account.by_email(world.ports, BOB)
    assert found is not None and bob is not None
    assert found.due_at is not None and bob.due_at is not None and found.due_at < bob.due_at
    assert world.ports.shard_of("annsart") == found.shard


def sweep(world: World, looks: int) -> Counter[str]:
    world.now += MINUTE
    return account_life.sweep(world.ports, now=world.now, keep_going=room_for(looks))


@pytest.mark.spec("A-3")
def test_an_end_of_a_large_seller_is_come_to_in_small_runs_and_keeps_nobody_else_waiting(
    large: Platform,
) -> None:
    sold = sold_to(large, 39)
    both_leave(large)
    sweep(large, 30)
    assert large.seller("bobs-books").is_suspended(large.now), "charges stop before any walk"
    assert large.seller().is_suspended(large.now)
    for _ in range(2):
        sweep(large, 30)
    assert as_they_stand(large, sold) == {State.PAUSED: 40}
    assert large.fan("bobs-books", "reader@example.com").state is State.PAUSED
    found = account.by_email(large.ports, SELLER)
    assert found is not None and (found.told, found.walk) == (Standing.INACTIVE, None)


@pytest.mark.spec("A-3")
@pytest.mark.parametrize("looks", [1, 2, 7])
def test_however_little_time_a_run_has_every_subscription_is_come_to(
    large: Platform, looks: int
) -> None:
    sold = sold_to(large, 39)
    both_leave(large)
    runs = 0
    while as_they_stand(large, sold) != {State.PAUSED: 40}:
        sweep(large, looks)
        runs += 1
        assert runs < 60, as_they_stand(large, sold)
    assert large.seller("bobs-books").is_suspended(large.now)


@pytest.mark.spec("A-3", "A-7")
def test_who_comes_back_in_the_middle_of_it_has_everything_back(large: Platform) -> None:
    sold = sold_to(large, 39)
    both_leave(large)
    for _ in range(3):
        sweep(large, 10)
    assert as_they_stand(large, sold)[State.PAUSED] in range(1, 40), "half way"
    large.buy(large.plan, email=SELLER, confirm_repeat=True)
    large.work()
    for _ in range(10):
        sweep(large, 10)
    assert as_they_stand(large, sold)[State.PAUSED] == 0
    assert large.seller().suspended_from is None


@pytest.mark.spec("A-3")
def test_a_subscription_that_our_code_breaks_on_keeps_none_of_the_others(
    large: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = sold_to(large, 39)
    both_leave(large)
    pause = account_life._pause

    def breaks(ports: Any, found: Subscription, now: Any) -> bool:
        assert found.id != sold[20].id, "as if it could not be read"
        return pause(ports, found, now)

    monkeypatch.setattr(account_life, "_pause", breaks)
    for _ in range(80):
        try:
            sweep(large, 30)
        except AssertionError:
            continue
    assert as_they_stand(large, sold) == {State.PAUSED: 39, State.ACTIVE: 1}
    monkeypatch.setattr(account_life, "_pause", pause)
    for _ in range(200):
        sweep(large, 30)
    assert as_they_stand(large, sold) == {State.PAUSED: 40}


@pytest.mark.spec("A-3")
def test_whoever_dies_of_one_account_each_time_comes_to_the_others(
    large: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_leave(large)
    stand = account_life.signing.stand

    def dies(ports: Any, found: Any, now: Any) -> Any:
        if found.username == "annsart":
            raise Dead
        return stand(ports, found, now)

    monkeypatch.setattr(account_life.signing, "stand", dies)
    for _ in range(15):
        try:
            sweep(large, 30)
        except Dead:
            continue
    assert large.seller("bobs-books").is_suspended(large.now)


# Erasing


class Counting(MemoryItems):
    """Items that count what is asked of them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    def get(self, *args: Any) -> Any:
        self.asked["get"] += 1
        return super().get(*args)

    def query(self, *args: Any, **kwargs: Any) -> Any:
        self.asked["query"] += 1
        return super().query(*args, **kwargs)

    def rows(self, *args: Any, **kwargs: Any) -> Any:
        self.asked["rows"] += 1
        return super().rows(*args, **kwargs)

    def write(self, *args: Any) -> Any:
        self.asked["write"] += 1
        return super().write(*args)


@pytest.mark.spec("A-6")
@pytest.mark.parametrize("looks", [3, 40])
def test_a_large_merchant_is_erased_over_many_short_runs_by_work_that_grows_as_it_does(
    looks: int,
) -> None:
    costs = []
    for buyers in (150, 600):
        world = Platform()
        items = Counting()
        world.store = ItemStore(items)
        world.ports = replace(world.ports, store=world.store)
        world.store.commit(Insert(world.merchant))
        world.plan = world.product(PLAN, name="Pro", grants=("account",))
        opened(world)
        many_buyers(world, buyers)
        world.advance(hours=1)
        world.cancel(When.NOW, SELLER)
        world.advance(days=1)
        world.now += 91 * DAY
        world.tick()
        world.now += DAY
        items.asked.clear()
        runs = 0
        while (held := world.store.account("annsart")) is not None and held.erased_at is None:
            sweep(world, looks)
            runs += 1
            assert runs < 3 * buyers, "it never comes to its end"
        names = [c.name for c in all_of(items, "Customer") if c.merchant == "annsart"]
        assert set(names) == {ERASED} and len(names) == buyers + 1
        costs.append(sum(items.asked.values()))
    assert costs[1] < 5 * costs[0], costs


def all_of(items: MemoryItems, name: str) -> list[Any]:
    parts = items._partitions.values()
    return [each for part in parts for each in part.values() if type(each).__name__ == name]


def many_buyers(world: Platform, buyers: int) -> None:
    """Customers of Ann's who bought once, and had a second entry made for them."""
    like = world.store.history("annsart", world.fan().customer)
    assert like.customer is not None
    order = like.orders[0]
    for n in range(buyers):
        email = f"buyer{n}@example.com"
        someone = replace(like.customer, id=f"cus_{n:04d}", email=email, default_method=None)
        at = order.at + timedelta(seconds=n)
        world.store.commit(
            Insert(someone),
            Insert(EmailPointer("annsart", email_hash("annsart", email), someone.id)),
            *(
                Insert(
                    replace(
                        order,
                        id=f"{order.id}-{n:04d}{part}",
                        customer=someone.id,
                        at=at,
                        email=email,
                        attempt_key=None,
                    )
                )
                for part in "ab"
            ),
        )


@pytest.mark.spec("A-6", "M-8")
def test_a_customer_with_more_than_a_run_can_take_is_erased_over_some(large: Platform) -> None:
    customer = large.fan().customer
    order = large.store.history("annsart", customer).orders[0]
    for n in range(60):
        again = replace(order, id=f"{order.id}-{n}", at=order.at + n * MINUTE, attempt_key=None)
        large.store.commit(Insert(again))
    found = large.fan()
    ended = replace(found, state=State.CANCELLED, due_at=None)
    large.store.commit(Change(found, ended))
    runs = 0
    while erase.customer(large.ports, "annsart", customer, keep_going=room_for(9)) == "more":
        runs += 1
        assert runs < 10
    assert runs == 6
    history = large.store.history("annsart", customer)
    assert {each.email for each in history.orders} == {None}


# The look for lost events


class Listening:
    """Gateways that tell of nothing, and know which of them was asked."""

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
    webhook.catch_up(world.ports, now=world.now, keep_going=room_for(looks))


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

    def send(self, message: Any, *, now: Any) -> None:
        to = str(message["To"])
        if to in self.refused:
            raise Unreachable("It does not answer.")
        self.sent.append(to)


def told_of(world: World, subscription: Subscription, number: int, shard: int) -> Fact:
    return Fact(
        id=f"told-{number:04d}",
        kind=FactKind.PAUSED,
        merchant=subscription.merchant,
        customer=subscription.customer,
        at=world.now + number * timedelta(seconds=1),
        shard=shard,
        subscription=subscription.id,
    )


@pytest.fixture
def outbox() -> tuple[World, Choosy]:
    """A hundred and fifty facts of Ann's in shard 0, which nobody takes; behind them one for Bob's
    customer, and one in shard 3."""
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
    world.now += notify.CLAIM
    notify.sweep(world.ports, now=world.now, **how)


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
    for _ in range(8):
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
def test_a_sweep_with_time_for_one_shard_comes_to_every_kind_and_shard() -> None:
    world = World(shards=4)
    product = world.product()
    for n in range(12):
        world.buy(product, email=f"{n}@example.com")
    world.now += timedelta(days=32)
    enqueued = 0
    for _ in range(12):
        world.now += MINUTE
        enqueued += enqueue.due(world.ports, now=world.now, keep_going=room_for(1))["enqueued"]
    assert enqueued == 12


# Two walks in one function


class Hasty:
    """A Lambda's context in which each look costs a second."""

    function_name = aws_request_id = "hasty"

    def __init__(self, seconds: int) -> None:
        self._left = seconds * 1_000

    def get_remaining_time_in_millis(self) -> int:
        self._left -= 1_000
        return self._left


@pytest.fixture
def installed() -> Any:
    yield wiring.install
    wiring.install(None)


def bare(handler: Any) -> Any:
    return handler.__wrapped__


@pytest.mark.spec("M-8", "A-3")
def test_accounts_that_take_all_the_time_leave_forms_their_half(
    large: Platform, installed: Any
) -> None:
    sold_to(large, 400)
    poor = large.sells()
    large.buy(poor, email="poor@example.com", payment_method="pm_card_chargeDeclined")
    large.now += timedelta(days=40)
    both_leave(large)
    installed(large.ports)
    tally: Counter[str] = Counter()
    for _ in range(3):
        large.now += MINUTE
        event = {"time": large.now.isoformat()}
        tally += Counter(bare(account_app.sweep)(event, Hasty(60)))
    assert tally["form_erased"] == 1


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


# Without what keeps the place


def forgetful(walk: Walk, cursor: str, *, finished: bool) -> Walk:
    """A walk that begins anew each time."""
    return replace(walk, left=walk.left or not finished)


@pytest.mark.spec("A-3")
def test_a_walk_that_forgets_its_place_is_found_out(
    large: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Walk, "past", forgetful)
    with pytest.raises(AssertionError):
        test_however_little_time_a_run_has_every_subscription_is_come_to(large, 7)


@pytest.mark.spec("A-6")
def test_an_erasing_that_forgets_its_place_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Walk, "past", forgetful)
    with pytest.raises(AssertionError, match="never comes"):
        test_a_large_merchant_is_erased_over_many_short_runs_by_work_that_grows_as_it_does(40)


@pytest.mark.spec("A-3")
@pytest.mark.parametrize("guarded", [True, False])
def test_all_charges_stop_before_a_walk_is_gone_on_with(
    large: Platform, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    monkeypatch.setattr(account_life, "TURN", 99)
    if not guarded:
        monkeypatch.setattr(account_life, "_is_walked_through", lambda ports, due: False)
    sold_to(large, 39)
    both_leave(large)
    found = large.store.account("annsart")
    assert found is not None
    begun = replace(found, walk=Walk(Standing.INACTIVE, large.now))
    large.store.commit(Change(found, begun))
    sweep(large, 30)
    assert large.seller("bobs-books").is_suspended(large.now) is guarded


@pytest.mark.spec("W-1")
def test_a_look_that_begins_with_the_same_account_is_found_out(
    listening: tuple[World, Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "bisect_right", lambda *_, **__: 0)
    with pytest.raises(AssertionError):
        test_the_hourly_look_comes_to_every_account(listening)
