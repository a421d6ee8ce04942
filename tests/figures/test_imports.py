"""Recurring revenue that was sold elsewhere is imported, and what is given back is taken off it."""

from __future__ import annotations

import pytest

from billing.figures.movement_kinds import MovementKind
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


def test_a_trial_that_converts_here_is_new() -> None:
    shop = WatchedShop()
    shop.subscribe(trial=True)
    imported = shop.imported()
    shop.move(imported)
    assert shop.kinds() == [(MovementKind.TRIAL, 2999)]
    shop.advance(days=29)
    assert shop.kinds()[1:] == [(MovementKind.NEW, 2999), (MovementKind.TRIAL, -2999)]
