"""The second export of a source without an API: what it shows as ended is moved (M-6)."""

from __future__ import annotations

import pytest

from billing.kernel.subscription import When
from billing.migration.flows import uploads
from billing.migration.import_rows import RowState
from tests.migration.files import ROW, done, rows, selling, sent, table
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

NOT_ENDED = (RowState.SKIPPED, "source_not_ended")


@pytest.fixture
def shop() -> Shop:
    """A shop with a card that an import can name."""
    shop = selling()
    products, _ = shop.world.store.catalog("acme")
    shop.world.buy(products[0], email="ann@example.com")
    shop.world.cancel(When.NOW)
    shop.world.tick()
    return shop


def moved(shop: Shop, second: str) -> tuple[RowState, str | None]:
    """Moves a row with a second export; returns what became of it."""
    card = shop.world.subscription("ann@example.com").payment_method
    found = sent(shop, table({**ROW, "payment_method": card}))
    ended = uploads.keep(shop.world.ports, "acme", second.encode())
    answer = shop.api.post(f"/v1/imports/{found['id']}/cut-over", {"ended": ended})
    assert answer.status == 202, answer.json
    done(shop, found["id"])
    (row,) = shop.world.store.imported_rows("acme", found["id"], limit=9)
    return row.state, row.reason


def test_what_is_shown_as_ended_is_moved(shop: Shop) -> None:
    assert moved(shop, "external_id,status\nsub_1,cancelled\n") == (RowState.ACTIVE, None)


@pytest.mark.parametrize(
    "lines", ["sub_1,cancelled\nsub_1,active\n", "sub_1,active\nsub_1,ended\n"]
)
def test_what_is_shown_as_ended_and_as_running_stays_there(shop: Shop, lines: str) -> None:
    """A history has a line for each status: whichever is the last, it may be charged there."""
    assert moved(shop, f"external_id,status\n{lines}") == NOT_ENDED


def test_an_export_that_breaks_off_shows_nothing_as_ended(shop: Shop) -> None:
    assert moved(shop, 'external_id,status\nsub_1,cancelled\n"sub_2,canc') == NOT_ENDED


def test_what_its_source_cannot_be_given_back_says_so_when_its_import_is_undone(shop: Shop) -> None:
    assert moved(shop, "external_id,status\nsub_1,cancelled\n") == (RowState.ACTIVE, None)
    (found,) = shop.world.store.imports("acme", limit=9)
    assert shop.api.post(f"/v1/imports/{found.id}/undo", {}).status == 202
    assert done(shop, found.id)["state"] == "undone"
    (row,) = rows(shop, found.id)
    assert (row["state"], row["reason"]) == ("active", "undo_without_source")
    assert "cancel it here" in row["reason_text"]
