"""Taxes by API: registrations, rates, the preview, the report, and their CSV (C-7, CONTRACT.md)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from billing.kernel.subscription import Source
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.tax import vat
from tests.console.agent import Agent
from tests.tax.taxing import BERLIN, LOS_ANGELES, booked
from tests.web.shop import MONTHLY, START, Shop
from tests.world import World


def registered(**fields: Any) -> Shop:
    shop = Shop()
    answer = shop.api.call("POST", "/v1/tax/registrations", fields)
    assert answer.status == 201, answer.json
    return shop


def rate(shop: Shop, **fields: Any) -> dict[str, Any]:
    answer = shop.api.call("POST", "/v1/tax/rates", fields)
    assert answer.status == 201, answer.json
    return dict(answer.json)


def preview(shop: Shop, buyer: dict[str, Any], **price: Any) -> list[dict[str, Any]]:
    body = {"price_point": MONTHLY | price, **START, "count": 1, "buyer": buyer}
    answer = shop.api.call("POST", "/v1/preview", body)
    assert answer.status == 200, answer.json
    return list(answer.json["charges"])


def by_revenue(**threshold: Any) -> dict[str, Any]:
    return {"country": "DE", "nexus": "threshold", "threshold": threshold}


@pytest.mark.spec("C-7")
def test_a_registration_by_presence_begins_today() -> None:
    shop = registered(country="US", state="California", nexus="presence")
    (listed,) = shop.api.get("/v1/tax/registrations").json["data"]
    assert (listed["country"], listed["state"]) == ("US", "CA")
    assert listed["began_on"] == "2026-01-31"
    assert listed["ended_on"] is None


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "country"),
        ({"country": "US"}, "state"),
        ({"country": "US", "state": "Bavaria"}, "state"),
        ({"country": "DE", "state": "BY"}, "state"),
        ({"country": "XX"}, "country"),
        ({"scheme": "eu_oss"}, "home"),
        ({"scheme": "eu_oss", "home": "US"}, "home"),
        ({"scheme": "eu_oss", "home": "DE", "country": "DE"}, "country"),
        ({"scheme": "eu_oss", "home": "DE", "nexus": "threshold", "orders": 200}, "nexus"),
        ({"scheme": "eu_oss", "home": "DE", "orders": 200}, "threshold"),
        ({"country": "DE", "home": "DE"}, "home"),
        ({"country": "DE", "nexus": "threshold"}, "threshold"),
        ({"country": "DE", "orders": 3}, "threshold"),
        ({"country": "DE", "nexus": "threshold", "orders": 0}, "orders"),
        (by_revenue(amount=100_000, currency="EUR"), "threshold.currency"),
        (by_revenue(amount=0, currency="USD"), "threshold.amount"),
        (by_revenue(amount=10**50, currency="USD"), "threshold.amount"),
    ],
)
def test_a_registration_that_means_nothing_is_refused(fields: dict[str, Any], field: str) -> None:
    shop = Shop()
    answer = shop.api.call("POST", "/v1/tax/registrations", fields)
    assert (answer.status, answer.json["field"]) == (422, field)
    assert shop.api.get("/v1/tax/registrations").json["data"] == []


@pytest.mark.spec("C-7")
def test_a_place_is_registered_once_until_that_is_ended() -> None:
    shop = registered(country="DE")
    assert shop.api.call("POST", "/v1/tax/registrations", {"country": "DE"}).status == 422
    (listed,) = shop.api.get("/v1/tax/registrations").json["data"]
    ended = shop.api.call("DELETE", f"/v1/tax/registrations/{listed['id']}")
    assert ended.json["ended_on"] == "2026-01-31"
    assert shop.api.call("POST", "/v1/tax/registrations", {"country": "DE"}).status == 201


@pytest.mark.spec("C-7", "P-19")
def test_the_preview_for_a_buyer_has_the_taxes_of_each_charge() -> None:
    shop = registered(country="US", state="CA")
    rate(shop, country="US", state="CA", name="California", rate="0.0725")
    rate(shop, country="US", state="CA", postal_code="90012", name="Los Angeles", rate="2.25%")
    (charge,) = preview(shop, {"country": "US", "state": "CA", "postal_code": "90012"})
    assert charge["amount"] == {"amount": 2999, "currency": "USD"}
    assert charge["net"] == {"amount": 2999, "currency": "USD"}
    assert charge["tax"] == [
        {"name": "California", "rate": "0.0725", "amount": {"amount": 217, "currency": "USD"}},
        {"name": "Los Angeles", "rate": "0.0225", "amount": {"amount": 67, "currency": "USD"}},
    ]
    assert charge["total"] == {"amount": 3283, "currency": "USD"}
    assert "tax" not in shop.api.call("POST", "/v1/preview", {"price_point": MONTHLY, **START}).json


@pytest.mark.spec("C-7")
def test_one_registration_covers_the_eu_and_a_confirmed_business_owes_the_tax_itself() -> None:
    shop = registered(scheme="eu_oss", home="DE")
    (german,) = preview(shop, {"country": "DE"}, tax="inclusive")
    assert (german["net"]["amount"], german["total"]["amount"]) == (2520, 2999)
    (hungarian,) = preview(shop, {"country": "HU"})
    assert hungarian["tax"][0]["rate"] == "0.27"
    # its check digits alone do not confirm it
    (french,) = preview(shop, {"country": "FR", "tax_id": "FR40303265045"})
    assert french["tax"][0]["rate"] == "0.2"
    (swiss,) = preview(shop, {"country": "CH"})
    assert swiss["tax"] == []


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("buyer", "field"),
    [
        ({"country": "US"}, "address.state"),
        ({"country": "FR", "tax_id": "FR40303265046"}, "buyer.tax_id"),
        ({"country": "FR", "tax_id": "DE136695976"}, "buyer.tax_id"),
        ({"country": "ZZ"}, "buyer.country"),
    ],
)
def test_a_preview_names_what_it_cannot_take(buyer: dict[str, Any], field: str) -> None:
    shop = registered(country="US", state="CA")
    body = {"price_point": MONTHLY, **START, "buyer": buyer}
    answer = shop.api.call("POST", "/v1/preview", body)
    assert (answer.status, answer.json["field"]) == (422, field)


EMAILS = ("bob@example.com", "eve@example.com")

TABLE = """country,state,postal_code,name,rate,from
US,CA,,California,0.06,
US,CA,900,Los Angeles County,0.0025,2020-01-01
US,CA,90012,Los Angeles,2.25%,
CA,,,GST,0.05,
CA,BC,,PST,7%,2013-04-01
"""


def sent(shop: Shop, csv: str) -> Any:
    return shop.api.call("PUT", "/v1/tax/rates.csv", csv, content_type="text/csv; charset=utf-8")


@pytest.mark.spec("C-7")
def test_a_table_is_replaced_whole_and_comes_back_as_it_was_sent() -> None:
    shop = registered(country="US", state="CA")
    rate(shop, country="US", state="NY", name="Old", rate="0.01")
    assert sent(shop, TABLE).json == {"places": 5}
    back = shop.api.get("/v1/tax/rates.csv")
    assert back.headers["content-type"] == "text/csv"
    assert sorted(back.body.splitlines()) == sorted(
        TABLE.replace("2.25%", "0.0225").replace("7%", "0.07").splitlines()
    )
    (charge,) = preview(shop, {"country": "US", "state": "CA", "postal_code": "90012-4801"})
    assert [each["amount"]["amount"] for each in charge["tax"]] == [180, 7, 67]


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("csv", "field"),
    [
        ("", "csv"),
        ("name,rate\nx,0.1\n", "csv"),
        ("country,name,rate,colour\nUS,x,0.1,red\n", "csv"),
        ("country,name,rate\nXX1,x,0.1\n", "csv[2].country"),
        ("country,name,rate\nDE,x,abc\n", "csv[2].rate"),
        ("country,name,rate\nDE,x,1.5\n", "csv[2].rate"),
        ("country,name,rate\nDE,x,NaN\n", "csv[2].rate"),
        ("country,name,rate\nDE,x,1e999999\n", "csv[2].rate"),
        ("country,name,rate\nDE,,0.1\n", "csv[2].name"),
        ("country,state,name,rate\nUS,Narnia,x,0.1\n", "csv[2].state"),
        ("country,postal_code,name,rate\nUS,90012,x,0.1\n", "csv[2].state"),
        ("country,name,rate,from\nDE,x,0.1,31.01.2026\n", "csv[2].from"),
        ('country,name,rate\nDE,"x,0.1\n', "csv"),
        ("country,name,rate\nDE,good,0.1\nDE\n", "csv[3].name"),
    ],
)
def test_one_wrong_row_and_nothing_is_changed(csv: str, field: str) -> None:
    shop = Shop()
    sent(shop, TABLE)
    answer = sent(shop, csv)
    assert answer.status == 422, answer.json
    assert answer.json["field"] == field
    assert len(shop.api.get("/v1/tax/rates.csv").body.splitlines()) == 6


@pytest.mark.spec("C-7")
def test_a_table_from_a_spreadsheet_is_read_too() -> None:
    shop = Shop()
    text = "\ufeffCountry;Name;Rate\r\nDE;MwSt;19%\r\n\r\n;;\r\n"
    assert sent(shop, text).json == {"places": 1}


@pytest.mark.spec("C-7", "M-7")
def test_the_report_has_each_rate_with_refunds_taken_off_and_equals_the_ledger() -> None:
    shop = Shop(World())
    world = shop.world
    shop.api.call("POST", "/v1/tax/registrations", {"scheme": "eu_oss", "home": "DE"})
    shop.api.call("POST", "/v1/tax/registrations", {"country": "US", "state": "CA"})
    sent(shop, TABLE)
    world.merchant = world.store.merchant("acme") or world.merchant
    product = world.product()
    world.buy(product, email="bob@example.com", address=BERLIN)
    world.buy(product, email="eve@example.com", address=LOS_ANGELES)
    world.advance(days=40)
    span = "?from=2026-01-01&to=2026-12-31"
    paid = {i.order_id for mail in EMAILS for i in world.history(mail).invoices}
    assert len(paid) == 4
    (half,) = [i for i in world.history("eve@example.com").invoices if i.seq == 1]
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", half.order_id),
        amount_minor=1000,
        source=Source.MERCHANT,
        takes=Takes.OWN,
        now=world.now,
    )
    world.tick()
    rows = shop.api.get(f"/v1/tax/report{span}").json["data"]
    assert [(r["country"], r["state"], r["name"], r["orders"], r["test"]) for r in rows] == [
        ("DE", None, "VAT", 2, True),
        ("US", "CA", "California", 2, True),
        ("US", "CA", "Los Angeles", 2, True),
        ("US", "CA", "Los Angeles County", 2, True),
    ]
    booked_taxes = {
        place: sum(booked(world, mail).get(f"liabilities:tax:{place}", 0) for mail in EMAILS)
        for place in ("DE", "US-CA")
    }
    reported = {"DE": rows[0]["tax"]["amount"], "US-CA": sum(r["tax"]["amount"] for r in rows[1:])}
    assert reported == booked_taxes == {"DE": 2 * 570, "US-CA": 2 * 254 - 78}
    assert shop.api.get(f"/v1/tax/report.csv{span}").body.splitlines()[:2] == [
        "country,state,name,rate,currency,taxable,tax,orders,test",
        "DE,,VAT,0.19,USD,59.98,11.40,2,true",
    ]
    for wrong in ("?from=2026-02-01&to=2026-01-01", "?from=2020-01-01&to=2026-01-01", ""):
        assert shop.api.get(f"/v1/tax/report{wrong}").status == 422


@pytest.mark.spec("C-7")
def test_the_table_of_vat_says_its_sources_and_its_age() -> None:
    shop = Shop()
    table = shop.api.get("/v1/tax/vat").json
    assert table["checked_on"] == vat.CHECKED_ON.isoformat()
    assert table["outdated"] is False
    assert set(table["sources"]) == {"EU", "GB", "CH", "NO"}
    assert {"country": "DE", "rate": "0.19"} in table["rates"] and len(table["rates"]) == 30


@pytest.mark.spec("C-7", "M-4")
@pytest.mark.parametrize(("days", "is_old"), [(365, False), (366, True)])
def test_a_table_of_vat_that_is_older_than_a_year_is_warned_of(days: int, is_old: bool) -> None:
    noon = datetime.combine(vat.CHECKED_ON, time(17), UTC)  # noon of the merchant's day
    shop = Shop(World(now=noon + timedelta(days=days)))
    assert shop.api.get("/v1/tax/vat").json["outdated"] is is_old
    page = Agent.of(shop).look("/console/tax").text
    assert f"Built-in VAT rates, checked {vat.CHECKED_ON}" in page
    assert ("more than a year ago" in page) is is_old
