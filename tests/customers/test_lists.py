"""The lists of subscriptions, customers and invoices in /v1."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.customers.flows import index_lists
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from tests.web.shop import Shop

WEEKLY = PriceTerms(PriceType.RECURRING, Money(700, Currency.USD), Period.WEEKLY)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def ids(answer: Any) -> list[str]:
    assert answer.status == 200, answer.json
    return [entry["id"] for entry in answer.json["data"]]


def bought(shop: Shop, count: int, **fields: Any) -> list[str]:
    """Buys one product under as many emails, and returns the subscriptions newest first."""
    made = []
    product = shop.world.product(WEEKLY)
    for n in range(count):
        made.append(shop.world.buy(product, email=f"buyer{n}@example.com", **fields).purchase)
        shop.world.now = shop.world.now.replace(minute=shop.world.now.minute + 1)
    shop.world.work()
    return made[::-1]


@pytest.mark.spec("M-1")
def test_subscriptions_are_listed_newest_first_as_each_is_shown_by_itself(shop: Shop) -> None:
    made = bought(shop, 3)
    listed = shop.api.get("/v1/subscriptions")
    assert ids(listed) == made
    assert listed.json["next"] is None
    assert listed.json["data"][0] == shop.api.get(f"/v1/subscriptions/{made[0]}").json


@pytest.mark.spec("M-1")
def test_subscriptions_are_filtered_by_what_is_asked_for(shop: Shop) -> None:
    made, other = bought(shop, 3), shop.world.buy(email="buyer0@example.com")
    shop.world.work()
    shop.api.post(f"/v1/subscriptions/{made[1]}/pause")
    one = shop.api.get(f"/v1/subscriptions/{made[0]}").json

    def listed(**query: str) -> list[str]:
        return ids(shop.api.get("/v1/subscriptions", **query))

    assert listed(state="paused") == [made[1]]
    assert listed(state="active") == [other.purchase, made[0], made[2]]
    assert listed(product=one["product"]) == made
    assert listed(price_point=one["price_point"]) == made
    assert listed(product=other.product) == [other.purchase]
    assert listed(product=one["product"], state="active") == [made[0], made[2]]
    assert listed(customer=other.customer) == [other.purchase, made[2]]
    assert listed(customer=other.customer, product=other.product) == [other.purchase]
    assert listed(product="prod_unknown") == []
    assert shop.api.get("/v1/subscriptions", customer="cus_unknown").status == 404
    assert shop.other.get("/v1/subscriptions", customer=other.customer).status == 404
    assert ids(shop.other.get("/v1/subscriptions", product=one["product"])) == []


@pytest.mark.parametrize("by", [{}, {"state": "active"}, {"product": ""}, {"customer": ""}])
def test_pages_of_subscriptions_are_the_list_and_a_cursor_is_its_own(
    shop: Shop, by: dict[str, str]
) -> None:
    made = bought(shop, 5)
    one = shop.api.get(f"/v1/subscriptions/{made[0]}").json
    if "customer" in by:  # everything is bought by one
        made = [shop.world.buy(email="buyer0@example.com").purchase for _ in range(4)]
        owner = shop.api.get(f"/v1/subscriptions/{made[0]}").json["customer"]
        query = {"customer": owner}
    else:
        query = {name: value or one[name] for name, value in by.items()}
    whole, found, cursor = ids(shop.api.get("/v1/subscriptions", **query)), [], {}
    for _ in range(10):
        page = shop.api.get("/v1/subscriptions", limit="2", **query, **cursor)
        found += ids(page)
        if page.json["next"] is None:
            break
        cursor = {"cursor": page.json["next"]}
        for other in (shop.other, shop.api):
            asked = {**query, "state": "completed"} if other is shop.api else query
            refused = other.get("/v1/subscriptions", limit="2", **asked, **cursor)
            assert refused.status in {404, 422}, "a cursor belongs to its list and its merchant"
    assert found == whole and len(found) == len(set(found)) >= 4


@pytest.mark.parametrize(
    "query",
    [
        {"state": "unknown"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "x", "state": "active"},
        {"cursor": ""},
        {"product": "a#b"},
    ],
)
def test_a_malformed_query_is_refused(shop: Shop, query: dict[str, str]) -> None:
    bought(shop, 1)
    assert shop.api.get("/v1/subscriptions", **query).status == 422


@pytest.mark.spec("M-1")
def test_customers_are_listed_found_by_words_and_by_email(shop: Shop) -> None:
    world = shop.world
    first = world.buy(name="Zoë Anders", email="zoe@shop.test").customer
    world.now += timedelta(minutes=1)
    second = world.buy(name="Bob Smith", email="bob@example.com").customer
    world.work()
    listed = shop.api.get("/v1/customers")
    assert ids(listed) == [second, first]
    assert (
        listed.json["data"][0]
        == shop.api.get("/v1/customers", email="bob@example.com").json["data"][0]
    )
    for typed, whom in [("zo", [first]), ("SMI", [second]), ("bob exa", [second]), ("xy", [])]:
        assert ids(shop.api.get("/v1/customers", q=typed)) == whom, typed
    assert ids(shop.api.get("/v1/customers", q="bob", email="bob@example.com")) == [second]
    assert ids(shop.api.get("/v1/customers", q="zoe", email="bob@example.com")) == []
    for nothing in ({}, {"q": "zoe"}, {"email": "bob@example.com"}):
        assert ids(shop.other.get("/v1/customers", **nothing)) == []
    page = shop.api.get("/v1/customers", limit="1").json
    assert shop.other.get("/v1/customers", cursor=page["next"]).status == 422
    assert ids(shop.api.get("/v1/customers", cursor=page["next"])) == [first]


@pytest.mark.spec("M-8")
def test_an_erased_customer_is_neither_listed_nor_found_nor_named_in_any_item(shop: Shop) -> None:
    world = shop.world
    bought = world.buy(name="Zoë Anders", email="zoe@shop.test")
    world.work()
    shop.api.post(f"/v1/subscriptions/{bought.purchase}/cancel", {"when": "now"})
    world.work()
    assert shop.api.post(f"/v1/customers/{bought.customer}/erase").status == 200
    assert ids(shop.api.get("/v1/customers")) == []
    assert ids(shop.api.get("/v1/customers", q="zoe")) == []
    rows = world.store._items._partitions.get(f"M#acme#R#{bought.customer}", {})  # type: ignore[attr-defined]
    assert not [sk for sk in rows if "WORD" in sk]


@pytest.mark.parametrize("typed", ["a", "", "- -", "x" * 101, "a\tb"])
def test_a_search_for_less_than_two_letters_is_refused(shop: Shop, typed: str) -> None:
    refused = shop.api.get("/v1/customers", q=typed)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "q")


@pytest.mark.spec("M-1")
def test_lists_say_that_they_are_incomplete_until_what_was_sold_before_is_indexed(
    shop: Shop,
) -> None:
    made = bought(shop, 2)
    one = shop.api.get(f"/v1/subscriptions/{made[0]}").json
    waiting = [
        ("/v1/subscriptions", {"state": "active"}),
        ("/v1/subscriptions", {"product": one["product"]}),
        ("/v1/subscriptions", {"price_point": one["price_point"]}),
        ("/v1/customers", {}),
        ("/v1/customers", {"q": "buyer"}),
    ]
    whole = [
        ("/v1/subscriptions", {}),
        ("/v1/subscriptions", {"customer": one["customer"], "state": "active"}),
        ("/v1/customers", {"email": "buyer0@example.com"}),
        ("/v1/invoices", {}),
        ("/v1/orders", {}),
    ]
    for address, query in waiting:
        assert shop.api.get(address, **query).json["incomplete"] is True, (address, query)
    for address, query in whole:
        assert set(shop.api.get(address, **query).json) == {"data", "next"}, (address, query)
    index_lists.start_all(shop.world.ports, now=shop.world.now)
    shop.world.advance(minutes=5)
    for address, query in waiting:
        assert set(shop.api.get(address, **query).json) == {"data", "next"}, (address, query)


@pytest.mark.spec("M-1", "M-5")
def test_subscriptions_that_changed_are_listed_once_oldest_change_first(shop: Shop) -> None:
    world = shop.world
    began = shop.api.get("/v1/subscriptions", updated_since="2026-01-01").json
    assert (began["data"], began["incomplete"]) == ([], True), "the question begins the log"
    world.advance(hours=1)
    for n in range(3):
        world.buy(name=f"Buyer{n}", email=f"changed{n}@example.com")
    world.advance(minutes=5)
    since = world.now
    ids = [world.subscription(f"changed{n}@example.com").id for n in range(3)]
    shop.api.post(f"/v1/subscriptions/{ids[1]}/pause", {})
    shop.api.post(f"/v1/subscriptions/{ids[0]}/cancel", {"when": "now"})
    world.work()
    world.advance(minutes=5)

    def listed(**query: str) -> list[str]:
        page = shop.api.get("/v1/subscriptions", **query).json
        assert "incomplete" not in page
        found = [each["id"] for each in page["data"]]
        if page["next"] is not None:
            found += listed(**{**query, "cursor": page["next"]})
        return found

    asked = {"updated_since": since.isoformat()}
    assert listed(**asked) == [ids[1], ids[0]]
    assert listed(**asked, limit="1") == [ids[1], ids[0]]
    assert listed(**asked, state="paused") == [ids[1]]
    assert listed(updated_since=world.now.isoformat()) == []


@pytest.mark.spec("M-1")
@pytest.mark.parametrize("bad", ["yesterday", "1969-01-01", "2026-13-01", ""])
def test_an_instant_of_no_calendar_is_refused(shop: Shop, bad: str) -> None:
    answer = shop.api.get("/v1/subscriptions", updated_since=bad)
    assert (answer.status, answer.json["field"]) == (422, "updated_since")


@pytest.mark.spec("M-1", "M-3")
def test_a_cursor_of_changes_goes_with_no_other_question(shop: Shop) -> None:
    world = shop.world
    shop.api.get("/v1/subscriptions", updated_since="2026-01-01")
    world.advance(hours=1)
    for n in range(3):
        world.buy(name=f"Buyer{n}", email=f"changed{n}@example.com")
    world.advance(minutes=5)
    page = shop.api.get("/v1/subscriptions", updated_since="2026-01-02", limit="1").json
    cursor = page["next"]
    for query in ({"updated_since": "2026-01-03"}, {"state": "active"}, {}):
        answer = shop.api.get("/v1/subscriptions", cursor=cursor, **query)
        assert (answer.status, answer.json["field"]) == (422, "cursor")
