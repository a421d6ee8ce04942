"""Cancel and refund by hand, from the console's transaction list and customer page (X-3, B-7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.kernel.merchants import CreditAtEnd
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.outbox.flows import suppressions
from billing.outbox.suppressions import Returned, StopReason
from tests.plans.changing import change
from tests.plans.test_value_once import CHEAP, DEAR
from tests.render.html import read
from tests.tax.taxing import BERLIN, LOS_ANGELES, collecting
from tests.web.calls import Answer, Client
from tests.web.shop import Shop, signed_in


@pytest.fixture
def shop() -> Shop:
    return Shop()


def form_of(page: Answer) -> dict[str, str]:
    """Returns the fields that a browser would send of a page's last form, as it stands."""
    assert page.status in {200, 422}, page.body
    form = read(page.body).all("form")[-1]
    typed = {}
    for field in form.all("input"):
        kind = field.attributes.get("type")
        if kind in {"radio", "checkbox"} and "checked" not in field.attributes:
            continue
        typed[str(field.attributes["name"])] = str(field.attributes.get("value", ""))
    return typed


def send(browser: Client, address: str, **changed: str) -> Answer:
    """Open a page, fill its form in, and send it."""
    return browser.browse("POST", address, {**form_of(browser.browse("GET", address)), **changed})


def links(page: Answer) -> list[str]:
    return [str(a.attributes["href"]) for a in read(page.body).all("a")]


@pytest.mark.spec("X-3")
def test_a_merchant_cancels_at_the_periods_end_and_takes_it_back(shop: Shop) -> None:
    bought = shop.world.buy()
    browser = signed_in(shop)
    address = f"/console/subscriptions/{bought.purchase}/cancel"
    assert address in links(browser.browse("GET", "/console/transactions"))
    assert address in links(browser.browse("GET", f"/console/customers/{bought.customer}"))
    answer = send(browser, address, reason="too_expensive", comment="By phone")
    assert answer.status == 303
    page = browser.browse("GET", answer.headers["location"])
    assert "will end with the current period" in page.body
    held = shop.world.subscription()
    assert held.state is State.CANCEL_PENDING
    assert held.cancelling is not None and held.cancelling.comment == "By phone"
    undo = f"/console/subscriptions/{bought.purchase}/undo-cancel"
    csrf = form_of(page).get("csrf", "")
    back = browser.browse("POST", undo, {"csrf": csrf})
    assert "has been undone" in browser.browse("GET", back.headers["location"]).body
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.spec("X-3", "X-9")
def test_a_merchant_cancels_at_once_whatever_the_price_point_says(shop: Shop) -> None:
    bought = shop.world.buy()
    browser = signed_in(shop)
    address = f"/console/subscriptions/{bought.purchase}/cancel"
    assert send(browser, address, when="now").status == 303
    assert shop.world.subscription().state is State.CANCELLED
    again = browser.browse("GET", address)
    assert again.status == 409
    assert "already ended" in again.body
    page = browser.browse("GET", f"/console/customers/{bought.customer}")
    assert address not in links(page)


@pytest.mark.spec("B-7")
def test_a_merchant_refunds_a_part_then_the_rest_and_no_more(shop: Shop) -> None:
    bought = shop.world.buy()
    browser = signed_in(shop)
    address = f"/console/orders/{bought.invoice.order_id}/refund"
    assert address in links(browser.browse("GET", "/console/transactions"))
    page = browser.browse("GET", address)
    typed = form_of(page)
    assert typed["amount"] == "29.99"
    assert typed["cancel"] == "true", "ticked for the latest payment"
    part = {**typed, "amount": "10", "comment": "Sorry"}
    part.pop("cancel")
    for _ in range(2):  # A form that is sent twice is one refund.
        assert browser.browse("POST", address, part).status == 303
    assert shop.world.charges()[0]["refunded"] == 1000
    assert form_of(browser.browse("GET", address))["amount"] == "19.99"
    answer = send(browser, address)
    assert "The refund is complete" in browser.browse("GET", answer.headers["location"]).body
    assert shop.world.charges()[0]["refunded"] == 2999
    listed = browser.browse("GET", "/console/transactions").body
    assert "−$10.00" in listed and "−$19.99" in listed and "−$29.99" not in listed
    assert shop.world.subscription().state is State.CANCELLED
    assert browser.browse("GET", address).status == 409
    assert address not in links(browser.browse("GET", "/console/transactions"))


@pytest.mark.spec("B-7", "R-6")
def test_a_refund_whose_answer_was_lost_says_that_it_is_under_way(shop: Shop) -> None:
    bought = shop.world.buy()
    browser = signed_in(shop)
    page = browser.browse("GET", f"/console/orders/{bought.invoice.order_id}/refund")
    shop.world.sandbox.faults.arm("timeout_after", 2)
    answer = browser.browse(
        "POST", f"/console/orders/{bought.invoice.order_id}/refund", form_of(page)
    )
    shop.world.sandbox.faults.arm("timeout_after", 0)
    assert "refund is in progress" in browser.browse("GET", answer.headers["location"]).body
    shop.world.advance(hours=1)
    assert shop.world.charges()[0]["refunded"] == 2999


