"""Files of a merchant's own kind: the order of their dates, and their card maps (M-6)."""

from __future__ import annotations

import pytest

from billing.migration import instants
from billing.migration.flows import mappings, uploads
from billing.migration.imports import DateOrder
from tests.migration.files import ROW, done, rows, selling, table
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

DAY, MONTH = DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST


@pytest.mark.parametrize(
    ("text", "order", "found"),
    [
        ("03/04/2026", DAY, "2026-04-03"),
        ("03/04/2026", MONTH, "2026-03-04"),
        ("3.4.2026", DAY, "2026-04-03"),
        (" 31-12-2026 ", DAY, "2026-12-31"),
        ("31.12.2026 9:05", DAY, "2026-12-31 09:05:00"),
        ("12/31/2026, 23:59:58", MONTH, "2026-12-31 23:59:58"),
        ("31/12/2026", MONTH, "31/12/2026"),  # none in this order: it blocks, in words
        ("30/02/2026", DAY, "30/02/2026"),
        ("03/04/26", DAY, "03/04/26"),
        ("٠٣/٠٤/٢٠٢٦", DAY, "٠٣/٠٤/٢٠٢٦"),
        ("2026-04-03", DAY, "2026-04-03"),
        ("1767225600", DAY, "1767225600"),
        ("", DAY, ""),
    ],
)
def test_dates_of_numbers_are_read_in_the_order_that_was_chosen(
    text: str, order: DateOrder, found: str
) -> None:
    assert instants.ordered(text, order) == found


def mapped(shop: Shop, dates: DateOrder | None) -> None:
    columns = {name: name for name in ROW}
    mappings.save_columns(
        *(shop.world.ports, shop.world.merchant, "old-shop", columns),
        version=None,
        now=shop.world.now,
        dates=dates,
    )


def begun(shop: Shop, text: str, **more: str) -> str:
    upload = uploads.keep(shop.world.ports, "acme", text.encode())
    answer = shop.api.post("/v1/imports", {"upload": upload, **more})
    assert answer.status == 201, answer.json
    return str(done(shop, answer.json["id"])["id"])


def test_a_file_with_the_day_first_is_imported_once_its_order_is_chosen() -> None:
    shop = selling()
    days = {"started_at": "20.12.2025 15:00", "next_charge_at": "20.02.2026 15:00"}
    text = table({**ROW, **days}, separator=";")
    mapped(shop, None)
    (row,) = rows(shop, begun(shop, text, mapping="old-shop"))
    assert {each["reason"] for each in row["problems"]} == {"date_ambiguous"}
    mapped(shop, DAY)
    import_id = begun(shop, text, mapping="old-shop")
    (row,) = rows(shop, import_id)
    assert row["problems"] == []
    found = shop.world.store.import_("acme", import_id)
    assert found is not None and found.dates is DAY
    (kept,) = shop.world.store.imported_rows("acme", import_id, limit=2)
    assert kept.columns["next_charge_at"] == "2026-02-20 15:00:00"
    mapped(shop, MONTH)
    (row,) = rows(shop, begun(shop, text, mapping="old-shop"))
    assert "date_ambiguous" in {each["reason"] for each in row["problems"]}


def test_cards_that_were_copied_are_found_by_a_card_map_of_any_source() -> None:
    shop = selling()
    columns = {name: name for name in ROW if name != "payment_method"}
    columns["customer"] = "gateway_customer"
    mappings.save_columns(
        *(shop.world.ports, shop.world.merchant, "old-shop", columns),
        version=None,
        now=shop.world.now,
    )
    theirs = [{**ROW, "external_id": f"s{n}", "customer": f"old_{n}"} for n in (1, 2)]
    cards = b"old_customer_id,stripe_customer_id\nold_1,cus_1\n"
    kept = uploads.keep(shop.world.ports, "acme", cards)
    found = rows(shop, begun(shop, table(*theirs), mapping="old-shop", cards=kept))
    by_id = {each["external_id"]: [p["reason"] for p in each["problems"]] for each in found}
    assert by_id == {"s1": [], "s2": ["card_missing"]}
    assert [each["cells"].get("gateway_customer") for each in found] == ["", "cus_1"]
