"""Invoices and credit notes in /v1: listed, found, downloaded, and nobody else's."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from billing.invoices.flows import invoice_list
from billing.invoices.flows.invoice_list import Filter
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Period
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.web.shop import Shop
from tests.world import World

ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))
WEEKLY = PriceTerms(PriceType.RECURRING, Money(700, Currency.USD), Period.WEEKLY)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def listed(shop: Shop, **query: str) -> list[dict[str, Any]]:
    answer = shop.api.get("/v1/invoices", **query)
    assert answer.status == 200, answer.json
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def pages(shop: Shop, limit: int, **query: str) -> list[dict[str, Any]]:
    found, cursor = [], {}
    for _ in range(100):
        page = shop.api.get("/v1/invoices", limit=str(limit), **query, **cursor).json
        found += page["data"]
        if page["next"] is None:
            return found
        assert len(page["data"]) == limit
        cursor = {"cursor": page["next"]}
    raise AssertionError("a list without end")


def refunded(shop: Shop, order: str, amount: int | None = None) -> Order:
    body = {} if amount is None else {"amount": amount}
    answer = shop.api.post(f"/v1/orders/{order}/refund", body)
    assert answer.status == 201, answer.json
    shop.world.work()
    entry = shop.world.store.order_by_id("acme", answer.json["id"])
    assert entry is not None
    return entry


@pytest.mark.spec("M-7")
def test_invoices_and_credit_notes_are_listed_newest_first_as_each_is_shown(shop: Shop) -> None:
    world = shop.world
    bought = world.buy(world.product(WEEKLY))
    world.advance(days=8)
    world.buy(email="bob@example.com", payment_method="pm_card_chargeDeclined")
    entry = refunded(shop, bought.invoice.order_id, 300)
    credit, renewal, sale = listed(shop)
    assert sale == {
        "id": bought.invoice.id,
        "kind": "invoice",
        "number": "TEST-000001",
        "state": "paid",
        "total": {"amount": 700, "currency": "USD"},
        "customer": bought.customer,
        "subscription": bought.purchase,
        "order": bought.invoice.order_id,
        "credits": None,
        "dispute": None,
        "opened_at": "2026-01-31T15:00:00Z",
        "settled_at": "2026-01-31T15:00:00Z",
        "client_reference": None,
        "metadata": {},
    }
    assert (renewal["kind"], renewal["subscription"]) == ("invoice", bought.purchase)
    assert credit | {"opened_at": "", "settled_at": ""} == {
        "id": entry.id,
        "kind": "credit_note",
        "number": "TEST-CN-000001",
        "state": "succeeded",
        "total": {"amount": 300, "currency": "USD"},
        "customer": bought.customer,
        "subscription": bought.purchase,
        "order": entry.id,
        "credits": bought.invoice.id,
        "dispute": None,
        "opened_at": "",
        "settled_at": "",
        "client_reference": None,
        "metadata": {},
    }
    for each in (credit, renewal, sale):
        assert shop.api.get(f"/v1/invoices/{each['id']}").json == each


@pytest.mark.spec("M-7")
def test_invoices_are_filtered_by_customer_and_by_local_days(shop: Shop) -> None:
    world = shop.world
    first = world.buy(world.product(WEEKLY))
    other = world.buy(world.product(ONCE), email="bob@example.com")
    world.advance(days=15)
    everything = [each["id"] for each in listed(shop)]
    assert len(everything) == 4
    assert [e["id"] for e in listed(shop, customer=other.customer)] == [other.invoice.id]
    of_first = [e["id"] for e in listed(shop, customer=first.customer)]
    assert of_first == [each for each in everything if each != other.invoice.id]
    assert {e["id"] for e in listed(shop, to="2026-01-31")} == {first.invoice.id, other.invoice.id}
    (one,) = listed(shop, **{"from": "2026-02-07", "to": "2026-02-07"})
    assert one["id"] == of_first[1]
    assert listed(shop, customer=first.customer, to="2026-01-31")[0]["id"] == first.invoice.id
    assert listed(shop, **{"from": "2027-01-01"}) == []
    assert shop.api.get("/v1/invoices", customer="cus_unknown").status == 404
    assert shop.api.get("/v1/invoices", **{"from": "yesterday"}).status == 422


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_invoices_are_the_list(shop: Shop, limit: int) -> None:
    world = shop.world
    bought = world.buy(world.product(WEEKLY))
    world.advance(days=30)
    refunded(shop, bought.invoice.order_id, 100)
    whole = listed(shop)
    assert len(whole) == 6
    assert pages(shop, limit) == whole
    assert pages(shop, limit, customer=bought.customer) == whole
    given = shop.api.get("/v1/invoices", limit="1").json["next"]
    assert shop.other.get("/v1/invoices", cursor=given).status == 422
    assert shop.api.get("/v1/invoices", cursor=given, to="2026-02-07").status == 422
    assert shop.api.get("/v1/invoices", cursor=f"{given}x").status == 422


@pytest.mark.spec("M-7")
def test_a_one_time_purchase_is_found_by_its_invoice(shop: Shop) -> None:
    bought = shop.world.buy(shop.world.product(ONCE))
    shop.world.work()
    found = shop.api.get(f"/v1/invoices/{bought.invoice.id}")
    assert (found.status, found.json["customer"]) == (200, bought.customer)
    assert shop.other.get(f"/v1/invoices/{bought.invoice.id}").status == 404


@pytest.mark.spec("B-5", "M-7")
def test_a_document_is_downloaded_as_it_was_issued(shop: Shop) -> None:
    world = shop.world
    bought = world.buy(world.product(ONCE))
    entry = refunded(shop, bought.invoice.order_id, 900)
    for document, name in ((bought.invoice.id, "TEST-000001"), (entry.id, "TEST-CN-000001")):
        answer = shop.api.get(f"/v1/invoices/{document}/pdf")
        assert answer.status == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.pdf"'
        assert answer.headers["content-type"] == "application/pdf"
        assert shop.other.get(f"/v1/invoices/{document}/pdf").status == 404
        assert shop.stranger.get(f"/v1/invoices/{document}/pdf").status == 401


def test_an_invoice_that_is_not_paid_is_shown_and_is_no_document(shop: Shop) -> None:
    world = shop.world
    bought = world.buy(world.product(WEEKLY), payment_method="pm_card_chargeCustomerFail")
    if bought.state == "paid":
        raise AssertionError("that card declines")
    world.buy(world.product(WEEKLY))
    shop.api.post(f"/v1/subscriptions/{world.subscription().id}/pause")
    assert [each["state"] for each in listed(shop)] == ["paid"]
    unknown = ("sub_unknown.0001", "pur_unknown.0001", "x", "K7M2Q-9XTRV-4H3P4", "a.b.c", "-")
    for document in (*unknown, bought.invoice.id, bought.invoice.order_id):
        assert shop.api.get(f"/v1/invoices/{document}").status == 404, document
        assert shop.api.get(f"/v1/invoices/{document}/pdf").status == 404, document


@pytest.mark.spec("M-7")
def test_a_refund_from_before_orders_named_it_is_listed_too(shop: Shop) -> None:
    bought = shop.world.buy(shop.world.product(ONCE))
    entry = refunded(shop, bought.invoice.order_id, 900)
    assert entry.refund_id is not None
    before = listed(shop)
    shop.world.store.commit(Change(entry, replace(entry, refund_id=None)))
    assert listed(shop) == before
    assert shop.api.get(f"/v1/invoices/{entry.id}").json == before[0]


def test_a_page_of_invoices_is_read_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    world = shop.world
    product = world.product(ONCE)
    for n in range(4):
        bought = world.buy(product, email=f"ann{n}@example.com")
        refunded(shop, bought.invoice.order_id, 100)
    asked = _counted(world, monkeypatch)
    found = invoice_list.page(
        world.ports, world.merchant, Filter(), limit=6, cursor=None, now=world.now
    )
    assert len(found.data) == 6
    assert asked == {"orders": 1, "invoices": 1, "refunds": 1}


def _counted(world: World, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the questions that are put to the store."""
    asked: Counter[str] = Counter()
    for name in ("orders", "invoices", "refunds", "refunds_of", "history", "invoice", "refund"):
        whole = getattr(world.store, name)

        def ask(*args: Any, _of: Any = whole, _name: str = name, **named: Any) -> Any:
            asked[_name] += 1
            return _of(*args, **named)

        monkeypatch.setattr(world.store, name, ask, raising=False)
    return asked


def test_entries_of_refunds_name_the_refund(shop: Shop) -> None:
    bought = shop.world.buy(shop.world.product(ONCE))
    entry = refunded(shop, bought.invoice.order_id)
    assert (entry.kind, entry.refund_id) == (OrderKind.REFUND, f"{bought.invoice.id}:r1")
    shop.world.now += timedelta(minutes=1)


@pytest.mark.spec("M-7")
def test_a_document_is_numbered_and_issued_by_its_first_download(shop: Shop) -> None:
    """The mail that numbers it is under way."""
    bought = shop.world.buy(shop.world.product(ONCE))
    (waiting,) = listed(shop)
    assert waiting["number"] is None
    address = f"/v1/invoices/{bought.invoice.id}/pdf"
    first = shop.api.get(address)
    assert (first.status, listed(shop)[0]["number"]) == (200, "TEST-000001")
    shop.world.work()
    assert shop.api.get(address).body == first.body
