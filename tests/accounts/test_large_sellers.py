"""A seller with more than a run has time for: brought in line and erased over many, while others
have their turn (A-3, A-6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from billing.accounts.flows import account, account_life, align
from billing.aws.sqs_queue import leases_of
from billing.jobs.flows import control, work
from billing.jobs.jobs import Job, JobState
from billing.kernel.account_standings import Standing
from billing.kernel.customers import ERASED, EmailPointer, email_hash
from billing.kernel.subscription import State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.walks import Walk
from billing.kernel.writes import Change, Insert
from billing.privacy.flows import erase, erase_merchant
from billing.runtime import job_kinds, wiring
from billing.storage.memory.items import MemoryItems
from billing.storage.store import ItemStore
from functions.account import app as account_app
from tests.accounts.platform import PLAN, SELLER, Platform, opened
from tests.hurry import Dead, Hasty, bare, room_for
from tests.world import World

BOB = "bob@example.com"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


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


def sweep(world: Platform, looks: int) -> None:
    """A minute: the sweep, and one slice of each line that is queued then, with time for so many
    looks."""
    world.now += MINUTE
    world.sweep_accounts()
    bodies, world.jobs.bodies = world.jobs.bodies, []
    for body in bodies:
        (lease,) = leases_of(body)
        keep_going = room_for(looks - 1)
        work.take(world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=keep_going)


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
    pause = align._pause

    def breaks(ports: Any, found: Subscription, now: Any) -> bool:
        assert found.id != sold[20].id, "as if it could not be read"
        return pause(ports, found, now)

    monkeypatch.setattr(align, "_pause", breaks)
    for _ in range(80):
        sweep(large, 30)
    assert as_they_stand(large, sold) == {State.PAUSED: 39, State.ACTIVE: 1}
    job = large.store.job("annsart", account_life.ALIGN)
    assert job is not None
    assert (job.state, job.error) == (JobState.FAILED, "AssertionError"), "a person must look"
    monkeypatch.setattr(align, "_pause", pause)
    control.resume(large.ports, "annsart", job.id, now=large.now)
    for _ in range(20):
        sweep(large, 30)
    assert as_they_stand(large, sold) == {State.PAUSED: 40}


@pytest.mark.spec("A-3")
def test_whoever_dies_of_one_account_each_time_comes_to_the_others(
    large: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_leave(large)
    standing_of = account_life.signing.standing_of

    def dies(ports: Any, found: Any, now: Any) -> Any:
        if found.username == "annsart":
            raise Dead
        return standing_of(ports, found, now)

    monkeypatch.setattr(account_life.signing, "standing_of", dies)
    for _ in range(15):
        try:
            sweep(large, 30)
        except Dead:
            continue
    assert large.seller("bobs-books").is_suspended(large.now)


# Erasing


class Counting(MemoryItems):
    """Items that count the calls to them."""

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


# Forms have their half


@pytest.fixture
def installed() -> Any:
    yield wiring.install
    wiring.install(None)


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


# Begun by a version that knew no jobs


@pytest.mark.spec("A-3")
def test_a_walk_that_was_begun_before_there_were_jobs_is_taken_over_at_its_place(
    large: Platform,
) -> None:
    sold = sold_to(large, 39)
    both_leave(large)
    leave_walk(large, Walk(Standing.INACTIVE, large.now, cursor=place_of(large, 15)))
    sweep(large, 30)
    assert as_they_stand(large, sold) == {State.PAUSED: 24, State.ACTIVE: 16}
    account = large.store.account("annsart")
    assert account is not None and account.walk is None
    job = large.store.job("annsart", account_life.ALIGN)
    assert job is not None and (job.state, job.done) == (JobState.DONE, 24)


@pytest.mark.spec("A-3")
@pytest.mark.parametrize("walk", ["left", "of another state"])
def test_a_walk_that_left_something_or_was_for_another_state_is_begun_anew(
    large: Platform, walk: str
) -> None:
    sold = sold_to(large, 39)
    both_leave(large)
    old = Walk(Standing.INACTIVE, large.now, cursor=place_of(large, 15), left=True)
    if walk != "left":
        old = replace(old, of=Standing.FROZEN, left=False)
    leave_walk(large, old)
    for _ in range(6):
        sweep(large, 50)
    assert as_they_stand(large, sold) == {State.PAUSED: 40}


def place_of(world: Platform, number: int) -> str:
    """The place behind the first so many subscriptions of Ann's, as a walk stores it."""
    page = world.store.subscriptions_started(
        "annsart", since=world.seller().created_at, until=world.now, limit=50, cursor=None
    )
    return f"~{page.data[number].id}"


def leave_walk(world: Platform, walk: Walk) -> None:
    found = world.store.account("annsart")
    assert found is not None
    world.store.commit(Change(found, replace(found, walk=walk)))


# Without what keeps the place


def forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes each slice begin anew."""
    stepped = Job.stepped
    monkeypatch.setattr(
        Job, "stepped", lambda job, step: replace(stepped(job, step), cursor=job.cursor)
    )


@pytest.mark.spec("A-3")
def test_a_job_that_forgets_its_place_is_found_out(
    large: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgets(monkeypatch)
    with pytest.raises(AssertionError):
        test_however_little_time_a_run_has_every_subscription_is_come_to(large, 7)


@pytest.mark.spec("A-6")
def test_an_erasing_that_forgets_its_place_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase_merchant, "place_in", lambda cursor: (cursor.split()[0:1], ""))
    with pytest.raises(AssertionError, match="never comes"):
        test_a_large_merchant_is_erased_over_many_short_runs_by_work_that_grows_as_it_does(40)
