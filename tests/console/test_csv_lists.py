"""The lists of the console as CSV (M-4)."""

from __future__ import annotations

import csv
from io import StringIO

import pytest

from billing.console.web import csv_lists
from tests.console.agent import Agent
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    bought = shop.world.buy(name="=HYPERLINK(1)")
    shop.world.buy(email="bob@example.com", name="Bob Builder")
    shop.world.tick()
    agent = Agent.of(shop)
    order = bought.invoice.order_id
    agent.send(f"/console/orders/{order}/refund", amount="10", attempt="attempt_1")
    agent.send(
        "/console/tickets/new",
        department="billing",
        email="ann@example.com",
        subject="+1 555",
        text="Help",
        attempt="attempt_0000001",
    )
    shop.world.tick()
    return shop


def rows(shop: Shop, address: str, merchant: str = "acme") -> list[dict[str, str]]:
    answer = Agent.of(shop, merchant).client.browse("GET", f"/console/csv/{address}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(StringIO(answer.body.removeprefix("\ufeff"))))


@pytest.mark.spec("M-4")
def test_each_list_has_what_its_page_shows(shop: Shop) -> None:
    assert {each["email"] for each in rows(shop, "customers")} == {
        "ann@example.com",
        "bob@example.com",
    }
    found = rows(shop, "subscriptions?state=active")
    assert [(each["price"], each["currency"]) for each in found] == [("29.99", "USD")] * 2
    assert {each["email"] for each in found} == {"ann@example.com", "bob@example.com"}
    assert rows(shop, "subscriptions?state=paused") == []
    kinds = [each["kind"] for each in rows(shop, "transactions")]
    assert sorted(kinds) == ["refund", "sale", "sale"]
    assert [each["amount"] for each in rows(shop, "transactions?kind=refund")] == ["10.00"]
    invoices = rows(shop, "invoices")
    assert sorted((each["kind"], each["total"]) for each in invoices) == [
        ("credit_note", "10.00"),
        ("invoice", "29.99"),
        ("invoice", "29.99"),
    ]
    assert len(rows(shop, "tickets?state=open")) == 1
    assert rows(shop, "customers", "rival") == []


@pytest.mark.spec("M-4")
def test_no_field_is_a_formula_for_a_spreadsheet(shop: Shop) -> None:
    for address in csv_lists.KINDS:
        for row in rows(shop, address):
            for text in row.values():
                assert text[:1] not in ("=", "+", "-", "@", "\t", "\r"), (address, text)
    assert "'=HYPERLINK(1)" in {each["name"] for each in rows(shop, "customers")}
    assert "'+1 555" in {each["subject"] for each in rows(shop, "tickets")}


@pytest.mark.spec("M-4")
def test_a_file_that_is_cut_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lists, "ROWS_MOST", 1)
    monkeypatch.setattr(csv_lists, "READ_AT_ONCE", 1)
    answer = Agent.of(shop).client.browse("GET", "/console/csv/customers")
    assert answer.headers["content-disposition"] == 'attachment; filename="customers-first-1.csv"'
    assert len(rows(shop, "customers")) == 1
    whole = Agent.of(shop).client.browse("GET", "/console/csv/tickets")
    assert whole.headers["content-disposition"] == 'attachment; filename="tickets.csv"'


@pytest.mark.spec("M-4")
def test_a_file_of_several_pages_has_every_row_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lists, "READ_AT_ONCE", 1)
    for address in ("customers", "subscriptions", "invoices", "transactions"):
        ids = [each.get("id") or each["order"] for each in rows(shop, address)]
        assert len(ids) == len(set(ids)) >= 2, address


@pytest.mark.spec("M-4")
def test_a_wrong_filter_leads_to_the_page_that_tells(shop: Shop) -> None:
    agent = Agent.of(shop)
    answer = agent.client.browse("GET", "/console/csv/invoices?from=yesterday")
    assert answer.headers["location"] == "/console/invoices?from=yesterday"
    agent.look("/console/invoices?from=yesterday", status=422)
    assert agent.client.browse("GET", "/console/csv/secrets").status == 404
    for page in ("customers", "subscriptions?state=active", "transactions", "invoices", "tickets"):
        links = [str(a.attributes["href"]) for a in agent.look(f"/console/{page}").all("a")]
        assert f"/console/csv/{page}" in links
