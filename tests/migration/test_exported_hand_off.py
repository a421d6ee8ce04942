"""An export of orders has what the merchant's program said of each purchase (M-6, C-1)."""

from __future__ import annotations

import json

import pytest

from billing.kernel import hand_off
from billing.kernel.hand_off import HandOff
from tests.migration.test_exports import MONTHLY, downloaded, table
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6", "C-1")

SAID = {"plan": "gold", "note": '=SUM(A1) "x", ü'}
BOUGHT = hand_off.of("=user-17", SAID)


@pytest.fixture
def shop() -> Shop:
    """A shop with a purchase that was handed over, its renewal and refund, and one that was not."""
    shop = Shop()
    product = shop.world.product(MONTHLY)
    shop.world.buy(product, hand_off=BOUGHT)
    shop.world.advance(days=40)
    shop.world.buy(product, email="bob@example.com")
    sale = next(each for each in shop.world.orders() if each.kind == "sale")
    assert shop.api.post(f"/v1/orders/{sale.id}/refund", {"amount": 500}).status == 201
    shop.world.work()
    return shop


def test_reference_and_metadata_are_on_a_sale_its_renewal_and_its_refund(shop: Shop) -> None:
    rows = table(downloaded(shop, what="orders"))
    of_ann = [row for row in rows if row["email"] == "ann@example.com"]
    assert {"sale", "rebill", "refund"} <= {row["kind"] for row in of_ann}
    assert {row["client_reference"] for row in of_ann} == {"'=user-17"}, "no formula"
    assert all(json.loads(row["metadata"]) == SAID for row in of_ann)
    of_bob = [row for row in rows if row["email"] == "bob@example.com"]
    assert {(row["client_reference"], row["metadata"]) for row in of_bob} == {("", "")}


def test_in_json_lines_they_are_text_or_nothing(shop: Shop) -> None:
    lines = downloaded(shop, what="orders", format="jsonl").splitlines()
    of_ann = [row for row in map(json.loads, lines) if row["email"] == "ann@example.com"]
    assert {row["client_reference"] for row in of_ann} == {"=user-17"}
    assert all(json.loads(row["metadata"]) == SAID for row in of_ann)
    (bob,) = [row for row in map(json.loads, lines) if row["email"] == "bob@example.com"]
    assert (bob["client_reference"], bob["metadata"]) == (None, None)


def test_a_reference_alone_has_no_metadata() -> None:
    shop = Shop()
    shop.world.buy(shop.world.product(MONTHLY), hand_off=HandOff("user-1"))
    shop.world.work()
    (row,) = table(downloaded(shop, what="orders"))
    assert (row["client_reference"], row["metadata"]) == ("user-1", "")
