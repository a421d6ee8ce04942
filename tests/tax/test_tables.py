"""Tables of rates that are sent whole: each is what its file says, whatever came before (C-7)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from billing.kernel.errors import Conflict, Unreachable
from billing.kernel.writes import Write
from billing.tax.flows import setup
from billing.tax.rates import DatedRate, Place
from tests.world import START, World, meanwhile

Rows = list[tuple[Place, DatedRate]]


def rows(*states: str) -> Rows:
    return [(Place("US", state), DatedRate(f"Tax of {state}", 50_000)) for state in states]


def kept(world: World) -> list[str | None]:
    return [place.state for place in setup.whole_table(world.ports, world.merchant)]


def before_write(world: World, number: int, act: Callable[[], object]) -> None:
    """Does something before a write of the store, counted from 1."""
    commit, writes = world.store.commit, count(1)

    def met(*transaction: Write) -> None:
        if next(writes) == number:
            world.store.commit = commit  # type: ignore[method-assign]
            act()
        commit(*transaction)

    world.store.commit = met  # type: ignore[method-assign]


def replaced(world: World, *states: str) -> None:
    setup.replace_table(world.ports, world.merchant, rows(*states), now=START)


@pytest.mark.spec("C-7")
def test_a_table_has_nothing_of_a_file_whose_writing_was_broken_off() -> None:
    world = World()

    def dies() -> None:
        raise Unreachable("The process ended.")

    before_write(world, 2, dies)
    with pytest.raises(Unreachable):
        replaced(world, "CA")
    replaced(world, "NY")
    assert kept(world) == ["NY"]


@pytest.mark.spec("C-7")
@pytest.mark.parametrize("write", [1, 2])
def test_of_two_tables_that_are_sent_at_once_one_is_kept_whole(write: int) -> None:
    world = World()
    before_write(world, write, lambda: meanwhile(lambda: replaced(world, "NY")))
    with pytest.raises(Conflict):
        replaced(world, "CA", "TX")
    assert kept(world) == ["NY"]


@pytest.mark.spec("C-7")
def test_a_rate_that_meets_a_new_table_is_in_that_one() -> None:
    world = World()
    world.change_merchant(tax_since=START)
    replaced(world, "CA", "TX")
    place, rate = Place("US", "TX"), DatedRate("Tax of Austin", 20_000)
    before_write(world, 1, lambda: meanwhile(lambda: replaced(world, "NY", "TX")))
    setup.set_rate(world.ports, world.merchant, place, rate, now=START)
    (texas,) = [p for p in setup.whole_table(world.ports, world.merchant) if p.state == "TX"]
    assert rate in texas.rates
