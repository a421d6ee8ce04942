"""Subscriptions are moved from a source with an API: each date is charged once, by one engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.cancel.flows import pause as pausing
from billing.coupons.coupons import Duration
from billing.kernel.errors import Refused, Unreachable
from billing.kernel.subscription import State
from billing.migration.import_rows import RowState
from billing.migration.imports import ImportState
from sim.source import Held
from tests.coupons.couponing import coupon
from tests.migration.moving_shop import MovingShop

pytestmark = pytest.mark.spec("M-6")


def test_a_subscription_is_stopped_there_and_goes_on_here_on_its_own_date() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    assert shop.state(imported) == (RowState.ACTIVE, None)
    moved = shop.world.subscription(held.email)
    assert (moved.state, moved.period_at, moved.due_at) == (
        State.ACTIVE,
        held.next_at,
        held.next_at,
    )
    assert (held.mark, held.stopped) == (imported.id, True)
    assert (shop.import_(imported).state, shop.import_(imported).active) == (ImportState.MOVED, 1)
    first = held.next_at
    shop.advance(days=40)
    assert [each.date() for each in shop.charged_here(held)] == [first.date()]
    assert shop.charged_there(held) == []
    # Only now is it cancelled there.
    assert held.ended_at is not None and held.ended_at >= first
    assert shop.state(imported) == (RowState.CONFIRMED, None)
    assert (shop.import_(imported).active, shop.import_(imported).confirmed) == (0, 1)


def test_nothing_is_charged_here_before_it_is_stopped_there() -> None:
    shop = MovingShop()
    held = shop.subscribe(anchor=shop.world.now - timedelta(days=29, hours=22))
    imported = shop.imported()
    shop.fails = lambda name: Unreachable("down") if name == "stop" else None
    shop.begin(imported)
    shop.world.tick()
    assert shop.state(imported)[0] is RowState.READY
    ready = shop.world.subscription(held.email)
    assert (ready.state, ready.due_at, ready.next_charge_at) == (State.INCOMPLETE, None, None)
    shop.advance(hours=30)
    # Its source has charged it meanwhile; that date is not charged again.
    assert (len(shop.charged_here(held)), len(shop.charged_there(held))) == (0, 1)
    shop.fails = lambda name: None
    shop.advance(hours=1)
    assert shop.state(imported)[0] is RowState.ACTIVE
    shop.advance(days=45)
    assert (len(shop.charged_here(held)), len(shop.charged_there(held))) == (1, 1)


def test_what_is_about_to_be_charged_there_waits_until_that_is_done() -> None:
    shop = MovingShop()
    held = shop.subscribe(anchor=shop.world.now - timedelta(days=30, hours=20))
    imported = shop.imported()
    shop.begin(imported)
    shop.advance(minutes=5)
    assert shop.state(imported)[0] is RowState.NEW
    assert not held.stopped
    shop.advance(hours=30)
    assert len(shop.charged_there(held)) == 1
    assert shop.state(imported)[0] is RowState.ACTIVE
    assert shop.world.subscription(held.email).period_at == held.next_at


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda held: setattr(held, "price_minor", 3999), "source_changed"),
        (lambda held: setattr(held, "email", "other@example.com"), "source_changed"),
        (lambda held: setattr(held, "paused", True), "source_paused"),
        (lambda held: setattr(held, "method", None), "card_missing"),
        (lambda held: setattr(held, "mark", "another"), "source_marked"),
        (lambda held: setattr(held, "cancel_at", held.next_at), "source_ends"),
    ],
)
def test_what_has_changed_at_its_source_stays_there(change: object, reason: str) -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    change(held)  # type: ignore[operator]
    shop.move(imported)
    assert shop.state(imported) == (RowState.SKIPPED, reason)
    assert not held.stopped
    assert shop.import_(imported).skipped == 1


def test_a_skipped_row_is_tried_again_with_the_next_start() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    held.paused = True
    shop.move(imported)
    assert shop.state(imported) == (RowState.SKIPPED, "source_paused")
    held.paused = False
    shop.move(imported)
    assert shop.state(imported) == (RowState.ACTIVE, None)
    found = shop.import_(imported)
    assert (found.active, found.skipped) == (1, 0)


def test_an_external_id_is_imported_once() -> None:
    shop = MovingShop()
    shop.subscribe()
    first = shop.imported()
    shop.move(first)
    from billing.kernel.values import replace
    from billing.kernel.writes import Insert

    second = replace(shop.import_(first), id="imp_2", state=ImportState.CHECKED, active=0)
    row = replace(shop.row(first), import_id="imp_2", state=RowState.NEW, subscription=None)
    shop.world.store.commit(Insert(second), Insert(row))
    held = shop.source.held["sub_1"]
    held.mark, held.stopped = None, False
    shop.move(second)
    assert shop.state(second) == (RowState.SKIPPED, "already_imported")
    assert not held.stopped


def test_two_subscriptions_of_one_email_are_one_customers() -> None:
    shop = MovingShop()
    held = [shop.subscribe(email="ann@example.com") for _ in range(2)]
    imported = shop.imported()
    shop.move(imported)
    history = shop.world.history("ann@example.com")
    assert [each.state for each in history.subscriptions] == [State.ACTIVE, State.ACTIVE]
    assert history.customer is not None
    assert held[0].method is not None
    assert history.customer.default_method == held[0].method.token
    # The second one's card pays for nothing else: that its email is the same proves no person.
    assert [each.given_for is None for each in history.methods] == [True, False]


def test_an_undone_import_is_its_sources_again() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    assert shop.state(imported) == (RowState.UNDONE, None)
    assert (held.mark, held.stopped, held.ended_at) == (None, False, None)
    assert shop.import_(imported).state is ImportState.UNDONE
    shop.advance(days=40)
    assert len(shop.charged_there(held)) == 1
    assert shop.charged_here(held) == []
    assert not any("cancel" in subject.lower() for subject in shop.world.subjects())
    with pytest.raises(Refused, match="import_undone"):
        shop.begin(imported)


def test_what_was_charged_here_stays_here() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.advance(days=29)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    assert shop.state(imported)[0] is RowState.CONFIRMED
    assert held.ended_at is not None


def test_one_that_its_customer_cancelled_here_is_not_given_back() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.world.cancel(email=held.email)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    assert shop.state(imported) == (RowState.ACTIVE, "undo_cancelled_here")
    shop.advance(days=40)
    assert (shop.charged_here(held), shop.charged_there(held)) == ([], [])
    assert held.ended_at is not None


def test_one_that_is_paused_here_is_not_given_back_to_be_charged_there() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    pausing.pause(shop.world.ports, shop.world.subscription(held.email), now=shop.world.now)
    shop.begin_undo(imported)
    shop.advance(hours=1)
    assert shop.state(imported) == (RowState.ACTIVE, "undo_paused_here")
    shop.advance(days=40)
    assert (shop.charged_here(held), shop.charged_there(held)) == ([], [])


def test_it_is_too_late_to_undo_just_before_a_charge() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.advance(to=held.next_at - timedelta(hours=1))
    shop.begin_undo(imported)
    shop.advance(minutes=10)
    assert shop.state(imported) == (RowState.ACTIVE, "undo_too_late")
    shop.advance(days=1)
    assert len(shop.charged_here(held)) == 1


@pytest.mark.parametrize("ends", ["at once", "with its period"])
def test_one_that_its_customer_cancelled_there_is_not_charged_here(ends: str) -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.advance(days=3)
    if ends == "at once":
        shop.source.end(held)
    else:
        held.cancel_at = held.next_at + timedelta(hours=1)
    shop.advance(days=40)
    assert (shop.charged_here(held), shop.charged_there(held)) == ([], [])
    assert shop.world.subscription(held.email).state is State.CANCELLED
    assert shop.state(imported) == (RowState.CONFIRMED, "ended_here")


@pytest.mark.parametrize(("credit", "minor"), [("10.00", 1000), ("-4.00", -400)])
@pytest.mark.parametrize("coupon_there", [True, False])
def test_credit_is_moved_beside_a_coupon_too(credit: str, minor: int, coupon_there: bool) -> None:
    shop = MovingShop()
    coupon(shop.world, duration=Duration.FOREVER)
    held = shop.subscribe()
    cells = shop.source.cells

    def with_coupon(held: Held) -> Iterator[tuple[str, str]]:
        yield from cells(held)
        yield from ((("coupon", "SPRING"),) if coupon_there else ())

    shop.source.cells = with_coupon  # type: ignore[method-assign]
    imported = shop.imported(credit=credit)
    shop.move(imported)
    assert shop.state(imported) == (RowState.ACTIVE, None)
    moved = shop.world.subscription(held.email)
    assert (moved.credit_minor, moved.money.credit_minor) == (minor, max(0, minor))
    shop.advance(days=30)
    (first,) = [each for each in shop.world.history(held.email).orders if each.amount.amount_minor]
    assert first.amount.amount_minor == (2249 if coupon_there else 2999) - minor


def test_a_source_that_does_not_answer_delays_the_first_charge_alone() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    first = held.next_at
    shop.fails = lambda name: Unreachable("down") if name == "find" else None
    shop.advance(to=first + timedelta(hours=1))
    assert shop.charged_here(held) == []
    shop.fails = lambda name: None
    shop.advance(hours=1)
    assert len(shop.charged_here(held)) == 1
    assert shop.world.subscription(held.email).period_at == held.date(held.k)
    shop.fails = lambda name: Unreachable("down") if name == "find" else None
    shop.advance(days=31)
    assert len(shop.charged_here(held)) == 2
