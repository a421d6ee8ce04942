"""Imports: a file is looked at row by row, and says in words what cannot be imported (M-6)."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import pytest

from billing.kernel.errors import Unavailable
from billing.kernel.writes import Insert
from billing.migration.import_rows import ImportClaim
from tests.migration.files import (
    MONTHLY,
    NEXT,
    ROW,
    done,
    many,
    reasons,
    rows,
    selling,
    send,
    sent,
    table,
)
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


@pytest.fixture
def shop() -> Shop:
    return selling()


def test_a_file_of_good_rows_is_all_ok(shop: Shop) -> None:
    found = sent(shop, many(3))
    assert (found["state"], found["rows"], found["ok"]) == ("checked", 3, 3)
    assert (found["warnings"], found["blocking"], found["refused"]) == (0, 0, None)
    (first, *_) = rows(shop, found["id"])
    assert first["cells"]["price_point"] == "acme.price1x1"
    assert first["cells"]["gateway"] == "sandbox"
    assert first["problems"] == []


def test_a_small_file_is_looked_at_in_the_answer(shop: Shop) -> None:
    answer = send(shop, many(3))
    assert (answer.status, answer.json["state"], answer.json["ok"]) == (201, "checked", 3)


def test_separators_and_byte_order_marks_are_known(shop: Shop) -> None:
    for separator, mark in product([",", ";", "\t"], ["", "\ufeff"]):
        row = {**ROW, "name": "Müller; Ann, \tjun. “x”"}
        found = sent(shop, mark + table(row, separator=separator))
        assert (found["ok"], found["blocking"]) == (1, 0)
        (only,) = rows(shop, found["id"])
        assert only["cells"]["name"] == row["name"]


REFUSED = [
    (many(1).encode("utf-16").decode("latin-1"), "file_utf16", "CSV UTF-8"),
    (many(1).encode("utf-16-le").decode("latin-1"), "file_utf16", "CSV UTF-8"),
    (many(2, name="Müller"), "file_not_utf8", "Line 2 isn't UTF-8"),
    ("external_id,email,status,started_at\n", "file_empty", "no rows"),
    ('external_id,email,status,started_at\n"a,b\n', "file_broken", "Line 2"),
    ("external_id,,email,status,started_at\nx\n", "column_unnamed", "Column 2"),
    ("external_id,email,email,status,started_at\nx\n", "column_twice", "“email”"),
    ("email,name\nx,y\n", "columns_missing", "external_id"),
    (",".join(f"c{n}" for n in range(201)) + "\n", "file_too_many_columns", "200"),
]
"""Files that cannot be read, with the reason and some of its words."""


def test_a_file_that_cannot_be_read_is_refused_in_words(shop: Shop) -> None:
    for body, reason, words in REFUSED:
        found = done(shop, send(shop, body).json["id"])
        assert (found["state"], found["refused"]["reason"]) == ("refused", reason)
        assert words in found["refused"]["text"]
        assert rows(shop, found["id"]) == []
    assert send(shop, " \n \n").json["reason"] == "required"


def test_unknown_columns_are_listed_and_ignored(shop: Shop) -> None:
    found = sent(shop, table({**ROW, "Favourite colour": "red"}))
    assert (found["ok"], found["unknown_columns"]) == (1, ["Favourite colour"])


BLOCKS: list[tuple[dict[str, str], str]] = [
    ({"currency": "JPY"}, "currency_unknown"),
    ({"currency": ""}, "currency_missing"),
    ({"period": "3w"}, "period_unknown"),
    ({"price": "1,234.50"}, "amount_malformed"),
    ({"price": "=1+1"}, "formula"),
    ({"name": "=HYPERLINK(1)"}, "formula"),
    ({"name": "A\x07"}, "control_characters"),
    ({"name": "x" * 501}, "cell_too_long"),
    ({"external_id": ""}, "cell_missing"),
    ({"email": "ann"}, "email_malformed"),
    ({"country": "Germany"}, "country_unknown"),
    ({"zone": "Mars/Olympus"}, "zone_unknown"),
    ({"status": "past_due"}, "past_due"),
    ({"status": "unpaid"}, "past_due"),
    ({"status": "cancelled"}, "status_ended"),
    ({"status": "odd"}, "status_unknown"),
    ({"status": "frozen"}, "frozen"),
    ({"quantity": "2"}, "quantity"),
    ({"quantity": "0"}, "count_malformed"),
    ({"quantity": "1.5"}, "count_malformed"),
    ({"price": "30.00"}, "price_unmatched"),
    ({"price_point": "acme.nothing"}, "price_point_unknown"),
    ({"price_point": "acme.price1x1", "price": "31"}, "price_point_differs"),
    ({"payment_method": ""}, "card_missing"),
    ({"gateway": "elsewhere"}, "gateway_without_account"),
    ({"gateway": "sandbox", "gateway_account": "acct_2"}, "account_unknown"),
    ({"coupon": "SPRING"}, "coupon_unknown"),
    ({"next_charge_at": ""}, "next_charge_missing"),
    ({"next_charge_at": "2026-01-05T15:00:00Z"}, "next_charge_past"),
    ({"next_charge_at": "02/03/2026"}, "date_ambiguous"),
    ({"next_charge_at": "20.02.2026"}, "date_ambiguous"),
    ({"next_charge_at": "soon"}, "date_malformed"),
    ({"next_charge_at": "2026-02-30T00:00:00Z"}, "date_unknown"),
    ({"started_at": ""}, "cell_missing"),
    ({"anchor_local": "2025-12-19T15:00:00"}, "anchor_off"),
    ({"anchor_local": "2025-12-20T15:00:00Z"}, "wall_time_malformed"),
    ({"payments_total": "12"}, "payments_total_differs"),
    ({"cancel_at": "2026-03-20T15:00:00Z"}, "cancel_at_elsewhere"),
    ({"credit": "1e3"}, "amount_malformed"),
]
"""Cells that block a row, with the reason that is found."""


def test_each_thing_that_blocks_a_row_has_its_reason_and_words(shop: Shop) -> None:
    made = [{**ROW, "external_id": f"sub_{n}", **fields} for n, (fields, _) in enumerate(BLOCKS, 1)]
    found = sent(shop, table(*made, {**ROW, "external_id": "good"}))
    assert (found["ok"], found["blocking"]) == (1, len(BLOCKS))
    for row in rows(shop, found["id"], result="blocking", limit="200"):
        fields, reason = BLOCKS[row["number"] - 1]
        assert reason in [each["reason"] for each in row["problems"]], (fields, row["problems"])
        assert all(each["text"].endswith(".") for each in row["problems"]), row


FORMS = [
    NEXT,
    "2026-02-20T16:00:00+01:00",
    "2026-02-20 15:00:00",
    "2026-02-20 15:00",
    "1771599600",
    "20-Feb-2026 15:00",
    "20 Feb 2026 15:00:00 UTC",
]
"""One instant in each form that is certain."""


def test_a_date_is_read_in_each_form_that_is_certain(shop: Shop) -> None:
    made = ({**ROW, "external_id": at, "next_charge_at": at} for at in FORMS)
    assert reasons(shop, table(*made)) == [[]] * len(FORMS)


def test_an_id_that_is_there_twice_blocks_both_rows(shop: Shop) -> None:
    text = table(ROW, {**ROW, "external_id": "sub_2"}, ROW)
    assert reasons(shop, text) == [["external_id_twice"], [], ["external_id_twice"]]


def test_a_row_with_too_few_cells_blocks_alone(shop: Shop) -> None:
    assert reasons(shop, table(ROW) + "sub_2,x\n") == [[], ["cells_count"]]


def test_a_guarded_cell_of_an_export_is_a_text_again(shop: Shop) -> None:
    found = sent(shop, table({**ROW, "name": "'=cmd"}))
    assert found["ok"] == 1


def test_a_start_that_does_not_lead_to_the_next_charge_is_a_warning_at_the_end_of_a_month(
    shop: Shop,
) -> None:
    at_the_end = {"started_at": "2025-12-20T15:00:00Z", "next_charge_at": "2026-02-28T15:00:00Z"}
    in_the_middle = {**at_the_end, "next_charge_at": "2026-02-19T15:00:00Z"}
    of_the_31st = {**at_the_end, "started_at": "2025-12-31T15:00:00Z"}
    text = table(
        {**ROW, **at_the_end},
        {**ROW, "external_id": "b", **in_the_middle},
        {**ROW, "external_id": "c", **of_the_31st},
    )
    assert reasons(shop, text) == [["anchor_guessed"], [], []]


def test_a_confirmed_quantity_needs_a_price_point_of_the_product(shop: Shop) -> None:
    text = table({**ROW, "quantity": "2"})
    assert reasons(shop, text, quantity_confirmed="true") == [["price_unmatched"]]
    shop.api.post(
        "/v1/products",
        {
            "name": "Two",
            "public_listing": False,
            "refund_days": 0,
            "gateways": ["sandbox"],
            "price_points": [
                {
                    "type": "recurring",
                    "price": {"amount": 5998, "currency": "USD"},
                    "period": "1m",
                    "cancellation": "instant",
                }
            ],
        },
    )
    assert reasons(shop, text, quantity_confirmed="true") == [[]]


def test_a_price_that_two_price_points_have_is_not_chosen(shop: Shop) -> None:
    shop.world.product(MONTHLY)
    assert reasons(shop, table(ROW)) == [["price_matches_many"]]


def test_a_row_without_a_country_blocks_where_tax_needs_one(shop: Shop) -> None:
    """C-10: tax is never guessed."""
    assert reasons(shop, table({**ROW, "country": ""})) == [[]]
    assert shop.api.post("/v1/tax/registrations", {"country": "DE"}).status == 201
    us = {"country": "US", "state": "CA"}
    assert shop.api.post("/v1/tax/registrations", us).status == 201
    text = table(
        {**ROW, "country": ""},
        {**ROW, "external_id": "b", "country": "DE"},
        {**ROW, "external_id": "c", "country": "US"},
        {**ROW, "external_id": "d", "country": "US", "state": "CA"},
    )
    assert reasons(shop, text) == [["tax_needs_country"], [], ["tax_needs_state"], []]


def test_what_was_imported_before_is_not_imported_again(shop: Shop) -> None:
    claim = ImportClaim("acme", "canonical", "sub_1", "imp_0", 1, "sub_x")
    shop.world.store.commit(Insert(claim))
    assert reasons(shop, table(ROW)) == [["imported_before"]]
    assert reasons(shop, table(ROW), source="another-shop") == [[]]


def test_a_large_file_is_looked_at_by_a_job_and_counted_once(shop: Shop) -> None:
    answer = send(shop, many(1200))
    assert (answer.json["state"], answer.json["rows"]) == ("checking", 0)
    found = done(shop, answer.json["id"])
    assert (found["state"], found["rows"], found["ok"]) == ("checked", 1200, 1200)
    seen, cursor = [], None
    while True:
        query = {"limit": "200", **({"cursor": cursor} if cursor else {})}
        page = shop.api.get(f"/v1/imports/{found['id']}/rows", **query).json
        seen += [row["number"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == list(range(1, 1201))


@pytest.mark.parametrize("dies_after", [2, 9])
def test_a_job_that_dies_anywhere_counts_each_row_once(
    shop: Shop, dies_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = send(shop, many(1100))
    left = dies_after
    commit = shop.world.store.commit

    def dies(*writes: object) -> None:
        nonlocal left
        left -= 1
        commit(*writes)  # type: ignore[arg-type]
        if left == 0:
            raise Unavailable("died")

    monkeypatch.setattr(shop.world.store, "commit", dies)
    for _ in range(4):
        with suppress(Unavailable):
            shop.world.tick()
        shop.world.advance(minutes=10)
    found = done(shop, answer.json["id"])
    assert (found["state"], found["checked"], found["ok"]) == ("checked", 1100, 1100)


def test_rows_that_block_come_first_and_are_a_list_of_their_own(shop: Shop) -> None:
    text = many(5) + table({**ROW, "external_id": "bad", "status": "unpaid"}).split("\n", 1)[1]
    found = sent(shop, text)
    assert next(row["external_id"] for row in rows(shop, found["id"])) == "bad"
    assert [row["number"] for row in rows(shop, found["id"], result="blocking")] == [6]
    report = shop.api.get(f"/v1/imports/{found['id']}/rows.csv", result="blocking")
    assert report.status == 200
    assert "past_due" in report.body and "Collect it or cancel it first." in report.body
    assert report.body.count("\n") == 2
