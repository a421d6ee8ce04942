"""The console's home page, its frame, and the search at the head of every page."""

from __future__ import annotations

from typing import Any

import pytest

from billing.console.flows import home
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.merchants import GatewayAccount
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.console.agent import Agent
from tests.rebill.test_forecast import TRIAL, usd
from tests.render.html import Element
from tests.web.calls import Client
from tests.web.shop import Shop, signed_in


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def steps(page: Element) -> dict[str, bool]:
    """The first steps by their titles, and whether each is done."""
    listed = page.one("main").all("ol")[0].all("li")
    return {item.one("strong").text: "Done" in item.text for item in listed}


@pytest.mark.spec("M-4")
def test_the_first_steps_are_ticked_off_as_they_are_taken(shop: Shop, agent: Agent) -> None:
    assert not any(steps(agent.look("/console")).values())
    agent.follow(agent.send("/console/portal"))
    agent.follow(agent.send("/console/tax/without"))
    shop.world.buy()
    shop.world.tick()
    done = [title for title, is_done in steps(agent.look("/console")).items() if is_done]
    assert done == [
        "Create a product",
        "Decide about tax",
        "Turn on the customer portal",
        "Make a test purchase",
    ]


@pytest.mark.spec("M-4", "W-3")
def test_test_and_live_are_told_apart_on_every_page(shop: Shop, agent: Agent) -> None:
    for address in ("/console", "/console/products", "/console/tickets"):
        assert "Test mode" in agent.look(address).one("header").text
    shop.world.change_merchant(gateway_accounts=(GatewayAccount("stripe", "acct_1"),))
    assert "Live" in agent.look("/console").one("header").text
    shop.world.change_merchant(gateway_accounts=(GatewayAccount("stripe", "acct_1_test"),))
    assert "Test mode" in agent.look("/console").one("header").text


@pytest.mark.spec("C-10")
def test_who_has_set_up_no_tax_is_told_until_they_confirm_it(shop: Shop, agent: Agent) -> None:
    told = "You sell without tax"
    assert told in agent.look("/console").one("main").text
    page = agent.follow(agent.send("/console/tax/without"))
    assert "You sell without tax." in page.text
    assert told not in agent.look("/console").one("main").text
    agent.follow(agent.send("/console/tax/registrations", country="GB"))
    assert told not in agent.look("/console").one("main").text


@pytest.mark.spec("M-4")
def test_today_is_counted_by_the_merchants_own_day(shop: Shop, agent: Agent) -> None:
    shop.world.buy()
    shop.world.buy(email="bob@example.com", payment_method="pm_card_chargeDeclined")
    text = Agent.of(shop).look("/console").one("main").text
    assert "Test payments $29.99" in text
    assert "Sales 1" in text and "Failed 1" in text
    shop.world.advance(days=1)
    assert "Sales 0" in Agent.of(shop).look("/console").one("main").text


@pytest.mark.spec("M-4")
def test_what_is_past_due_is_shown_with_the_way_to_it(shop: Shop) -> None:
    assert "Nothing is past due" in Agent.of(shop).look("/console").text
    shop.world.buy(shop.world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    shop.world.advance(days=15)
    page = Agent.of(shop).look("/console")
    assert "1 subscription past due" in page.text
    listed = Agent.of(shop).look("/console/subscriptions?state=past_due")
    assert "ann@example.com" in listed.text


def test_an_old_bookmark_of_the_list_leads_to_the_list(agent: Agent) -> None:
    answer = agent.client.browse("GET", "/console?kind=sale&from=2026-01-01")
    assert answer.status == 303
    assert answer.headers["location"] == "/console/transactions?kind=sale&from=2026-01-01"


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    ("address", "area"),
    [
        ("/console", "Home"),
        ("/console/products/new", "Products"),
        ("/console/customers", "Customers"),
        ("/console/subscriptions", "Subscriptions"),
        ("/console/transactions", "Transactions"),
        ("/console/invoices", "Invoices"),
        ("/console/tickets", "Tickets"),
        ("/console/attention", "Attention"),
        ("/console/tax", "Tax"),
        ("/console/gateways", "Gateways"),
        ("/console/keys", "API keys"),
        ("/console/settings", "Settings"),
    ],
)
def test_the_navigation_marks_where_one_is_and_links_only_what_is_there(
    agent: Agent, address: str, area: str
) -> None:
    page = agent.look(address)
    links = page.one("header").one("nav").all("a")
    marked = [link.text for link in links if "aria-current" in link.attributes]
    assert marked == [area]
    for link in links:
        agent.look(str(link.attributes["href"]))


