"""A process that dies after any write or call: what goes on afterwards comes to the same end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from billing.coupons.coupons import Duration
from billing.kernel.errors import Unreachable
from billing.kernel.live_sources import Collected
from billing.kernel.values import replace
from billing.migration.import_rows import RowState
from billing.migration.imports import Import
from sim.source import Held
from tests.coupons.couponing import coupon
from tests.migration.moving_shop import Killed, MovingShop

pytestmark = pytest.mark.spec("M-6")

MOVING = range(1, 12)
"""The writes and calls of one row's move, and of its job; it has 10."""


def until_alive(shop: MovingShop) -> None:
    """Ticks until nothing dies any more; the leases of what died are over then."""
    for _ in range(6):
        with suppress(Killed):
            shop.world.tick()
        shop.world.now += timedelta(minutes=6)
        shop.world.jobs.bodies.clear()
    shop.world.tick()


def begun(shop: MovingShop, imported: Import, kill: int, *, undo: bool = False) -> None:
    """Begins a move, or an undo, and dies after so many writes and calls."""
    shop.acts.clear()
    shop.kill_after = kill
    with suppress(Killed):
        if undo:
            shop.begin_undo(imported)
        else:
            shop.begin(imported)
    with suppress(Killed):
        shop.world.tick()
    shop.kill_after = None


@pytest.mark.parametrize("kill", MOVING)
def test_a_move_that_dies_anywhere_goes_on(kill: int) -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    first = held.next_at
    begun(shop, imported, kill)
    shop.begin(imported)  # asked again by whoever got no answer
    until_alive(shop)
    assert shop.state(imported) == (RowState.ACTIVE, None)
    assert (shop.import_(imported).active, held.mark) == (1, imported.id)
    assert len(shop.world.history(held.email).subscriptions) == 1
    shop.advance(days=40)
    assert shop.charged_there(held) == []
    assert [each.date() for each in shop.charged_here(held)] == [first.date()]
    assert shop.state(imported) == (RowState.CONFIRMED, None)


@pytest.mark.parametrize("kill", range(1, 10))
def test_an_undo_that_dies_anywhere_goes_on(kill: int) -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    begun(shop, imported, kill, undo=True)
    shop.begin_undo(imported)
    until_alive(shop)
    shop.advance(hours=1)
    assert shop.state(imported) == (RowState.UNDONE, None)
    assert (held.mark, held.stopped) == (None, False)
    assert (shop.import_(imported).active, shop.import_(imported).undone) == (0, 1)
    shop.advance(days=40)
    assert (len(shop.charged_there(held)), shop.charged_here(held)) == (1, [])


@pytest.mark.parametrize("kill", range(1, 7))
def test_an_undo_of_a_half_made_move_leaves_it_with_its_source(kill: int) -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    begun(shop, imported, kill)
    shop.begin(imported)
    begun(shop, imported, 99, undo=True)
    until_alive(shop)
    shop.advance(hours=1)
    assert shop.state(imported)[0] in {RowState.NEW, RowState.UNDONE}
    assert (held.mark, held.stopped) == (None, False)
    shop.advance(days=40)
    assert (len(shop.charged_there(held)), shop.charged_here(held)) == (1, [])


def test_the_cancellation_there_is_tried_until_it_is_answered() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.fails = lambda name: Unreachable("down") if name == "cancel" else None
    shop.advance(days=29)
    assert shop.state(imported)[0] is RowState.ACTIVE
    assert len(shop.charged_here(held)) == 1
    shop.fails = lambda name: None
    shop.advance(days=1)
    assert shop.state(imported)[0] is RowState.CONFIRMED
    assert held.ended_at is not None


def test_a_source_that_renewed_before_its_stop_was_answered_is_counted() -> None:
    """The stop waits for weeks, and is carried out after the source has charged a date."""
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    begun(shop, imported, 4)
    assert shop.state(imported)[0] is RowState.READY
    assert not held.stopped
    first = held.next_at
    shop.world.now = first + timedelta(hours=5)
    shop.source.pass_time()
    # Another process of the same job stops it only now, under the mark of this import.
    held.mark, held.stopped = imported.id, True
    shop.world.jobs.bodies.clear()
    shop.world.tick()
    assert shop.state(imported)[0] is RowState.ACTIVE
    assert [each.date() for each in shop.charged_there(held)] == [first.date()]
    assert shop.world.subscription(held.email).period_at == held.next_at
    shop.advance(days=40)
    assert (len(shop.charged_there(held)), len(shop.charged_here(held))) == (1, 1)


