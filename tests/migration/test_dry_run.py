"""Dry runs: what an import would charge, beside the source's dates; and a round trip (M-6)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.rebill.flows import forecast
from billing.storage.memory.objects import MemoryObjects
from tests.migration.files import MONTHLY, ROW, done, many, rows, selling, sent, table
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def dry_run(shop: Shop, import_id: str) -> dict[str, Any]:
    answer = shop.api.post(f"/v1/imports/{import_id}/dry-run")
    assert answer.status in {200, 202}, answer.json
    shop.world.tick()
    found = shop.api.get(f"/v1/imports/{import_id}/dry-run").json
    assert found["state"] == "done", found
    return dict(found)


def test_a_dry_run_forecasts_90_days_beside_the_dates_of_the_source() -> None:
    shop = selling()
    of_the_31st = {"started_at": "2025-12-31T15:00:00Z", "next_charge_at": "2026-02-28T15:00:00Z"}
    found = sent(shop, table(ROW, {**ROW, "external_id": "b", **of_the_31st}))
    run = dry_run(shop, found["id"])
    assert (run["rows"], run["blocked"]) == (2, 0)
    days = [(d["date"], d["charges"], d["source_charges"]) for d in run["days"]]
    assert days == [
        ("2026-02-20", 1, 1),
        ("2026-02-28", 1, 1),
        ("2026-03-20", 1, 1),
        ("2026-03-28", 0, 1),  # by its own date alone, it would stay on the 28th
        ("2026-03-31", 1, 0),
        ("2026-04-20", 1, 1),
        ("2026-04-28", 0, 1),
        ("2026-04-30", 1, 0),
    ]
    assert run["days"][0]["amount"] == {"amount": 2999, "currency": "USD"}
    assert run["days"][0]["test"] is True


def test_rows_that_block_are_in_no_forecast() -> None:
    shop = selling()
    found = sent(shop, table({**ROW, "status": "unpaid"}))
    assert dry_run(shop, found["id"])["days"] == []


def test_a_large_dry_run_is_made_by_a_job_and_is_the_same() -> None:
    shop = selling()
    found = sent(shop, many(450))
    run = dry_run(shop, found["id"])
    assert (run["rows"], [day["charges"] for day in run["days"]]) == (450, [450] * 3)


def test_only_what_is_checked_has_a_dry_run() -> None:
    shop = selling()
    refused = sent(shop, "email\nx\n")
    answer = shop.api.post(f"/v1/imports/{refused['id']}/dry-run")
    assert (answer.status, answer.json["code"]) == (409, "import_not_checked")
    found = sent(shop, many(1))
    assert shop.api.get(f"/v1/imports/{found['id']}/dry-run").status == 404
    dry_run(shop, found["id"])
    assert shop.other.post(f"/v1/imports/{found['id']}/dry-run").status == 404
    assert shop.other.get(f"/v1/imports/{found['id']}/dry-run").status == 404


TERMS = (
    MONTHLY,
    PriceTerms(PriceType.RECURRING, Money(900, Currency.USD), Period.WEEKLY),
    PriceTerms(PriceType.INSTALLMENT, Money(5000, Currency.USD), Period.MONTHLY, installments=4),
    PriceTerms(
        PriceType.RECURRING,
        Money(1234, Currency.USD),
        Period.EVERY_2_WEEKS,
        initial=Initial(100, Span(30, Unit.DAY)),
    ),
)


def test_an_export_imported_into_an_empty_stack_has_the_same_forecast() -> None:
    here = Shop()
    products = [here.world.product(each) for each in TERMS]
    for n, each in enumerate(products):
        here.world.buy(each, email=f"buyer{n}@example.com")
        here.world.advance(days=1, hours=3)
    here.world.advance(days=33)
    asked = here.api.post("/v1/exports", {"what": "subscriptions"})
    here.world.tick()
    url = here.api.get(f"/v1/exports/{asked.json['id']}").json["url"]
    assert isinstance(here.world.objects, MemoryObjects)
    text = here.world.objects.open(url).content.decode()
    assert len(list(csv.DictReader(io.StringIO(text)))) == len(TERMS)

    there = Shop()
    for each in TERMS:
        there.world.product(each)
    ids = zip(*(_price_points(shop) for shop in (here, there)), strict=True)
    for ours, theirs in ids:
        text = text.replace(f",{ours},", f",{theirs},")
    there.world.advance(seconds=(here.world.now - there.world.now).total_seconds())
    found = sent(there, text)
    assert (found["ok"], found["warnings"], found["blocking"]) == (len(TERMS), 0, 0), rows(
        there, found["id"]
    )
    run = dry_run(there, found["id"])
    expected = forecast.forecast(
        here.world.ports,
        here.world.merchant,
        until=there.world.now + (timedelta(days=90)),
        now=there.world.now,
    )
    days = [
        (each["date"], each["amount"]["amount"], each["charges"])
        for each in run["days"]
        if each["charges"]
    ]
    assert days == [
        (each.date.isoformat(), each.amount.amount_minor, each.charges) for each in expected.days
    ]
    assert len(days) > 20
    assert done(there, found["id"])["state"] == "checked"


def _price_points(shop: Shop) -> list[str]:
    products = shop.api.get("/v1/products").json["data"]
    return [point["id"] for each in products for point in each["price_points"]]
