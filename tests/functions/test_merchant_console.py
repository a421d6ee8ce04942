"""The console: signing in and out, the transaction list, a page per customer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.web import session
from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.web.shop import Shop
from tests.world import World

COOKIE = "__Host-console"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def link(shop: Shop, merchant: str = "acme") -> str:
    return session.console_link(shop.world.ports, merchant, "", shop.world.now)


def signed_in(shop: Shop, merchant: str = "acme") -> Client:
    """A browser that signed in now."""
    client = Client(shop.resolver)
    assert client.browse("POST", link(shop, merchant), {}).status == 303
    return client


@pytest.fixture
def browser(shop: Shop) -> Client:
    """A browser that is signed in."""
    return signed_in(shop)


def rows(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    tables = read(answer.body).all("tbody")
    return [row.text for row in tables[0].all("tr")] if tables else []


def hidden(page: Element, name: str) -> str:
    return str(page.one("input", name=name).attributes["value"])


def test_a_link_signs_in_once_and_only_when_its_button_is_pressed(shop: Shop) -> None:
    address, client = link(shop), Client(shop.resolver)
    for _ in range(3):  # a mail scanner follows links
        seen = client.browse("GET", address)
        assert seen.status == 200
        assert not seen.cookies
    assert read(seen.body).one("form", method="post")
    signed_in = client.browse("POST", address, {})
    assert (signed_in.status, signed_in.headers["location"]) == (303, "/console")
    assert client.browse("GET", "/console").status == 200
    second = Client(shop.resolver)
    assert second.browse("GET", address).status == 401
    assert second.browse("POST", address, {}).status == 401
    assert second.browse("GET", "/console").status == 401


def test_the_cookie_is_for_this_host_only_and_hidden_from_scripts(shop: Shop) -> None:
    answer = Client(shop.resolver).browse("POST", link(shop), {})
    (cookie,) = answer.cookies
    name, *attributes = cookie.split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert not [a for a in attributes if a.startswith("Domain")]


def test_on_a_laptops_plain_http_the_cookie_is_one_that_is_kept(shop: Shop) -> None:
    client = Client(shop.resolver)
    answer = client.browse("POST", link(shop), {}, x_forwarded_proto="http")
    assert answer.cookies[0].startswith("console=")
    assert "Secure" not in answer.cookies[0]
    assert client.browse("GET", "/console", x_forwarded_proto="http").status == 200
    assert client.browse("GET", "/console").status == 401


def test_a_link_is_good_for_fifteen_minutes(shop: Shop) -> None:
    address, client = link(shop), Client(shop.resolver)
    shop.world.now += timedelta(minutes=15)
    assert client.browse("GET", address).status == 401
    assert client.browse("POST", address, {}).status == 401


def test_a_session_ends_after_half_an_hour_without_use(shop: Shop, browser: Client) -> None:
    shop.world.now += timedelta(minutes=29)
    assert browser.browse("GET", "/console").status == 200
    shop.world.now += timedelta(minutes=29)
    assert browser.browse("GET", "/console").status == 200
    shop.world.now += timedelta(minutes=30)
    assert browser.browse("GET", "/console").status == 401


def test_a_session_ends_after_twelve_hours_of_use(shop: Shop, browser: Client) -> None:
    for _ in range(35):
        shop.world.now += timedelta(minutes=20)
        assert browser.browse("GET", "/console").status == 200
    shop.world.now += timedelta(minutes=20)
    assert browser.browse("GET", "/console").status == 401


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(
    shop: Shop, browser: Client
) -> None:
    copy = Client(shop.resolver, cookies=dict(browser.cookies))
    csrf = hidden(read(browser.browse("GET", "/console").body), "csrf")
    answer = browser.browse(
        "POST", "/console/sign-out", {"csrf": csrf}, sec_fetch_site="same-origin"
    )
    assert answer.status == 200
    assert not browser.cookies[COOKIE]
    assert copy.browse("GET", "/console").status == 401


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"csrf": "guess"}, {}),
        ({"csrf": "é"}, {}),
        ({"csrf": "right"}, {"sec_fetch_site": "cross-site"}),
        ({"csrf": "right"}, {"sec_fetch_site": "same-site"}),
        ({"csrf": "right"}, {"origin": "https://evil.example"}),
    ],
)
def test_a_form_from_elsewhere_does_nothing(
    browser: Client, form: dict[str, str], headers: dict[str, str]
) -> None:
    right = hidden(read(browser.browse("GET", "/console").body), "csrf")
    sent = {name: right if value == "right" else value for name, value in form.items()}
    assert browser.browse("POST", "/console/sign-out", sent, **headers).status == 403
    assert browser.browse("GET", "/console").status == 200


def test_the_button_pressed_from_another_site_does_not_sign_in(shop: Shop) -> None:
    address, client = link(shop), Client(shop.resolver)
    assert client.browse("POST", address, {}, sec_fetch_site="cross-site").status == 403
    assert client.browse("POST", address, {}, sec_fetch_site="same-origin").status == 303


@pytest.mark.parametrize("cookie", ["", "x", "' or 1=1", "é", "x" * 5000])
def test_a_made_up_cookie_is_signed_out_and_told_how_to_get_a_link(shop: Shop, cookie: str) -> None:
    client = Client(shop.resolver, cookies={COOKIE: cookie})
    answer = client.browse("GET", "/console")
    assert answer.status == 401
    assert "/v1/console-links" in read(answer.body).text


def test_tokens_are_kept_as_hashes_only(shop: Shop, browser: Client) -> None:
    address = link(shop)
    kept = repr(vars(shop.world.ports.ephemeral))
    assert address.rpartition("/")[2] not in kept
    assert browser.cookies[COOKIE] not in kept


def test_a_program_asks_for_a_link_with_its_key(shop: Shop) -> None:
    answer = shop.api.post("/v1/console-links")
    assert answer.status == 201
    assert answer.json["expires_at"] == "2026-01-31T15:15:00Z"
    path = answer.json["url"].removeprefix("https://pay.example.com")
    client = Client(shop.resolver)
    assert client.browse("POST", path, {}).status == 303
    assert "Acme Courses" in client.browse("GET", "/console").body


@pytest.mark.spec("M-1")
def test_the_list_shows_every_order_newest_first_with_its_customer(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.buy(email="bob@example.com", payment_method="pm_card_chargeDeclined")
    shop.world.advance(days=30)
    browser = signed_in(shop)
    answer = browser.browse("GET", "/console")
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
    assert len(rows(browser.browse("GET", "/console?kind=rebill&q=&from=&to="))) == 2
    assert len(rows(browser.browse("GET", "/console?kind=sale"))) == 1
    assert len(rows(browser.browse("GET", "/console?from=2026-02-28&to=2026-02-28"))) == 1
    nothing = browser.browse("GET", "/console?kind=refund")
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
    (row,) = rows(browser.browse("GET", f"/console?q={typed}"))
    assert order_id in row
    assert len(rows(browser.browse("GET", "/console?q=+Ann@example.com"))) == 2
    assert len(rows(browser.browse("GET", f"/console?q={bought.purchase}"))) == 2
    assert len(rows(browser.browse("GET", f"/console?q={bought.purchase}&kind=sale"))) == 1
    missed = browser.browse("GET", "/console?q=carl@example.com")
    assert rows(missed) == []
    assert "another one was used at checkout" in missed.body


@pytest.mark.parametrize(
    "query", ["from=x", "to=2026-02-30", "kind=gift", "cursor=x", "limit=5", f"q={'x' * 300}"]
)
def test_a_wrong_filter_comes_back_with_what_is_wrong(browser: Client, query: str) -> None:
    answer = browser.browse("GET", f"/console?{query}")
    assert answer.status == 422
    assert read(answer.body).one("div", role="alert")


def test_pages_follow_one_another_and_keep_the_filter() -> None:
    shop = Shop(World(limits=False))
    browser = signed_in(shop)
    for n in range(60):
        shop.world.buy(email=f"c{n}@example.com")
    first = browser.browse("GET", "/console?kind=sale")
    assert len(rows(first)) == 50
    links = {a.text: str(a.attributes["href"]) for a in read(first.body).all("a")}
    second = browser.browse("GET", links["Older"])
    assert len(rows(second)) == 10
    links = {a.text: str(a.attributes["href"]) for a in read(second.body).all("a")}
    assert "Older" not in links
    assert links["Newest"] == "/console?kind=sale"


def test_an_empty_account_says_so(browser: Client) -> None:
    assert "Nothing here yet" in browser.browse("GET", "/console").body


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
        "Visa ending in 4242",
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
    rival, nobody = signed_in(shop, "rival"), Client(shop.resolver)
    addresses = {
        "/console": 200,
        f"/console?q={bought.invoice.order_id}": 200,
        "/console?q=ann@example.com": 200,
        f"/console?q={bought.purchase}": 200,
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
    assert "<script" not in browser.browse("GET", "/console?q=%3Cscript%3E").body
