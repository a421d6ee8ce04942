"""A neighbour's volume changes neither a merchant's answers nor what they cost (M-4, R-9, R-10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.flows import subscription_list
from billing.kernel.subscription import LIVE, State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.rebill.flows import attention
from tests.web.shop import Shop

MANY = 5_050
"""More than any list reads at once."""


def late_shop(*, complete: bool) -> Shop:
    """A shop with one payment that is late, one that waits for a decision, one to come."""
    shop = Shop()
    world = shop.world
    if complete:
        world.change_merchant(lists_complete_at=world.now)
    for email in ("ann@example.com", "bob@example.com", "eve@example.com"):
        world.buy(email=email)
    world.now += timedelta(days=31)
    waits, comes = world.subscription("bob@example.com"), world.subscription("eve@example.com")
    change(shop, waits, waits.waiting(world.now))
    change(shop, comes, replace(comes, due_at=world.now + timedelta(days=2)))
    return shop


def change(shop: Shop, before: Any, after: Any) -> None:
    shop.world.store.commit(Change(before, after))


def crowd(shop: Shop) -> None:
    """The neighbour has as many late payments in each shard as are read at once."""
    world = shop.world
    mine = world.subscription("ann@example.com")
    for shard in range(world.ports.operation.shards):
        for number in range(MANY):
            world.store.commit(
                Insert(
                    replace(
                        mine,
                        id=f"sub_{shard}x{number}",
                        merchant="rival",
                        customer=f"cus_{number}",
                        shard=shard,
                        due_at=world.now - timedelta(days=20),
                    )
                )
            )


@contextmanager
def counting(shop: Shop) -> Iterator[Counter[str]]:
    """Counts calls of the table and the items that they return."""
    items: Any = shop.world.store._items
    counts: Counter[str] = Counter()
    originals = {name: getattr(items, name) for name in ("get", "get_many", "query", "rows")}

    def counted(name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            found = originals[name](*args, **named)
            counts[name] += 1
            counts[f"{name} items"] += len(found) if isinstance(found, list) else 1
            return found

        return call

    for name in originals:
        setattr(items, name, counted(name))
    yield counts
    for name, original in originals.items():
        setattr(items, name, original)


@pytest.mark.spec("M-4", "R-9", "R-10")
@pytest.mark.parametrize("complete", [True, False])
def test_a_neighbour_with_many_late_payments_changes_no_answer_and_no_cost(complete: bool) -> None:
    shop = late_shop(complete=complete)
    to = (shop.world.now + timedelta(days=40)).isoformat()
    questions = (("/v1/attention", {}), ("/v1/forecast", {"to": to}))
    alone = []
    for address, query in questions:
        with counting(shop) as counts:
            alone.append((shop.api.get(address, **query).json, dict(counts)))
    (attention, _), (forecast, _) = alone
    assert [each["what"] for each in attention["data"]] == ["overdue", "waiting"]
    assert "incomplete" not in attention
    assert forecast["complete"] and sum(day["charges"] for day in forecast["data"]) == 4
    crowd(shop)
    for (address, query), (answer, cost) in zip(questions, alone, strict=True):
        with counting(shop) as counts:
            assert shop.api.get(address, **query).json == answer, address
        assert dict(counts) == cost, address


@pytest.mark.spec("M-4", "R-9", "R-10")
@pytest.mark.parametrize("complete", [True, False])
def test_a_list_that_was_cut_says_so(monkeypatch: pytest.MonkeyPatch, complete: bool) -> None:
    shop = late_shop(complete=complete)
    monkeypatch.setattr(subscription_list, "READ_AT_ONCE", 1)
    monkeypatch.setattr(subscription_list, "READS_AT_MOST", 2)
    to = (shop.world.now + timedelta(days=40)).isoformat()
    assert shop.api.get("/v1/attention").json["incomplete"] is True
    assert shop.api.get("/v1/forecast", to=to).json["complete"] is False
    monkeypatch.setattr(subscription_list, "READS_AT_MOST", 12)
    assert "incomplete" not in shop.api.get("/v1/attention").json
    assert shop.api.get("/v1/forecast", to=to).json["complete"] is True


@pytest.mark.spec("R-10", "A-5", "X-4")
def test_what_comes_with_time_is_listed_as_it_is_stored() -> None:
    shop = late_shop(complete=True)
    found = subscription_list.in_states(
        shop.world.ports, shop.world.merchant, (State.ACTIVE, State.PAST_DUE), now=shop.world.now
    )
    assert (len(found.data), found.complete) == (3, True)


def test_every_live_state_is_looked_at() -> None:
    assert set(attention.LIVE_FIRST) == LIVE
