"""A subscription in the console: its timeline, and what a merchant does with it."""

from __future__ import annotations

import pytest

from billing.kernel.money import Currency, Money
from billing.kernel.subscription import State
from tests.console.agent import Agent
from tests.rebill.test_forecast import TRIAL
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def at(shop: Shop, action: str = "") -> str:
    found = shop.world.subscription()
    return f"/console/subscriptions/{found.id}" + (f"/do/{action}" if action else "")


@pytest.mark.spec("M-1", "M-4")
def test_the_timeline_has_every_order_newest_first(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.advance(days=30)
    page = Agent.of(shop).look(at(shop))
    events = [each.text for each in page.all("ol")[-1].all("li")]
    assert [text.split()[0] for text in events] == ["Rebill", "Sale", "Subscription"]
    assert bought.invoice.order_id in events[1]
    for words in ("Course", "Active", "ann@example.com", "$29.99 every month", bought.purchase):
        assert words in page.text, words


@pytest.mark.spec("M-4", "X-3")
def test_the_buttons_are_those_that_its_state_allows(shop: Shop) -> None:
    shop.world.buy()
    agent = Agent.of(shop)

    def buttons() -> set[str]:
        page = agent.look(at(shop)).one("main")
        return {
            link.text for link in page.all("a") if "button" in str(link.attributes.get("class"))
        }

    assert buttons() == {"Change plan", "Change price", "Pause", "Freeze", "Portal link", "Cancel"}
    agent.follow(agent.send(at(shop, "pause")))
    assert buttons() == {"Change price", "Resume", "Portal link", "Cancel"}
    agent.follow(agent.send(at(shop, "resume")))
    assert agent.send(f"{at(shop)}/cancel", when="period_end").status == 303
    assert buttons() == {"Undo cancellation", "Portal link", "Cancel"}
    agent.follow(agent.send(at(shop, "undo-cancel")))
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.spec("M-4")
@pytest.mark.parametrize("action", ["undo-cancel", "pause", "resume", "freeze", "retry", "skip"])
def test_the_page_of_an_action_says_what_it_does_and_changes_nothing(
    shop: Shop, action: str
) -> None:
    shop.world.buy()
    before = shop.world.subscription()
    page = Agent.of(shop).look(at(shop, action))
    assert page.one("h1").text.endswith("?")
    assert "$29.99 every month" in page.text
    assert shop.world.subscription() == before


@pytest.mark.spec("M-4")
@pytest.mark.parametrize("action", ["resume", "retry", "skip"])
def test_a_refusal_is_told_in_words_and_changes_nothing(shop: Shop, action: str) -> None:
    shop.world.buy()
    agent = Agent.of(shop)
    agent.follow(agent.send(f"{at(shop)}/cancel", when="period_end"))
    before = shop.world.subscription()
    answer = agent.send(at(shop, action))
    assert answer.status == 409
    assert "Nothing was changed" in answer.body and 'role="alert"' in answer.body
    assert shop.world.subscription() == before


@pytest.mark.spec("M-4")
def test_pressed_twice_it_is_done_once(shop: Shop) -> None:
    shop.world.buy()
    agent = Agent.of(shop)
    for _ in range(2):
        assert agent.send(at(shop, "pause")).status == 303
    assert shop.world.subscription().state is State.PAUSED


@pytest.mark.spec("R-4")
def test_what_is_past_due_is_charged_on_the_merchants_word(shop: Shop) -> None:
    shop.world.buy(shop.world.product(TRIAL), payment_method="pm_card_chargeCustomerFail")
    shop.world.advance(days=15)
    agent = Agent.of(shop)
    assert "Charge now" in agent.look(at(shop)).text
    failed = [o for o in shop.world.orders() if o.kind == "failed"]
    assert agent.send(at(shop, "retry")).status == 303
    shop.world.tick()
    assert len([o for o in shop.world.orders() if o.kind == "failed"]) == len(failed) + 1


@pytest.mark.spec("M-3")
def test_nobody_sees_or_changes_another_merchants_subscription(shop: Shop) -> None:
    shop.world.buy()
    before = shop.world.subscription()
    rival = Agent.of(shop, "rival")
    rival.look(at(shop), status=404)
    for action in ("pause", "freeze", "retry", "nothing"):
        rival.look(at(shop, action), status=404)
        assert rival.send(at(shop, action)).status == 404
    assert shop.world.subscription() == before


@pytest.mark.spec("M-1")
def test_an_orders_page_has_its_invoice_and_what_went_back(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    agent = Agent.of(shop)
    order = bought.invoice.order_id
    page = agent.look(f"/console/orders/{order}")
    for words in ("Sale", order, "$29.99", "Paid", "ann@example.com", "Refund"):
        assert words in page.text, words
    sent = agent.send(f"/console/orders/{order}/refund", amount="10", attempt="attempt_1")
    assert sent.status == 303
    page = agent.look(f"/console/orders/{order}")
    assert "−$10.00" in page.text and "In part" in page.text
    assert Money(1000, Currency.USD)


@pytest.mark.spec("M-1", "M-7")
def test_invoices_and_credit_notes_are_listed_and_downloaded(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    agent = Agent.of(shop)
    agent.send(
        f"/console/orders/{bought.invoice.order_id}/refund", amount="29.99", attempt="attempt_1"
    )
    shop.world.tick()
    page = agent.look("/console/invoices")
    assert "TEST-000001" in page.text and "Credit note" in page.text and "−$29.99" in page.text
    links = [str(a.attributes["href"]) for a in page.one("main").all("a") if "PDF" in a.text]
    assert len(links) == 2
    for link in links:
        answer = agent.client.browse("GET", link)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/pdf"
    rival = Agent.of(shop, "rival")
    assert all(rival.client.browse("GET", link).status == 404 for link in links)


@pytest.mark.spec("M-7")
def test_an_invoice_that_no_mail_has_shown_yet_is_issued_by_its_download(shop: Shop) -> None:
    bought = shop.world.buy()
    agent = Agent.of(shop)
    assert "not numbered yet" in agent.look("/console/invoices").text
    answer = agent.client.browse("GET", f"/console/invoices/{bought.invoice.id}/pdf")
    assert answer.status == 200
    assert "TEST-000001" in agent.look("/console/invoices").text
    again = agent.client.browse("GET", f"/console/invoices/{bought.invoice.id}/pdf")
    assert again.body == answer.body


@pytest.mark.spec("M-1")
@pytest.mark.parametrize(
    "address",
    [
        "customers?cursor=x",
        "customers?q=a",
        "customers?limit=3",
        "subscriptions?state=gone",
        "subscriptions?cursor=x&state=active",
        "invoices?from=yesterday",
        "invoices?cursor=x",
        "attention?cursor=nobody",
        "products?state=gone",
        "products?cursor=nobody",
    ],
)
def test_a_wrong_filter_of_any_list_comes_back_with_what_is_wrong(shop: Shop, address: str) -> None:
    page = Agent.of(shop).look(f"/console/{address}", status=422)
    assert "This filter isn't valid" in page.one("div", role="alert").text


@pytest.mark.spec("M-1")
def test_customers_are_listed_and_found(shop: Shop) -> None:
    shop.world.buy(name="Ann Example")
    shop.world.buy(email="bob@example.com", name="Bob Builder")
    shop.world.tick()
    agent = Agent.of(shop)
    text = agent.look("/console/customers").one("main").text
    assert "Ann Example" in text and "Bob Builder" in text
    found = agent.look("/console/customers?q=buil").one("main").text
    assert "Bob Builder" in found and "Ann Example" not in found
    by_email = agent.look("/console/customers?q=ann@exa").one("main").text
    assert "Ann Example" in by_email and "Bob" not in by_email


@pytest.mark.spec("M-1")
def test_every_link_and_form_of_a_page_leads_somewhere(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.tick()
    agent = Agent.of(shop)
    pages = (
        f"/console/customers/{bought.customer}",
        f"/console/orders/{bought.invoice.order_id}",
        f"/console/orders/{bought.invoice.order_id}/refund",
        f"{at(shop)}/cancel",
        at(shop),
        at(shop, "pause"),
        f"/console/products/{bought.product}",
        f"/console/products/{bought.product}/edit",
        f"/console/products/{bought.product}/archive",
        f"/console/products/{bought.product}/prices/new",
        "/console/tax",
        "/console/attention",
    )
    for address in pages:
        for link in agent.look(address).all("a"):
            to = str(link.attributes["href"])
            assert to.startswith(("/", "#", "https://")), (address, to)
            if to.startswith("/console") and "pdf" not in to:
                assert agent.client.browse("GET", to).status == 200, (address, to)
