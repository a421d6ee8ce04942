"""Sales of before the aux index are indexed by a job, wherever it is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from billing.customers.flows import index_lists
from billing.jobs import jobs
from billing.jobs.jobs import Job
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Unavailable
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.search_words import Search
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert, Remove
from billing.privacy.flows import erase
from tests.storage.conftest import Backend
from tests.world import World

ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))
FAR = timedelta(days=1)


@pytest.fixture
def world(backend: Backend) -> World:
    """A world whose sales were made by a version without the index and its rows."""
    made = World(shards=1)
    made.store = backend.store
    made.ports = replace(made.ports, store=made.store)
    made.store.commit(Insert(made.merchant))
    product, once = made.product(), made.product(ONCE)
    for n in range(3):
        made.buy(product, name=f"Buyer{n} Smith", email=f"buyer{n}@example.com")
    made.buy(once, name="Zoë Anders", email="zoe@example.com")
    made.cancel(When.NOW, email="buyer0@example.com")
    made.work()
    _forget(backend, made)
    return made


def _forget(backend: Backend, world: World) -> None:
    """Takes away what only the new version writes."""
    for n in ("buyer0", "buyer1", "buyer2", "zoe"):
        customer = world.store.customer_by_email("acme", f"{n}@example.com")
        assert customer is not None
        rows = world.store.list_rows("acme", customer)
        world.store.commit(*map(Remove, rows))
    if backend.calls is None:
        return  # in memory an item is never without its places
    for item in backend.call("Scan")["Items"]:
        if "aux_pk" in item:
            backend.call(
                "UpdateItem",
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="REMOVE aux_pk, aux_sk",
            )


def fill(world: World, job: Job | None = None, most: int = 10_000) -> tuple[Job, bool]:
    """Does at most so many steps of the job; returns it, and whether it has ended."""
    job = job or jobs.new("acme", index_lists.JOB, index_lists.JOB, world.now)
    kind, named = index_lists.INDEX, {"now": world.now, "keep_going": lambda: True}
    for step in islice(kind.steps(world.ports, job, **named), most):
        job, most = job.stepped(step), most - 1
    if most <= 0:
        return job, False
    if job.left:
        return job.again(world.now)[0], False
    return job, kind.finish(world.ports, job, **named) is Seen.FINISHED


def listed(world: World) -> dict[str, Any]:
    """Returns what each list by the index has."""

    def subscriptions(where: SubscriptionFilter) -> list[str]:
        page = world.store.subscriptions_where("acme", where, now=world.now, limit=50)
        return sorted(each.id for each in page.data)

    found = world.history("buyer1@example.com").subscriptions[0]
    search = Search.of("smith")
    assert search is not None
    (order,) = world.history("zoe@example.com").orders
    assert order.invoice is not None
    bought = world.store.order_of_purchase("acme", order.invoice.partition(".")[0])
    return {
        "active": subscriptions(SubscriptionFilter(State.ACTIVE)),
        "cancelled": subscriptions(SubscriptionFilter(State.CANCELLED)),
        "product": subscriptions(SubscriptionFilter(product=found.product)),
        "price point": subscriptions(SubscriptionFilter(price_point=found.price_point)),
        "customers": sorted(c.id for c in world.store.customers("acme", limit=50).data),
        "smith": [c.name for c in world.store.customers_found("acme", search, limit=50).data],
        "purchase": bought and bought.id,
        "products": [each.id for each in world.store.products_made("acme", limit=50).data],
        "prices": [each.id for each in world.store.points_made("acme", found.product)],
    }


def complete(world: World) -> dict[str, Any]:
    """Returns what each list has to have."""
    sold = [world.history(f"buyer{n}@example.com") for n in range(3)]
    subscriptions = [history.subscriptions[0] for history in sold]
    zoe = world.history("zoe@example.com")
    people = [history.customer for history in (*sold, zoe)]
    everything = sorted(each.id for each in subscriptions)
    return {
        "active": sorted(e.id for e in subscriptions if e.state is State.ACTIVE),
        "cancelled": sorted(e.id for e in subscriptions if e.state is State.CANCELLED),
        "product": everything,
        "price point": everything,
        "customers": sorted(person.id for person in people if person is not None),
        "smith": [f"Buyer{n} Smith" for n in range(3)],
        "purchase": zoe.orders[0].id,
        "products": [each.id for each in world.store.catalog("acme")[0][::-1]],
        "prices": [subscriptions[0].price_point],
    }


@pytest.mark.spec("M-1")
def test_what_was_sold_before_the_index_is_listed_after_the_job(world: World) -> None:
    before = listed(world)
    assert before["product"] == before["price point"] == before["smith"] == []
    job, ended = fill(world)
    assert ended and (job.done, job.left) == (11, 0), (
        "three subscriptions, four orders, two products and their prices"
    )
    assert listed(world) == complete(world)
    seller = world.store.merchant("acme")
    assert seller is not None and seller.lists_complete_at == world.now
    assert seller.catalog_listed_at == world.now
    assert fill(world)[1] and listed(world) == complete(world)


@pytest.mark.spec("M-1")
def test_slices_of_one_step_come_to_the_end(world: World) -> None:
    job, ended, slices = None, False, 0
    while not ended:
        job, ended = fill(world, job, most=1)
        slices += 1
    assert slices >= 8
    assert listed(world) == complete(world)


class Killed(BaseException):
    """The end of a process."""


def _killing(world: World, at: int, error: Callable[[], BaseException]) -> None:
    """Makes the store fail at its n-th call, once."""
    left = [at]
    for name in ("commit", "list_rows", "customer", "orders", "subscriptions_started"):
        whole = getattr(world.store, name)

        def call(*args: Any, _of: Any = whole, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise error()
            return _of(*args, **named)

        setattr(world.store, name, call)


def test_a_job_that_is_killed_anywhere_goes_on(open_backend: Callable[[str], Backend]) -> None:
    for at in range(1, 60):
        backend = open_backend("memory")
        here = world.__wrapped__(backend)  # type: ignore[attr-defined]
        job, ended = None, False
        _killing(here, at, Killed if at % 2 else lambda: Unavailable("busy"))
        for _ in range(30):
            try:
                job, ended = fill(here, job, most=1)
            except (Killed, Unavailable):
                continue
            if ended:
                break
        assert ended
        assert listed(here) == complete(here), at


@pytest.mark.spec("M-1")
def test_what_changes_while_it_is_indexed_is_as_it_became(world: World) -> None:
    found = world.history("buyer1@example.com").subscriptions[0]
    commit, pending = world.store.commit, [replace(found, state=State.PAUSED, due_at=None)]

    def meeting(*writes: Any) -> None:
        if pending and any(isinstance(w, Change) and w.before == found for w in writes):
            commit(Change(found, pending.pop()))
        commit(*writes)

    world.store.commit = meeting  # type: ignore[method-assign]
    assert fill(world)[1]
    paused = SubscriptionFilter(State.PAUSED)
    page = world.store.subscriptions_where("acme", paused, now=world.now, limit=5)
    assert [each.id for each in page.data] == [found.id]
    assert found.id not in listed(world)["active"]


@pytest.mark.spec("M-8")
def test_an_erased_customer_is_not_indexed(world: World) -> None:
    gone = world.store.customer_by_email("acme", "buyer0@example.com")
    assert gone is not None
    erase.one(world.ports, "acme", gone, now=world.now)
    fill(world)
    found = listed(world)
    assert gone not in found["customers"] and found["smith"] == ["Buyer1 Smith", "Buyer2 Smith"]


def test_merchants_are_indexed_but_for_those_that_were_complete_from_their_beginning() -> None:
    world = World()
    old, later = world.now - timedelta(days=30), world.now - timedelta(hours=1)

    def made(name: str, at: datetime, complete_at: datetime | None) -> None:
        seller = Merchant(name, name, f"{name}@example.com", at, lists_complete_at=complete_at)
        world.store.commit(Insert(replace(seller, catalog_listed_at=complete_at)))

    made("old", old, None)
    made("done", old, later)
    made("new", later, later)
    started = index_lists.start_all(world.ports, now=world.now)
    assert sorted(job.owner for job in started) == ["acme", "new", "old"]


def test_the_calls_of_an_entry_do_not_grow_with_the_list(
    dynamodb: Backend, calls: Counter[str]
) -> None:
    here = world.__wrapped__(dynamodb)  # type: ignore[attr-defined]
    calls.clear()
    fill(here, most=1)
    # The merchant, a page of the list and its items, the rows there are, and one write.
    assert calls == {"GetItem": 1, "Query": 2, "BatchGetItem": 1, "TransactWriteItems": 1}