@pytest.mark.spec("M-4")
def test_what_no_list_has_yet_says_what_to_do(agent: Agent) -> None:
    for address, words in {
        "products": "Create your first product",
        "customers": "No customers yet",
        "subscriptions": "No subscriptions yet",
        "invoices": "No invoices yet",
        "attention": "Nothing needs attention",
        "transactions": "No transactions yet",
    }.items():
        assert words in agent.look(f"/console/{address}").one("main").text


@pytest.fixture
def sold() -> tuple[Shop, Any]:
    shop = Shop()
    bought = shop.world.buy(name="Anna Lena Example")
    shop.world.buy(email="anders@example.com", name="Anders Olsen")
    shop.world.tick()
    return shop, bought


@pytest.mark.spec("H-6", "M-4")
def test_what_names_one_object_leads_to_its_page(sold: tuple[Shop, Any]) -> None:
    shop, bought = sold
    agent = Agent.of(shop)
    order = bought.invoice.order_id
    expected = {
        order: f"/console/orders/{order}",
        order.lower().replace("-", " "): f"/console/orders/{order}",
        " ANN@example.com ": f"/console/customers/{bought.customer}",
        bought.customer: f"/console/customers/{bought.customer}",
        bought.purchase: f"/console/subscriptions/{bought.purchase}",
        f"{bought.purchase}.1": f"/console/subscriptions/{bought.purchase}",
        bought.product: f"/console/products/{bought.product}",
    }
    for typed, address in expected.items():
        answer = agent.client.browse("GET", f"/console/search?q={typed.replace(' ', '+')}")
        assert (typed, answer.headers.get("location")) == (typed, address)
        agent.look(address)


@pytest.mark.spec("H-6", "M-4")
def test_a_one_time_purchase_leads_to_its_order(shop: Shop) -> None:
    once = PriceTerms(PriceType.ONE_TIME, usd(4900))
    bought = shop.world.buy(shop.world.product(once))
    shop.world.tick()
    agent = Agent.of(shop)
    assert bought.purchase.startswith("pur_")
    for typed in (bought.purchase, bought.invoice.id):
        answer = agent.client.browse("GET", f"/console/search?q={typed}")
        assert answer.headers["location"] == f"/console/orders/{bought.invoice.order_id}"


@pytest.mark.spec("M-1", "M-4")
def test_beginnings_of_words_find_customers_and_products(sold: tuple[Shop, Any]) -> None:
    shop, _ = sold
    agent = Agent.of(shop)
    text = agent.look("/console/search?q=and").one("main").text
    assert "Anders Olsen" in text and "Anna Lena" not in text
    both = agent.look("/console/search?q=an").one("main").text
    assert "Anders Olsen" in both and "Anna Lena" in both
    assert "Course" in agent.look("/console/search?q=cour").one("main").text
    assert "Nothing found" in agent.look("/console/search?q=olsenx").text


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    "typed",
    ["", "%3Cscript%3E", "x" * 3000, "%25", "a", "@", "_", "sub_", "K7M2Q-9XTRV-4H3P4", "..%2F"],
)
def test_whatever_is_sought_is_answered(agent: Agent, typed: str) -> None:
    answer = agent.client.browse("GET", f"/console/search?q={typed}")
    assert answer.status == 200
    assert "<script" not in answer.body


