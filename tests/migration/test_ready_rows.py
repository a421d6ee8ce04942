"""A row that is ready can be ended here, or left with its source, while others hold it in hand."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from billing.cancel.flows import cancel
from billing.coupons.flows import attach
from billing.kernel.errors import NotFound, Refused, Unreachable
from billing.kernel.flows import subscriptions
from billing.kernel.subscription import Source, State, Subscription, When
from billing.migration.flows import ready as ready_rows
from billing.migration.import_rows import RowState
from billing.migration.imports import Import
from sim.source import Held
from tests.migration.moving_shop import MovingShop
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def ready(shop: MovingShop) -> tuple[Held, Import, Subscription]:
    """A row that is ready, and whose source does not answer to a stop."""
    held = shop.subscribe()
    imported = shop.imported()
    shop.fails = lambda name: Unreachable("down") if name == "stop" else None
    shop.move(imported)
    assert shop.state(imported)[0] is RowState.READY
    return held, imported, shop.world.subscription(held.email)


def drop(shop: MovingShop, imported: Import, found: Subscription) -> None:
    """Leaves the row with its source, as another process does."""
    row, asked = shop.row(imported), shop.import_(imported)
    ready_rows.drop(
        shop.world.ports, asked, row, found, RowState.SKIPPED, "source_changed", shop.world.now
    )


@pytest.mark.parametrize("when", When)
def test_a_cancellation_that_meets_the_drop_finds_nothing(when: When) -> None:
    shop = MovingShop()
    _, imported, found = ready(shop)
    drop(shop, imported, found)
    with pytest.raises(NotFound, match="subscription_unknown"):
        cancel.request(
            shop.world.ports, found, when=when, source=Source.MERCHANT, now=shop.world.now
        )
    with pytest.raises(NotFound):
        subscriptions.again(shop.world.ports, found)
    with pytest.raises((NotFound, Refused)):
        attach.attach(shop.world.ports, found, "SPRING", now=shop.world.now)


@pytest.mark.parametrize("when", ["now", "period_end"])
@pytest.mark.parametrize("then", ["goes on", "is undone"])
def test_one_that_is_ended_here_while_it_is_ready_stays_ended_and_is_never_charged_here(
    when: str, then: str
) -> None:
    shop = MovingShop()
    held, imported, found = ready(shop)
    api = Shop(shop.world).api
    ended = api.post(f"/v1/subscriptions/{found.id}/cancel", {"when": when})
    assert (ended.status, ended.json["state"]) == (200, "cancelled"), ended.json
    undone = api.post(f"/v1/subscriptions/{found.id}/undo-cancel", {})
    assert undone.status == 409
    shop.fails = lambda name: None
    if then == "is undone":
        shop.begin_undo(imported)
    shop.advance(hours=1)
    to = (RowState.SKIPPED, "ended_here") if then == "goes on" else (RowState.UNDONE, None)
    assert shop.state(imported) == to
    # What names it can still be read: its entry, its mail, its page.
    assert api.get(f"/v1/subscriptions/{found.id}").json["state"] == "cancelled"
    assert shop.row(imported).subscription == found.id
    assert (held.mark, held.stopped) == (None, False)
    if then == "goes on":
        shop.move(imported)
        shop.advance(minutes=30)
        assert shop.state(imported) == to
        assert (shop.import_(imported).skipped, shop.import_(imported).active) == (1, 0)
    shop.advance(days=40)
    assert (len(shop.charged_there(held)), shop.charged_here(held)) == (1, [])


def test_its_end_is_mailed_though_it_was_left_with_its_source_before() -> None:
    shop = MovingShop()
    _, imported, found = ready(shop)
    ending = cancel.request(
        shop.world.ports, found, when=When.NOW, source=Source.CUSTOMER, now=shop.world.now
    )
    assert ending.subscription.state is State.CANCELLED
    drop(shop, imported, ending.subscription)
    shop.fails = lambda name: None
    shop.advance(minutes=5)  # its outbox event reads it
    assert shop.world.store.subscription("acme", found.customer, found.id) is not None
    assert len(shop.world.subjects()) == 1


def test_a_row_that_is_made_ready_anew_is_another_subscription_of_the_same_name() -> None:
    shop = MovingShop()
    held, imported, found = ready(shop)
    held.method = shop.card("another")  # so that it is dropped, and made ready once more
    shop.fails = lambda name: None
    for _ in range(3):
        with suppress(Unreachable):
            shop.advance(minutes=20)
    again = shop.world.subscription(held.email)
    assert (again.id, again.state) == (found.id, State.ACTIVE)
    assert shop.state(imported)[0] is RowState.ACTIVE
    assert subscriptions.again(shop.world.ports, found) == again
    shop.advance(to=held.next_at + timedelta(hours=2))
    assert len(shop.charged_here(held)) == 1
