"""Orders, subscriptions, customers and access over /v1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from tests.web.shop import Shop

ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))
WEEKLY = PriceTerms(PriceType.RECURRING, Money(700, Currency.USD), Period.WEEKLY)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def ids(answer: Any) -> list[str]:
    return [entry["id"] for entry in answer.json["data"]]


def all_pages(shop: Shop, **query: str) -> list[dict[str, Any]]:
    """Every entry, and no page longer or emptier than it may be."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(1000):
        page = shop.api.get("/v1/orders", **query, **cursor).json
        assert len(page["data"]) <= int(query.get("limit", "50"))
        found += page["data"]
        if page["next"] is None:
            return found
        assert len(page["data"]) == int(query.get("limit", "50")), "a page is filled"
        cursor = {"cursor": page["next"]}
    raise AssertionError("a list without end")


def test_an_order_is_shown_with_all_that_the_contract_names(shop: Shop) -> None:
    bought = shop.world.buy()
    (order,) = shop.api.get("/v1/orders").json["data"]
    assert order == {
        "id": bought.invoice.order_id,
        "kind": "sale",
        "at": "2026-01-31T15:00:00Z",
        "amount": {"amount": 2999, "currency": "USD"},
        "customer": bought.customer,
        "email": "ann@example.com",
        "subscription": bought.purchase,
        "invoice": bought.invoice.id,
        "product": bought.product,
        "product_name": "Course",
        "price_point": bought.price_point,
        "refunded": 0,
        "code": None,
        "source": None,
        "reason": None,
        "comment": None,
        "ends_at": None,
        "withdrawn": False,
        "client_reference": None,
        "metadata": {},
        "test": True,
    }
    assert shop.api.get(f"/v1/orders/{order['id']}").json == order


@pytest.mark.spec("C-4")
def test_what_a_stranger_failed_to_buy_is_in_the_list(shop: Shop) -> None:
    shop.world.buy(payment_method="pm_card_chargeDeclined")
    (order,) = shop.api.get("/v1/orders").json["data"]
    assert (order["kind"], order["customer"]) == ("failed", None)
    assert shop.api.get(f"/v1/orders/{order['id']}").json == order


def test_orders_come_newest_first_over_months_and_pages(shop: Shop) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    shop.world.advance(days=100)
    orders = all_pages(shop, limit="4")
    assert len(orders) == 15
    assert [o["at"] for o in orders] == sorted((o["at"] for o in orders), reverse=True)
    assert len({o["id"] for o in orders}) == 15


@pytest.mark.parametrize("limit", ["1", "2", "3", "50"])
def test_a_kind_is_filtered_over_pages_that_are_full(shop: Shop, limit: str) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    shop.world.advance(days=60)
    for n in range(5):
        shop.world.buy(email=f"c{n}@example.com")
    everything = all_pages(shop)
    for kind in ("sale", "rebill", "failed"):
        wanted = [o["id"] for o in everything if o["kind"] == kind]
        assert [o["id"] for o in all_pages(shop, kind=kind, limit=limit)] == wanted


def test_new_orders_do_not_move_a_filtered_page(shop: Shop) -> None:
    shop.world.buy(shop.world.product(WEEKLY))
    shop.world.advance(days=30)
    first = shop.api.get("/v1/orders", kind="rebill", limit="2").json
    rest = shop.api.get("/v1/orders", kind="rebill", limit="50", cursor=first["next"])
    before = ids(rest)
    shop.world.advance(days=30)
    again = shop.api.get("/v1/orders", kind="rebill", limit="50", cursor=first["next"])
    assert ids(again) == before


def test_orders_are_filtered_by_customer_and_by_subscription(shop: Shop) -> None:
    first, second = shop.world.buy(), shop.world.buy(email="bob@example.com")
    third = shop.world.buy(shop.world.product(ONCE), email="bob@example.com")
    shop.world.advance(days=30)
    of_bob = shop.api.get("/v1/orders", customer=second.customer)
    assert {o["customer"] for o in of_bob.json["data"]} == {second.customer}
    assert third.invoice.order_id in ids(of_bob)
    assert len(of_bob.json["data"]) == 3
    of_first = shop.api.get("/v1/orders", subscription=first.purchase)
    assert {o["subscription"] for o in of_first.json["data"]} == {first.purchase}
    assert [o["kind"] for o in of_first.json["data"]] == ["rebill", "sale"]
    one = all_pages(shop, customer=second.customer, limit="1")
    assert [o["id"] for o in one] == ids(of_bob)
    sales = shop.api.get("/v1/orders", customer=second.customer, kind="sale")
    assert {o["kind"] for o in sales.json["data"]} == {"sale"}
    neither = shop.api.get("/v1/orders", customer=second.customer, subscription=first.purchase)
    assert neither.json["data"] == []