@pytest.mark.spec("M-3")
def test_a_search_finds_nothing_of_another_merchant(sold: tuple[Shop, Any]) -> None:
    shop, bought = sold
    rival = Agent.of(shop, "rival")
    for typed in (bought.invoice.order_id, "ann@example.com", bought.purchase, bought.product):
        page = rival.look(f"/console/search?q={typed}")
        assert "Nothing found" in page.text


@pytest.mark.spec("M-4")
def test_signed_out_there_is_no_page_and_the_way_in_is_told(shop: Shop) -> None:
    nobody = Client(shop.console)
    for page in ("", "/products", "/products/new", "/search?q=a", "/tax", "/customers", "/sign-in"):
        assert nobody.browse("GET", f"/console{page}").status == 401


def counting(name: str, ask: Any, asked: list[str]) -> Any:
    """A question to the store that is noted before it is asked."""

    def counted(*given: Any, **named: Any) -> Any:
        asked.append(name)
        return ask(*given, **named)

    return counted


@pytest.mark.spec("M-4")
def test_a_page_asks_the_store_little(sold: tuple[Shop, Any], monkeypatch: Any) -> None:
    """Besides the session: its merchant and its key."""
    shop, bought = sold
    client = signed_in(shop)
    asked: list[str] = []
    store = type(shop.world.store)
    for name in [n for n in dir(store) if not n.startswith("_")]:
        if callable(getattr(store, name)):
            monkeypatch.setattr(store, name, counting(name, getattr(store, name), asked))
    most = {
        "/console/products": 3,
        f"/console/products/{bought.product}": 3,
        "/console/customers": 3,
        "/console/subscriptions": 5,
        f"/console/subscriptions/{bought.purchase}": 5,
        f"/console/orders/{bought.invoice.order_id}": 5,
        "/console/tax": 4,
        "/console": 11,
    }
    for address, calls in most.items():
        asked.clear()
        assert client.browse("GET", address).status == 200
        assert len(asked) <= calls, (address, asked)


@pytest.mark.spec("M-4")
def test_the_home_page_asks_no_more_on_a_day_without_a_sale(shop: Shop, monkeypatch: Any) -> None:
    shop.world.buy()
    shop.world.advance(days=3)
    client, asked = signed_in(shop), list[str]()
    store = type(shop.world.store)
    for name in [n for n in dir(store) if not n.startswith("_")]:
        if callable(getattr(store, name)):
            monkeypatch.setattr(store, name, counting(name, getattr(store, name), asked))
    assert client.browse("GET", "/console").status == 200
    assert len(asked) <= 11, asked
    assert not {"customers", "subscriptions"} & set(asked)


@pytest.mark.spec("M-4")
def test_what_waits_and_what_is_disputed_is_counted(shop: Shop) -> None:
    shop.world.buy()
    shop.world.buy(email="bob@example.com")
    for email, changes in (
        ("ann@example.com", {"waiting_since": shop.world.now}),
        ("bob@example.com", {"dispute": "open"}),
    ):
        (found,) = shop.world.history(email).subscriptions
        shop.world.store.commit(Change(found, replace(found, **changes)))
    main = Agent.of(shop).look("/console").one("main")
    assert "1 subscription waits for your decision" in main.text
    assert "1 subscription with a disputed payment" in main.text
    links = {str(each.attributes["href"]) for each in main.all("a")}
    assert {"/console/attention", "/console/transactions?kind=chargeback"} <= links


@pytest.mark.spec("M-4")
def test_a_count_of_the_newest_alone_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "COUNTED_MOST", 1)
    shop.world.buy()
    shop.world.buy(email="bob@example.com")
    assert "none of your newest subscriptions" in Agent.of(shop).look("/console").text
    (found,) = shop.world.history("bob@example.com").subscriptions
    shop.world.store.commit(Change(found, replace(found, dispute="open")))
    assert "1 subscription with a disputed payment or more" in Agent.of(shop).look("/console").text
