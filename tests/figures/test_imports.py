"""Recurring revenue that was sold elsewhere is imported, and what is given back is taken off it."""

from __future__ import annotations

import pytest

from billing.figures.flows import rebuild
from billing.figures.movement_kinds import MovementKind
from billing.kernel.subscription import When
from tests.figures.watched import Watched
from tests.migration.moving_shop import MovingShop

pytestmark = pytest.mark.spec("M-10")


class WatchedShop(MovingShop):
    """A shop whose table has a stream."""

    def __init__(self) -> None:
        self.watched = Watched()
        super().__init__(world=self.watched)

    def kinds(self) -> list[tuple[MovementKind, int]]:
        self.watched.observe()
        return [(each.kind, each.minor) for each in self.watched.movements()]

    def counted(self, step: str) -> int:
        return self.watched.total(f"customers_{step}")


STEPS = ("new", "returned", "imported", "ended")


def test_imported_revenue_is_not_new() -> None:
    shop = WatchedShop()
    shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    assert shop.kinds() == [(MovementKind.IMPORTED, 2999)]
    shop.advance(days=29)
    assert shop.kinds() == [(MovementKind.IMPORTED, 2999)]
    assert shop.watched.mrr() == 2999
    assert shop.watched.total("customers_imported") == 1


def test_an_undone_import_is_no_churn() -> None:
    shop = WatchedShop()
    shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    assert shop.kinds() == [(MovementKind.IMPORTED, 2999), (MovementKind.IMPORTED, -2999)]
    assert shop.watched.mrr() == 0
    # Nobody came, and nobody left.
    assert [shop.counted(step) for step in STEPS] == [0, 0, 0, 0]
    assert [row.customers for row in shop.watched.sums(length="month")] == [0]


def test_a_customer_of_before_is_one_again_once_an_import_is_undone() -> None:
    shop = WatchedShop()
    watched = shop.watched
    bought = watched.buy(shop.product, email="ann@example.com")
    shop.subscribe(email="ann@example.com", anchor=watched.now)
    imported = shop.imported()
    shop.move(imported)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    watched.observe()
    # They have their own subscription all the while.
    assert [shop.counted(step) for step in STEPS] == [1, 0, 0, 0]
    assert watched.mrr() == 2999
    assert bought.customer


def test_one_who_comes_back_by_an_import_that_is_undone_has_not_come_back() -> None:
    shop = WatchedShop()
    watched = shop.watched
    watched.buy(shop.product, email="ann@example.com")
    watched.cancel(email="ann@example.com", when=When.NOW)
    shop.advance(days=1)
    shop.subscribe(email="ann@example.com", anchor=watched.now)
    imported = shop.imported()
    shop.move(imported)
    watched.observe()
    assert [shop.counted(step) for step in STEPS] == [1, 1, 0, 1]
    shop.begin_undo(imported)
    shop.advance(hours=1)
    watched.observe()
    assert [shop.counted(step) for step in STEPS] == [1, 0, 0, 1]


def test_one_who_cancels_what_was_imported_has_ended() -> None:
    shop = WatchedShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.watched.cancel(email=held.email, when=When.NOW)
    shop.watched.observe()
    assert [shop.counted(step) for step in STEPS] == [0, 0, 1, 1]


def test_a_trial_that_converts_here_is_new() -> None:
    shop = WatchedShop()
    shop.subscribe(trial=True)
    imported = shop.imported()
    shop.move(imported)
    assert shop.kinds() == [(MovementKind.TRIAL, 2999)]
    shop.advance(days=29)
    assert shop.kinds()[1:] == [(MovementKind.NEW, 2999), (MovementKind.TRIAL, -2999)]


def test_a_rebuild_knows_what_was_imported_once_it_is_charged_here() -> None:
    """The stream gave up what brought it."""
    shop = WatchedShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.advance(days=35)
    assert shop.charged_here(held)
    rebuild.begin(shop.watched.ports, "acme", now=shop.watched.now)
    shop.watched.tick()
    kinds = [(each.kind, each.minor) for each in shop.watched.movements()]
    assert kinds == [(MovementKind.IMPORTED, 2999)]
    assert [shop.counted(step) for step in STEPS] == [0, 0, 1, 0]


def test_a_rebuild_knows_a_trial_that_was_imported_and_converted_here() -> None:
    shop = WatchedShop()
    held = shop.subscribe(trial=True)
    imported = shop.imported()
    shop.move(imported)
    shop.advance(days=35)
    assert shop.charged_here(held)
    rebuild.begin(shop.watched.ports, "acme", now=shop.watched.now)
    shop.watched.tick()
    assert [shop.counted(step) for step in STEPS] == [1, 0, 0, 0]
