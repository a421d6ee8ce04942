"""The console's pages: the transaction list, and a page per customer."""

from __future__ import annotations

import pytest

from billing.kernel.merchants import Settings
from tests.render.html import read
from tests.web.calls import Answer, Client
from tests.web.shop import Shop, signed_in
from tests.world import World


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def browser(shop: Shop) -> Client:
    """A browser that is signed in."""
    return signed_in(shop)


def rows(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    tables = read(answer.body).all("tbody")
    return [row.text for row in tables[0].all("tr")] if tables else []


@pytest.mark.spec("M-1")
def test_the_list_shows_every_order_newest_first_with_its_customer(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.buy(email="bob@example.com", payment_method="pm_card_chargeDeclined")
    shop.world.advance(days=30)
    browser = signed_in(shop)
    answer = browser.browse("GET", "/console/transactions")
    first, *others = rows(answer)
    assert first.startswith("Feb 28, 2026, 10:00 AM")
    for words in ("Rebill", "Test", "Course", "ann@example.com", "$29.99"):
        assert words in first
    assert sorted(kind for row in others for kind in ("Failed", "Sale") if kind in row) == [
        "Failed",
        "Sale",
    ]
    page = read(answer.body)
    address = f"/console/customers/{bought.customer}"
    assert len([a for a in page.all("a") if a.attributes["href"] == address]) == 2


@pytest.mark.spec("M-1")
def test_the_list_is_filtered_by_kind_and_by_local_days(shop: Shop) -> None:
    shop.world.buy()
    shop.world.advance(days=70)
    browser = signed_in(shop)
    assert len(rows(browser.browse("GET", "/console/transactions?kind=rebill&q=&from=&to="))) == 2
    assert len(rows(browser.browse("GET", "/console/transactions?kind=sale"))) == 1
    assert (
        len(rows(browser.browse("GET", "/console/transactions?from=2026-02-28&to=2026-02-28"))) == 1
    )
    nothing = browser.browse("GET", "/console/transactions?kind=refund")
    assert rows(nothing) == []
    assert "No transactions match" in nothing.body


@pytest.mark.spec("H-6", "M-1")
def test_an_order_a_customer_and_a_subscription_are_found(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.buy(email="bob@example.com")
    shop.world.advance(days=30)
    browser = signed_in(shop)
    order_id = bought.invoice.order_id
    typed = order_id.replace("-", "").lower()
    (row,) = rows(browser.browse("GET", f"/console/transactions?q={typed}"))
    assert order_id in row
    assert len(rows(browser.browse("GET", "/console/transactions?q=+Ann@example.com"))) == 2
    assert len(rows(browser.browse("GET", f"/console/transactions?q={bought.purchase}"))) == 2
    assert (
        len(rows(browser.browse("GET", f"/console/transactions?q={bought.purchase}&kind=sale")))
        == 1
    )
    missed = browser.browse("GET", "/console/transactions?q=carl@example.com")
    assert rows(missed) == []
    assert "used another one at checkout" in missed.body


@pytest.mark.parametrize(
    "query", ["from=x", "to=2026-02-30", "kind=gift", "cursor=x", "limit=5", f"q={'x' * 300}"]
)
def test_a_wrong_filter_comes_back_with_what_is_wrong(browser: Client, query: str) -> None:
    answer = browser.browse("GET", f"/console/transactions?{query}")
    assert answer.status == 422
    assert "pattern" not in read(answer.body).one("div", role="alert").text


def test_pages_follow_one_another_and_keep_the_filter() -> None:
    shop = Shop(World(limits=False))
    browser = signed_in(shop)
    for n in range(60):
        shop.world.buy(email=f"c{n}@example.com")
    first = browser.browse("GET", "/console/transactions?kind=sale")
    assert len(rows(first)) == 50
    links = {a.text: str(a.attributes["href"]) for a in read(first.body).all("a")}
    second = browser.browse("GET", links["Older"])
    assert len(rows(second)) == 10
    links = {a.text: str(a.attributes["href"]) for a in read(second.body).all("a")}
    assert "Older" not in links
    assert links["Newest"] == "/console/transactions?kind=sale"


def test_an_empty_account_says_so(browser: Client) -> None:
    assert "No transactions yet" in browser.browse("GET", "/console/transactions").body


@pytest.mark.spec("H-6", "M-1")
def test_a_customers_page_has_everything_of_theirs(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.advance(days=30)
    browser = signed_in(shop)
    answer = browser.browse("GET", f"/console/customers/{bought.customer}")
    assert answer.status == 200
    page = read(answer.body)
    for words in (
        "Ann Example",
        "ann@example.com",
        "1 Main Street",
        "Visa •••• 4242",
        "Active",
        "Mar 31, 2026, 10:00 AM",
        "$29.99 every month",
        bought.invoice.order_id,
        "TEST-000001",
        "course",
        "Open",
        "Test mode",
    ):
        assert words in page.text, words


@pytest.mark.parametrize("customer", ["unknown", "x" * 3000, "a b"])
def test_an_unknown_customer_is_a_page_that_says_so(browser: Client, customer: str) -> None:
    answer = browser.browse("GET", f"/console/customers/{customer}")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_nobody_sees_another_merchants_pages(shop: Shop, browser: Client) -> None:
    bought = shop.world.buy()
    rival, nobody = signed_in(shop, "rival"), Client(shop.console)
    addresses = {
        "/console/transactions": 200,
        f"/console/transactions?q={bought.invoice.order_id}": 200,
        "/console/transactions?q=ann@example.com": 200,
        f"/console/transactions?q={bought.purchase}": 200,
        f"/console/customers/{bought.customer}": 404,
    }
    for address, status in addresses.items():
        assert "ann@example.com" in browser.browse("GET", address).body
        theirs = rival.browse("GET", address)
        assert theirs.status == status
        assert bought.customer not in theirs.body
        assert bought.invoice.id not in theirs.body
        assert nobody.browse("GET", address).status == 401


def test_what_people_typed_is_shown_as_text(shop: Shop, browser: Client) -> None:
    bought = shop.world.buy(name="<b>Bob</b>")
    page = browser.browse("GET", f"/console/customers/{bought.customer}").body
    assert "<b>Bob" not in page
    assert "&lt;b&gt;Bob" in page
    assert "<script" not in browser.browse("GET", "/console/transactions?q=%3Cscript%3E").body


@pytest.mark.spec("M-4")
def test_the_console_is_whole_in_english_whatever_its_customers_read(shop: Shop) -> None:
    shop.world.change_merchant(settings=Settings(language="de"))
    shop.world.buy()
    page = read(signed_in(shop).browse("GET", "/console/transactions").body)
    assert page.one("html").attributes["lang"] == "en"
    assert "Sale" in page.text and "$29.99" in page.text


@pytest.mark.spec("M-4")
def test_a_customers_page_names_its_reader_as_signed_in(shop: Shop) -> None:
    bought = shop.world.buy()
    page = read(signed_in(shop).browse("GET", f"/console/customers/{bought.customer}").body)
    assert "Signed in as ann@example.com" not in page.text
    assert f"Signed in as {shop.world.merchant.email}" in page.text


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/console/customers/cus_none", 404),
        ("/console/orders/none/refund", 404),
        ("/console/nowhere", 404),
    ],
)
def test_an_error_in_the_console_keeps_the_consoles_look_and_ways(
    browser: Client, address: str, status: int
) -> None:
    answer = browser.browse("GET", address)
    page = read(answer.body)
    assert answer.status == status
    assert "Acme Courses" in page.one("header").text
    assert {"/console", "/console/tickets"} <= {a.attributes["href"] for a in page.all("a")}


@pytest.mark.spec("M-4")
def test_an_error_of_somebody_who_is_not_signed_in_names_no_merchant(shop: Shop) -> None:
    answer = Client(shop.console).browse("GET", "/console/customers/cus_none")
    assert answer.status == 401
    assert "Acme Courses" not in answer.body