@pytest.mark.parametrize(
    "amount", ["", "-1", "0", "30.00", "1.234", "1,234.00", "ten", "١٢", "9" * 19]
)
def test_a_wrong_amount_comes_back_with_what_is_wrong(shop: Shop, amount: str) -> None:
    bought = shop.world.buy()
    browser = signed_in(shop)
    address = f"/console/orders/{bought.invoice.order_id}/refund"
    answer = send(browser, address, amount=amount)
    assert answer.status == 422
    assert read(answer.body).one("div", role="alert")
    assert shop.world.charges()[0]["refunded"] == 0
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.parametrize("changed", [{"when": "never"}, {"reason": "x"}, {"comment": "x" * 501}])
def test_a_wrong_cancel_form_changes_nothing(shop: Shop, changed: dict[str, str]) -> None:
    bought = shop.world.buy()
    browser = signed_in(shop)
    address = f"/console/subscriptions/{bought.purchase}/cancel"
    answer = send(browser, address, **changed)
    assert answer.status == 422
    assert shop.world.subscription().state is State.ACTIVE


def test_nobody_ends_or_refunds_what_is_another_merchants(shop: Shop) -> None:
    bought = shop.world.buy()
    rival, nobody = signed_in(shop, "rival"), Client(shop.console)
    page = read(rival.browse("GET", "/console/transactions").body)
    csrf = str(
        next(f for f in page.all("input") if f.attributes.get("name") == "csrf").attributes["value"]
    )
    for address in (
        f"/console/subscriptions/{bought.purchase}/cancel",
        f"/console/subscriptions/{bought.purchase}/undo-cancel",
        f"/console/orders/{bought.invoice.order_id}/refund",
    ):
        sent = {"csrf": csrf, "when": "now", "amount": "1", "attempt": "a"}
        assert rival.browse("POST", address, sent).status == 404
        assert nobody.browse("POST", address, sent).status == 401
        if not address.endswith("undo-cancel"):
            assert rival.browse("GET", address).status == 404
            assert nobody.browse("GET", address).status == 401
    assert signed_in(shop).browse("POST", address, {**sent, "csrf": "x"}).status == 403
    assert shop.world.subscription().state is State.ACTIVE
    assert shop.world.charges()[0]["refunded"] == 0


@pytest.mark.spec("R-8")
def test_a_customers_page_says_that_mail_came_back_and_lets_it_go_again(shop: Shop) -> None:
    bought = shop.world.buy()
    told = Returned("acme", "ann@example.com", StopReason.COMPLAINED, shop.world.now, "abuse")
    suppressions.record(shop.world.ports, [told])
    browser = signed_in(shop)
    page = browser.browse("GET", f"/console/customers/{bought.customer}")
    assert "Marked as spam" in page.body
    resume = f"/console/customers/{bought.customer}/resume-mail"
    assert browser.browse("POST", resume, {}).status == 403
    back = browser.browse("POST", resume, {"csrf": form_of(page)["csrf"]})
    page = browser.browse("GET", back.headers["location"])
    assert "send email to this address again" in page.body
    assert "Marked as spam" not in page.body


@pytest.mark.spec("C-10", "B-7")
def test_the_refund_page_says_how_much_tax_goes_back(shop: Shop) -> None:
    collecting(shop.world)
    bought = shop.world.buy(address=BERLIN)
    browser = signed_in(shop)
    address = f"/console/orders/{bought.invoice.order_id}/refund"
    taxed = bought.invoice.total.amount_minor - bought.invoice.net.amount_minor
    assert taxed > 0
    shown = read(browser.browse("GET", address).body).one("main").text
    assert f"in it${taxed / 100:.2f}" in shown
    assert "This is the tax in all that is left." in shown
    half = send(
        browser, address, amount=f"{bought.invoice.total.amount_minor / 200:.2f}", act="taxes"
    )
    words = read(half.body).one("main").text
    assert half.status == 200 and f"in it${taxed / 200:.2f}" in words
    assert "This is the tax in a refund of" in words
    assert shop.world.charges()[0]["refunded"] == 0, "looking does nothing"
    assert send(browser, address, amount="9999.00", act="taxes").status == 422
    untaxed = shop.world.buy(email="bob@example.com")
    other = browser.browse("GET", f"/console/orders/{untaxed.invoice.order_id}/refund").body
    assert "Show tax in this amount" not in other


@pytest.mark.spec("A-4", "C-10", "X-7")
def test_a_merchant_is_told_of_the_credit_that_goes_back_with_its_tax(shop: Shop) -> None:
    collecting(shop.world)
    settings = replace(shop.world.merchant.settings, credit_at_end=CreditAtEnd.REFUND)
    shop.world.change_merchant(settings=settings)
    product = shop.world.product(DEAR, CHEAP)
    bought = shop.world.buy(product, address=LOS_ANGELES)
    change(shop.world, product.price_points[1])
    shop.world.now += timedelta(seconds=1)
    browser, address = signed_in(shop), f"/console/subscriptions/{bought.purchase}/cancel"
    page = read(browser.browse("GET", address).body).text
    assert "Your remaining credit of $65.10 will be refunded" in page
    assert "Remaining credit" in page and "$60.00" in page, "as the balance it is, before tax"
    send(browser, address, when="now")
    shop.world.tick()
    assert shop.world.charges()[0]["refunded"] == 6510