def test_a_payment_that_its_source_took_before_its_stop_uses_a_coupon_up() -> None:
    shop = MovingShop()
    coupon(shop.world, duration=Duration.REPEATING, charges=2)
    held = shop.subscribe()
    cells = shop.source.cells

    def with_coupon(held: Held) -> Iterator[tuple[str, str]]:
        yield from cells(held)
        yield from (("coupon", "SPRING"), ("coupon_charges_left", str(2 - len(held.bills))))

    shop.source.cells = with_coupon  # type: ignore[method-assign]
    imported = shop.imported()
    begun(shop, imported, 4)
    assert shop.state(imported)[0] is RowState.READY
    shop.world.now = held.next_at + timedelta(hours=5)
    shop.source.pass_time()
    held.mark, held.stopped = imported.id, True
    shop.world.jobs.bodies.clear()
    shop.world.tick()
    moved = shop.world.subscription(held.email)
    assert len(shop.charged_there(held)) == 1
    assert moved.discount is not None and moved.discount.charges_left == 1


def test_a_date_that_passed_while_both_stood_still_is_charged_here() -> None:
    """It was stopped there, the process died, and its date passed before anybody went on."""
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    begun(shop, imported, 5)
    assert (shop.state(imported)[0], held.stopped) == (RowState.READY, True)
    first = held.next_at
    shop.world.now = first + timedelta(days=2)
    shop.source.pass_time()
    assert held.bills[-1].collected is Collected.VOID
    shop.world.jobs.bodies.clear()
    shop.advance(minutes=10)
    assert shop.state(imported)[0] in {RowState.ACTIVE, RowState.CONFIRMED}
    assert [each.date() for each in shop.charged_here(held)] == [shop.world.now.date()]
    assert shop.world.subscription(held.email).period_at == held.next_at


def test_installments_are_counted_exactly() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported(payments_made="2")
    shop.world.now = held.next_at + timedelta(hours=3)
    shop.source.pass_time()
    shop.move(imported)
    moved = shop.world.subscription(held.email)
    assert (moved.payments_made, moved.period_at) == (3, held.next_at)


def test_one_that_ends_there_between_stop_and_activation_is_not_activated() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    begun(shop, imported, 5)
    shop.source.end(held)
    shop.world.jobs.bodies.clear()
    shop.advance(hours=1)
    assert shop.state(imported) == (RowState.SKIPPED, "source_ended")
    assert shop.world.history(held.email).subscriptions == ()
    shop.advance(days=40)
    assert (shop.charged_there(held), shop.charged_here(held)) == ([], [])


def test_one_that_is_to_end_there_is_resumed_and_left() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    begun(shop, imported, 5)
    held.cancel_at = held.next_at + timedelta(days=35)
    shop.world.jobs.bodies.clear()
    shop.advance(hours=1)
    assert shop.state(imported) == (RowState.SKIPPED, "source_ends")
    assert (held.mark, held.stopped) == (None, False)
    shop.advance(days=40)
    assert (len(shop.charged_there(held)), shop.charged_here(held)) == (1, [])


def test_a_card_that_was_changed_there_is_the_one_that_is_charged() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    begun(shop, imported, 4)
    held.method = shop.card("another")
    shop.world.jobs.bodies.clear()
    shop.advance(hours=1)
    assert shop.state(imported)[0] is RowState.ACTIVE
    assert shop.world.subscription(held.email).payment_method == held.method.token


def test_an_expired_card_stays_there() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    assert held.method is not None
    held.method = replace(held.method, expires_on="2026-01")
    imported = shop.imported()
    shop.move(imported)
    assert shop.state(imported) == (RowState.SKIPPED, "card_expired")
    assert not held.stopped
