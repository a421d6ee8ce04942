"""What is chosen, asked for or changed while an import is moved or undone is not lost (M-6)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.kernel.periods import Period
from billing.migration.flows import uploads
from billing.migration.import_rows import RowState
from tests.migration.files import ROW, done, sent, table
from tests.migration.moving_shop import MovingShop
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
