"""Choices, requests and changes while an import is moved or undone are not lost (M-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.cancel import charge_hold
from billing.kernel.gateways import AccountRef
from billing.kernel.periods import Period
from billing.kernel.values import replace
from billing.migration.flows import uploads
from billing.migration.import_rows import RowState
from billing.rebill.flows import moved_here
from sim.source import Held, Source
from tests.migration.files import ROW, done, sent, table
from tests.migration.moving_shop import ACME, MovingShop
from tests.migration.test_killed_moves import begun
from tests.migration.test_listing import begun as listed
from tests.migration.test_listing import read
from tests.migration.test_second_exports import shop as shop_with_a_card
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

shop = shop_with_a_card


def test_a_second_export_that_is_sent_while_rows_are_moved_counts(shop: Shop) -> None:
    card = shop.world.subscription("ann@example.com").payment_method
    found = sent(shop, table({**ROW, "payment_method": card}))
    address = f"/v1/imports/{found['id']}/cut-over"
    shop.api.post(address, {})
    ended = uploads.keep(shop.world.ports, "acme", b"external_id,status\nsub_1,cancelled\n")
    answer = shop.api.post(address, {"ended": ended, "mails": True})
    assert (answer.status, answer.json["state"]) == (202, "moving"), answer.json
    assert done(shop, found["id"])["mails"] is True
    (row,) = shop.world.store.imported_rows("acme", found["id"], limit=9)
    assert (row.state, row.reason) == (RowState.ACTIVE, None)


@pytest.mark.parametrize("there", [{"price_minor": 4999}, {"period": Period.QUARTERLY}])
def test_a_price_point_that_a_file_names_alone_must_be_what_its_source_charges(there: Any) -> None:
    moving = MovingShop()
    held, same = moving.subscribe(**there), moving.subscribe()
    imported = moving.imported(price="", currency="", period="")
    moving.move(imported)
    assert moving.state(imported) == (RowState.SKIPPED, "price_point_differs")
    assert moving.state(imported, 2) == (RowState.ACTIVE, None)
    assert (held.stopped, same.stopped) == (False, True)


def test_another_plan_of_the_same_price_is_not_moved_as_the_one_that_was_listed() -> None:
    moving = MovingShop()
    held, same = moving.subscribe(), moving.subscribe()
    cells, plans = moving.source.cells, {held.id: "price_gold"}

    def with_plan(of: Held) -> Iterator[tuple[str, str]]:
        yield from cells(of)
        yield "source_price", plans.get(of.id, "price_silver")

    moving.source.cells = with_plan  # type: ignore[method-assign]
    name = listed(Shop(moving.world))
    moving.world.tick()
    imported = read(moving, name)
    plans[held.id] = "price_silver"
    moving.move(imported)
    assert moving.state(imported) == (RowState.SKIPPED, "source_changed")
    assert moving.state(imported, 2) == (RowState.ACTIVE, None)
    assert (held.stopped, same.stopped) == (False, True)


@pytest.mark.parametrize("undone", [True, False])
def test_a_date_that_passed_while_it_was_stopped_is_told_where_it_is_left_with_its_source(
    undone: bool,
) -> None:
    """Its source let it pass, and it is not charged here: somebody has to collect it there."""
    moving = MovingShop()
    held = moving.subscribe()
    imported = moving.imported()
    begun(moving, imported, 5)
    assert (moving.state(imported)[0], held.stopped) == (RowState.READY, True)
    moving.world.now = held.next_at + timedelta(days=2)
    moving.source.pass_time()
    moving.world.jobs.bodies.clear()
    if undone:
        moving.begin_undo(imported)
    else:
        held.price_minor = 3999
    moving.advance(hours=1)
    assert (moving.charged_there(held), moving.charged_here(held)) == ([], [])
    assert (held.mark, held.stopped) == (None, False)
    state = RowState.UNDONE if undone else RowState.SKIPPED
    assert moving.state(imported) == (state, "source_period_void")


def test_who_waits_for_an_answer_to_a_cancellation_is_not_given_back_to_be_charged_there() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    imported = moving.imported()
    moving.move(imported)
    asked = charge_hold.hold(moving.world.subscription(held.email), "tic_1", moving.world.now)
    moving.world.store.commit(*asked)
    moving.begin_undo(imported)
    moving.advance(hours=1)
    assert moving.state(imported) == (RowState.ACTIVE, "undo_held_here")
    assert moving.world.subscription(held.email).held
    moving.advance(days=5)
    assert held.stopped


def test_who_gave_a_card_at_another_account_here_is_asked_about_where_they_came_from() -> None:
    shop = MovingShop()
    held = shop.subscribe()
    imported = shop.imported()
    shop.move(imported)
    shop.source.end(held)

    def source_of(account: AccountRef) -> Source | None:
        return shop.source if account == ACME else None

    ports = replace(shop.world.ports, source=source_of)
    moved = replace(shop.world.subscription(held.email), gateway_account="another")
    assert moved_here.ended_there(ports, moved) is True
