"""A customer with more payments than a page shows: pages, and what may be done about old ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.api.flows import keys
from billing.customers.flows.customer_view import PAYMENTS_SHOWN
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.merchants import ApiKey, SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.writes import Insert
from functions.merchant import app as merchant_app
from tests.long_payer import WEEKLY, renewed
from tests.portal.visitors import Shop, Visitor
from tests.web.calls import Client

PAID = 70
ONCE = PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))
ORDER_ID = re.compile(r'<td class="code small quiet">([0-9A-Z-]+)</td>')
OLDER = re.compile(r'href="([^"]+before=[^"]+)"')


@pytest.fixture
def shop() -> Shop:
    """Somebody who paid once, and then weekly for more than a year."""
    shop = Shop()
    shop.set(self_refund=SelfService.AUTOMATIC)
    shop.world.buy(shop.world.product(ONCE, name="Poster", refund_days=3000))
    shop.world.now += timedelta(hours=1)
    shop.world.buy(shop.world.product(WEEKLY, name="Weekly", refund_days=3000))
    shop.world.advance(days=7 * (PAID - 1))
    return shop


def page(visitor: Visitor, address: str = "/portal/acme") -> tuple[list[str], str | None, str]:
    """The Order IDs of a page, the address of the next one, and the page."""
    answer = visitor.browse("GET", address.replace("&amp;", "&"))
    assert answer.status == 200, answer.body[-500:]
    older = OLDER.search(answer.body)
    return ORDER_ID.findall(answer.body), older and older[1], answer.body


def all_pages(visitor: Visitor) -> list[list[str]]:
    pages, address = [], "/portal/acme"
    while address is not None:
        found, following, _ = page(visitor, address)
        pages.append(found)
        assert following != address
        address = following or None  # type: ignore[assignment]
    return pages


@pytest.mark.spec("B-4")
def test_payments_come_fifty_at_a_time_and_each_of_them_once(shop: Shop) -> None:
    visitor = shop.signed_in()
    pages = all_pages(visitor)
    # A purchase's one entry needs no details: the poster's is on the second page, which shows all.
    assert [len(found) for found in pages] == [PAYMENTS_SHOWN, PAID + 1 - PAYMENTS_SHOWN]
    shown = [order for found in pages for order in found]
    assert shown[:PAYMENTS_SHOWN] == [o.id for o in reversed(shop.world.orders())][:PAYMENTS_SHOWN]
    assert sorted(shown) == sorted(order.id for order in shop.world.orders())


@pytest.mark.spec("B-4", "B-11")
def test_each_page_says_that_there_are_others(shop: Shop) -> None:
    visitor = shop.signed_in()
    _, older, first = page(visitor)
    assert older is not None
    assert "The 50 most recent entries are shown here." in first
    assert "Weekly" in first and "Poster" not in first
    _, none, second = page(visitor, older)
    assert none is None
    assert "<h1>Older payments</h1>" in second and "Newest payments" in second
    assert "Poster" in second
    assert "/subscriptions/" in second, "what can be done about it can be done here too"


@pytest.mark.spec("B-4")
def test_a_payment_that_arrives_while_somebody_pages_loses_none(shop: Shop) -> None:
    visitor = shop.signed_in()
    before = {order.id for order in shop.world.orders()}
    first, older, _ = page(visitor)
    assert older is not None
    shop.world.advance(days=8)
    second, _, _ = page(shop.signed_in(), older)
    assert {*first, *second} == before
    assert not set(first) & set(second)
    assert len(shop.world.orders()) == PAID + 2


@pytest.mark.spec("B-4")
@pytest.mark.parametrize("cursor", ["made-up", "", "%00", "x" * 3000])
def test_a_place_of_no_list_of_theirs_leads_to_the_first_page(shop: Shop, cursor: str) -> None:
    answer = shop.signed_in().browse("GET", f"/portal/acme?before={cursor}")
    assert answer.status == (303 if cursor else 200)
    assert answer.headers.get("location") == ("/portal/acme" if cursor else None)


@pytest.mark.spec("B-4", "B-3")
def test_a_place_in_somebody_elses_list_leads_to_ones_own(shop: Shop) -> None:
    _, older, _ = page(shop.signed_in())
    shop.world.buy(email="bob@example.com")
    assert older is not None
    assert shop.signed_in("bob@example.com").browse("GET", older).status == 303


def by_portal(shop: Shop, order: str) -> None:
    visitor = shop.signed_in()
    assert "Refund" in visitor.see(f"/orders/{order}/refund").text
    visitor.follow(visitor.post(f"/orders/{order}/refund"))


def by_api(shop: Shop, order: str) -> None:
    answer = api(shop).post(f"/v1/orders/{order}/refund", {})
    assert answer.status == 201, answer.body


def api(shop: Shop) -> Client:
    store = shop.world.store
    if store.api_key(keys.digest("sk_old")) is None:
        store.commit(Insert(ApiKey("key_1", keys.digest("sk_old"), "acme", shop.world.now)))
    return Client(merchant_app.build(shop.world.ports), "sk_old")


@pytest.mark.spec("B-7")
@pytest.mark.parametrize("refund", [by_portal, by_api])
@pytest.mark.parametrize("place", [0, 1, 5])
def test_an_old_payment_is_refunded_by_its_order_id(
    shop: Shop, refund: Callable[[Shop, str], None], place: int
) -> None:
    paid = shop.world.orders()[place]
    first, _, _ = page(shop.signed_in())
    assert paid.id not in first
    refund(shop, paid.id)
    made = [order for order in shop.world.orders() if order.kind is OrderKind.REFUND]
    assert [(order.invoice, order.amount) for order in made] == [(paid.invoice, paid.amount)]
    refunded = [charge for charge in shop.world.charges() if charge["refunded"]]
    assert [charge["invoice"] for charge in refunded] == [paid.invoice]


@pytest.mark.spec("B-5")
def test_the_invoice_of_an_old_payment_is_there_by_its_id_and_its_order_id(shop: Shop) -> None:
    paid = shop.world.orders()[1]
    visitor = shop.signed_in()
    for reference in (paid.invoice, paid.id):
        answer = visitor.browse("GET", f"/portal/acme/invoices/{reference}/invoice.pdf")
        assert answer.status == 200
    other = shop.world.buy(email="bob@example.com").invoice
    for reference in (other.id, other.order_id, "sub_1.0001", "x"):
        assert visitor.browse("GET", f"/portal/acme/invoices/{reference}/invoice.pdf").status == 404


@pytest.mark.spec("B-6", "X-5", "X-7")
def test_it_is_cancelled_from_any_page_and_its_reference_is_found(shop: Shop) -> None:
    visitor = shop.signed_in()
    subscription = shop.world.subscription().id
    ended = visitor.follow(visitor.post(f"/subscriptions/{subscription}/cancel"))
    made = [o for o in shop.world.orders() if o.kind is OrderKind.CANCELLATION]
    assert [order.id for order in made if order.id in ended.text] == [made[0].id]
    shop.world.advance(days=30)
    assert made[0].id in shop.signed_in().see(f"/subscriptions/{subscription}/ending").text


@pytest.mark.spec("M-1", "M-7")
def test_the_api_lists_all_of_it_page_by_page(shop: Shop) -> None:
    client, world = api(shop), shop.world
    customer = world.subscription().customer
    everything = [order.id for order in reversed(world.orders())]
    overview = client.get(f"/v1/customers/{customer}").json
    assert [order["id"] for order in overview["orders"]] == everything[:PAYMENTS_SHOWN]
    listed = client.get(f"/v1/orders?customer={customer}&cursor={overview['orders_next']}").json
    assert [order["id"] for order in listed["data"]] == everything[PAYMENTS_SHOWN:]
    assert listed["next"] is None
    for address in (
        f"/v1/orders?customer={customer}&limit=30",
        f"/v1/orders?subscription={world.subscription().id}&limit=30",
        f"/v1/orders?customer={customer}&kind=rebill&limit=30",
        f"/v1/invoices?customer={customer}&limit=30",
    ):
        found, cursor = [], ""
        while cursor is not None:
            answer = client.get(f"{address}{cursor and f'&cursor={cursor}'}").json
            found += [each.get("order") or each["id"] for each in answer["data"]]
            cursor = answer["next"]
        wanted = [
            order.id
            for order in reversed(world.orders())
            if (order.subscription or "subscription" not in address)
            and (order.kind is OrderKind.REBILL or "kind" not in address)
        ]
        assert found == wanted, address


@pytest.mark.spec("C-2")
def test_a_repeat_is_noticed_among_many_payments_of_a_day() -> None:
    shop = Shop()
    world = shop.world
    world.buy(world.product(WEEKLY))
    renewed(world, 30)
    poster = world.product(ONCE, name="Poster")
    world.buy(poster)
    renewals = world.subscription()
    assert renewals.seq == 31
    with pytest.raises(Exception, match="already_purchased"):
        world.submit(poster.default_price_point, world.submission())
    world.now += timedelta(days=1)
    assert world.submit(poster.default_price_point, world.submission()).purchase
