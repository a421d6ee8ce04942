"""Rows that their source ends on a day are not charged here from then on (M-6)."""

from __future__ import annotations

import pytest

from billing.migration.flows import uploads
from billing.migration.import_rows import RowState
from tests.migration.files import NEXT, ROW, done, reasons, selling, sent, table
from tests.migration.test_second_exports import shop as shop_with_a_card
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

shop = shop_with_a_card


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_what_ends_where_it_would_be_charged_next_is_not_charged_here(
    shop: Shop, status: str
) -> None:
    """A file calls it active until its paid time is over, and says by `cancel_at` that it ends."""
    card = shop.world.subscription("ann@example.com").payment_method
    ends = {"payment_method": card, "cancel_at": NEXT, "status": status}
    found = sent(shop, table({**ROW, **ends}))
    run = shop.api.post(f"/v1/imports/{found['id']}/dry-run", {}).json
    assert (run["days"], run["rows"]) == ([], 1)
    second = uploads.keep(shop.world.ports, "acme", b"external_id,status\nsub_1,cancelled\n")
    shop.api.post(f"/v1/imports/{found['id']}/cut-over", {"ended": second})
    done(shop, found["id"])
    (row,) = shop.world.store.imported_rows("acme", found["id"], limit=9)
    assert (row.state, row.reason) == (RowState.SKIPPED, "ends_there")


def test_a_pause_that_is_to_end_for_good_blocks_its_row() -> None:
    paused = {"status": "paused", "payments_made": "2", "next_charge_at": ""}
    ends = {**ROW, **paused, "external_id": "sub_2", "cancel_at": NEXT}
    assert reasons(selling(), table({**ROW, **paused}, ends)) == [[], ["cancel_at_elsewhere"]]