def test_orders_are_filtered_by_time(shop: Shop) -> None:
    shop.world.buy()
    shop.world.advance(days=70)
    february, march = "2026-02-28T15:00:00Z", "2026-03-31T14:00:00Z"
    at = lambda **query: [o["at"] for o in shop.api.get("/v1/orders", **query).json["data"]]  # noqa: E731
    assert at(**{"from": february}) == [march, february]
    assert at(**{"from": "2026-02-28T15:00:01Z"}) == [march]
    assert at(to=march) == [february, "2026-01-31T15:00:00Z"]
    assert at(**{"from": "2026-02-28", "to": "2026-02-28"}) == [february]
    assert at(**{"from": "2026-02-28T10:00:00-05:00", "to": "2026-02-28T10:00:01-05:00"}) == [
        february
    ]
    assert at(**{"from": "2026-03-01", "to": "2026-02-01"}) == []
    assert at(**{"from": "1970-01-01", "to": "2100-12-31"})[-1] == "2026-01-31T15:00:00Z"


def test_a_plus_that_was_not_escaped_in_a_query_is_still_an_offset(shop: Shop) -> None:
    shop.world.buy()
    answer = shop.api.call("GET", "/v1/orders?from=2026-01-31T16:00:00+01:00")
    assert len(answer.json["data"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"kind": "gift"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "1969-12-31"}, "to"),
        ({"to": "20260131T10"}, "to"),
        ({"to": "9999-12-31T23:59:59-23:59"}, "to"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": "garbage", "kind": "sale"}, "cursor"),
        ({"cursor": "\x00"}, "cursor"),
        ({"customer": "a#b"}, "customer"),
        ({"customer": "x" * 5000}, "customer"),
        ({"subscription": ""}, "subscription"),
        ({"costumer": "x"}, "costumer"),
    ],
)
def test_a_wrong_filter_is_422_naming_it(shop: Shop, query: dict[str, str], field: str) -> None:
    answer = shop.api.get("/v1/orders", **query)
    assert answer.status == 422
    assert field in answer.fields


def test_a_filter_that_is_given_twice_is_422(shop: Shop) -> None:
    answer = shop.api.call("GET", "/v1/orders?kind=sale&kind=rebill")
    assert (answer.status, answer.fields) == (422, ["kind"])


def test_a_cursor_of_another_list_is_422(shop: Shop) -> None:
    shop.world.buy()
    shop.world.buy(email="bob@example.com")
    cursor = shop.api.get("/v1/orders", limit="1").json["next"]
    customer = shop.world.history().orders[0].customer
    assert customer is not None
    answer = shop.api.get("/v1/orders", customer=customer, cursor=cursor)
    assert (answer.status, answer.fields) == (422, ["cursor"])
    product = shop.api.get("/v1/products", cursor=cursor)
    assert (product.status, product.fields) == (422, ["cursor"])


def test_an_empty_account_answers_at_once(shop: Shop) -> None:
    assert shop.api.get("/v1/orders").json == {"data": [], "next": None}
    assert shop.api.get("/v1/orders", kind="sale").json == {"data": [], "next": None}


def test_a_subscription_shows_state_and_schedule(shop: Shop) -> None:
    bought = shop.world.buy()
    address = f"/v1/subscriptions/{bought.purchase}"
    shown = shop.api.get(address).json
    assert shown["id"] == bought.purchase
    assert (shown["state"], shown["payments_made"]) == ("active", 1)
    assert shown["next_charge_at"] == "2026-02-28T15:00:00Z"
    assert (shown["ends_at"], shown["dispute"]) == (None, None)
    assert shown["price_point"] == bought.price_point
    shop.world.advance(days=30)
    later = shop.api.get(address).json
    assert (later["payments_made"], later["next_charge_at"]) == (2, "2026-03-31T14:00:00Z")


@pytest.mark.spec("H-6")
def test_a_customer_is_found_by_any_spelling_of_the_email_with_orders_and_access(
    shop: Shop,
) -> None:
    bought = shop.world.buy(shop.world.product(grants=("course", "forum")))
    shop.world.advance(days=30)
    assert shop.api.get("/v1/customers", email="nobody@example.com").json["data"] == []
    (found,) = shop.api.get("/v1/customers", email=" ANN@Example.com ").json["data"]
    customer = shop.api.get(f"/v1/customers/{found['id']}").json
    assert customer["email"] == "ann@example.com"
    assert [o["kind"] for o in customer["orders"]] == ["rebill", "sale"]
    assert bought.invoice.order_id in [o["id"] for o in customer["orders"]]
    assert customer["access"] == [
        {"grant": grant, "active": True, "until": None, "from": [bought.purchase]}
        for grant in ("course", "forum")
    ]
    assert [s["id"] for s in customer["subscriptions"]] == [bought.purchase]
    assert customer["payment_methods"][0]["last4"] == "4242"
    assert "token" not in str(customer)


@pytest.mark.spec("C-3")
def test_access_is_asked_by_email_and_grant(shop: Shop) -> None:
    shop.world.buy(shop.world.product(ONCE))
    ask = lambda email, grant: shop.api.get("/v1/access", email=email, grant=grant).json  # noqa: E731
    assert ask("ann@example.com", "course") == {"active": True}
    assert ask("Ann@Example.com", "course") == {"active": True}
    assert ask("ann@example.com", "other") == {"active": False}
    assert ask("bob@example.com", "course") == {"active": False}


@pytest.mark.parametrize(
    ("address", "query", "field"),
    [
        ("/v1/customers", {"email": "ann"}, "email"),
        ("/v1/customers", {"email": "ann@example.com\nbcc: x@y.z"}, "email"),
        ("/v1/customers", {"email": "a" * 300 + "@example.com"}, "email"),
        ("/v1/access", {"email": "ann@example.com"}, "grant"),
        ("/v1/access", {"grant": "course"}, "email"),
        ("/v1/access", {"email": "ann@example.com", "grant": "a#b"}, "grant"),
        ("/v1/access", {"email": "ann@example.com", "grant": ""}, "grant"),
    ],
)
def test_a_wrong_question_is_422(
    shop: Shop, address: str, query: dict[str, str], field: str
) -> None:
    answer = shop.api.get(address, **query)
    assert (answer.status, answer.fields) == (422, [field])


@pytest.mark.parametrize("name", ["unknown", "x" * 3000, "%23", "a b", "café"])
@pytest.mark.parametrize("kind", ["orders", "subscriptions", "customers"])
def test_what_does_not_exist_is_404(shop: Shop, kind: str, name: str) -> None:
    assert shop.api.call("GET", f"/v1/{kind}/{name}").status == 404


def test_an_unknown_customer_or_subscription_in_a_filter_is_404(shop: Shop) -> None:
    assert shop.api.get("/v1/orders", customer="cus_unknown").status == 404
    assert shop.api.get("/v1/orders", subscription="sub_unknown").status == 404


def test_the_list_ends_with_the_merchants_own_beginning(shop: Shop) -> None:
    """A span is cut to the account's life, for each month asked for costs a query."""
    shop.world.now = datetime(2027, 1, 1, tzinfo=UTC)
    shop.world.buy()
    shop.world.now += timedelta(hours=1)
    assert len(all_pages(shop, **{"from": "1970-01-01", "to": "2100-01-01"})) == 1


def test_a_list_is_narrowed_to_a_fraction_of_a_second(shop: Shop) -> None:
    shop.world.buy()  # at 15:00:00
    assert len(ids(shop.api.get("/v1/orders", **{"from": "2026-01-31T14:59:59.999Z"}))) == 1
    assert len(ids(shop.api.get("/v1/orders", **{"from": "2026-01-31T15:00:00.001Z"}))) == 0
    assert shop.api.get("/v1/orders", **{"from": "2026-01-31T15:00:00.Z"}).status == 422
