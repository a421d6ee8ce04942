"""The pages of a checkout: what a buyer reads before paying, and after (C-1, C-4)."""

from __future__ import annotations

import pytest

from billing.kernel.catalog import Cancellation, PriceTerms
from billing.kernel.errors import Invalid
from billing.kernel.merchants import PortalKind, SelfService
from billing.kernel.values import replace
from billing.render import pages, wording
from tests.render.examples import OF_A_CHECKOUT, PAGES, form, page
from tests.render.samples import (
    CHECKOUT,
    FREE_TRIAL,
    INSTALLMENTS,
    INVOICE,
    MERCHANT,
    METHODS,
    MONTHLY,
    ONCE,
    ONCE_LATER,
    PRODUCT,
    SETS,
    TRIAL,
    form_values,
    quoted,
    usd,
)


@pytest.mark.spec("C-1")
def test_the_checkout_shows_what_is_due_today_what_follows_and_how_to_cancel() -> None:
    text = form(TRIAL).text
    assert MERCHANT.name in text
    assert PRODUCT.name in text
    assert "$1.00 for the first 14 days, then $29.99 every month" in text
    assert "$1.00 Due today" in text
    assert "Tax None Total $1.00" in text
    assert (
        "Upcoming payments February 14, 2026 $29.99 March 14, 2026 $29.99 April 14, 2026 $29.99 "
        "Payments continue on this schedule until you cancel." in text
    )
    assert "How to cancel Contact hello@sunrise.example" in text


@pytest.mark.spec("C-1")
def test_the_checkout_asks_for_email_name_address_and_payment_method_and_no_card_number() -> None:
    document = form()
    names = {e.attributes["name"] for e in document.all("input", "select")}
    assert names == {
        *("email", "name", "line1", "line2", "city", "postal_code", "state", "country"),
        *("payment_method", "attempt_key", "shown", "coupon"),
    }
    assert document.one("form").attributes["method"] == "post"
    assert document.one("input", name="attempt_key").attributes["value"] == "a-key"
    methods = [e for e in document.all("input") if e.attributes["name"] == "payment_method"]
    assert [e.attributes["value"] for e in methods] == list(METHODS)
    assert [e.attributes["value"] for e in methods if "checked" in e.attributes] == [METHODS[0]]


def test_tax_lines_are_shown_each_by_itself() -> None:
    quote = quoted(MONTHLY)
    tax = replace(quote.lines[0], kind="sales tax", text="Sales tax IL", amount=usd(187))
    quote = replace(quote, lines=(*quote.lines, tax), total=usd(3186))
    text = form(MONTHLY, quote=quote).text
    assert "Sales tax IL $1.87 Total $31.86" in text
    assert "Tax None" not in text


@pytest.mark.spec("C-6")
def test_what_is_disclosed_separates_price_and_tax() -> None:
    quote = quoted(MONTHLY)
    tax = replace(quote.lines[0], kind="sales tax", text="Sales tax IL", amount=usd(187))
    taxed = replace(quote, lines=(*quote.lines, tax), total=usd(3186))
    shown = wording.disclosure(MERCHANT, PRODUCT.name, MONTHLY, taxed, "en")
    assert (shown.price, shown.tax, shown.total) == (usd(2999), usd(187), usd(3186))
    assert [(line.text, line.amount) for line in shown.lines][1:] == [("Sales tax IL", usd(187))]
    plain = wording.disclosure(MERCHANT, PRODUCT.name, MONTHLY, quote, "en")
    assert (plain.price, plain.tax, plain.total) == (usd(2999), usd(0), usd(2999))
    assert plain.digest != shown.digest
    assert wording.disclosure(MERCHANT, "Another", MONTHLY, quote, "en").digest != plain.digest
    assert wording.disclosure(MERCHANT, PRODUCT.name, MONTHLY, quote, "de").digest != plain.digest


@pytest.mark.parametrize(
    ("terms", "follows"),
    [
        (ONCE, "Upcoming payments None. This is a one-time payment."),
        (
            ONCE_LATER,
            "Upcoming payments February 14, 2026 $99.00 After that, you won't be charged again.",
        ),
        (
            INSTALLMENTS,
            "Upcoming payments February 14, 2026 $99.00 February 28, 2026 $99.00 "
            "March 14, 2026 $99.00 After that, you won't be charged again.",
        ),
        (
            replace(INSTALLMENTS, installments=5),
            "Then 1 more payment of $99.00 on March 28, 2026. "
            "After that, you won't be charged again.",
        ),
        (
            replace(INSTALLMENTS, installments=6),
            "Then 2 more payments of $99.00, the last on April 11, 2026. "
            "After that, you won't be charged again.",
        ),
        (
            replace(INSTALLMENTS, initial=TRIAL.initial),
            "Then 1 more payment of $99.00 on March 28, 2026. "
            "After that, you won't be charged again.",
        ),
        (
            SETS,
            "Upcoming payments February 28, 2026 $99.00 March 31, 2026 $99.00 "
            "January 31, 2027 $99.00 Payments continue on this schedule until you cancel.",
        ),
    ],
)
def test_what_follows_is_shown_to_its_end(terms: PriceTerms, follows: str) -> None:
    assert follows in form(terms).text


@pytest.mark.parametrize(
    ("terms", "button", "consent"),
    [
        (ONCE, "Pay $99.00", "you agree that Sunrise Studio will charge you $99.00 today."),
        (MONTHLY, "Subscribe and pay $29.99", "as shown – $29.99 every month – until you cancel."),
        (TRIAL, "Pay $1.00", "then $29.99 every month – until you cancel."),
        (FREE_TRIAL, "Start free trial", "Free for 14 days, then $29.99 every month – until you"),
        (
            INSTALLMENTS,
            "Pay $99.00",
            "4 payments of $99.00, every 2 weeks. Payments then end automatically.",
        ),
    ],
)
def test_pressing_the_button_agrees_to_what_is_written_below_it(
    terms: PriceTerms, button: str, consent: str
) -> None:
    document = form(terms)
    pressed_by_enter, apply_coupon, pay = document.all("button")
    assert pressed_by_enter.text == pay.text == button
    assert apply_coupon.attributes["name"] == "apply_coupon"
    assert f"By selecting “{button}”, you agree" in document.text
    assert consent in document.text


@pytest.mark.parametrize(
    ("portal", "mode", "words"),
    [
        (None, SelfService.AUTOMATIC, "Contact hello@sunrise.example at any time."),
        (PortalKind.STANDALONE, SelfService.OFF, "Contact hello@sunrise.example at any time."),
        (PortalKind.STANDALONE, SelfService.MANUAL, "Ask to cancel anytime in your"),
        (PortalKind.HELPDESK, SelfService.AUTOMATIC, "Cancel anytime in your billing"),
    ],
)
def test_how_to_cancel_is_what_the_merchant_offers(
    portal: PortalKind | None, mode: SelfService, words: str
) -> None:
    settings = replace(MERCHANT.settings, portal=portal, self_cancel=mode)
    told = wording.cancelling(replace(MERCHANT, settings=settings), MONTHLY, "en")
    assert told[0].startswith(words)


def test_what_cancelling_does_depends_on_the_price_point() -> None:
    instant = " ".join(wording.cancelling(MERCHANT, MONTHLY, "en"))
    delayed_terms = replace(MONTHLY, cancellation=Cancellation.DELAYED)
    delayed = " ".join(wording.cancelling(MERCHANT, delayed_terms, "en"))
    assert "ends immediately, and so does your access" in instant
    assert "keep access until the end of the period" in delayed
    completing = " ".join(wording.cancelling(MERCHANT, INSTALLMENTS, "en"))
    assert completing.endswith("Otherwise, it ends automatically after the last payment.")


def test_a_single_payment_says_that_there_is_nothing_to_cancel() -> None:
    assert "There's no subscription to cancel." in form(ONCE).text


def test_an_error_is_shown_at_the_top_and_at_its_field() -> None:
    errors = {
        "email": Invalid("email_malformed", field="email"),
        "city": Invalid("required", field="city"),
    }
    document = form(errors=errors, form={"email": "ada"})
    enter = "Enter a valid email address, such as name@example.com."
    summary = document.one("div", role="alert")
    assert summary.text == f"There are 2 problems Email – {enter} City – This is required."
    assert [a.attributes["href"] for a in summary.all("a")] == ["#email", "#city"]
    email = document.one("input", id="email")
    assert email.attributes["aria-invalid"] == "true"
    assert email.attributes["value"] == "ada"
    assert document.one("p", id="email-error").text == enter
    assert document.one("title").children == ["Error: Morning Yoga Membership – Sunrise Studio"]
    assert form().one("title").children == ["Morning Yoga Membership – Sunrise Studio"]


def test_buying_again_is_asked_only_once_the_server_says_so() -> None:
    assert "confirm_repeat" not in pages.page(
        "checkout/form.html", "en", nonce="n", **form_values()
    )
    document = form(already_purchased=True)
    told = document.one("div", role="alert")
    assert told.text.startswith("Buy this again?")
    assert [a.attributes["href"] for a in told.all("a")] == ["#confirm_repeat"]
    assert document.one("input", name="confirm_repeat").attributes["value"] == "true"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("insufficient_funds", "card has insufficient funds"),
        ("expired_card", "has expired"),
        ("authentication_required", "wasn't confirmed with your bank"),
        ("stolen_card", "Your bank declined this payment."),
        (None, "Your bank declined this payment."),
    ],
)
def test_a_decline_says_what_the_buyer_can_do(code: str | None, advice: str) -> None:
    checkout = replace(CHECKOUT, decline_code=code)
    text = page(
        "checkout/declined.html", merchant=MERCHANT, checkout=checkout, again_url="/a", test=False
    ).text
    assert advice in text
    assert "You haven't been charged." in text
    assert "Try another card" in text


def test_no_page_of_a_checkout_shows_the_order_id() -> None:
    for name, values in PAGES.items():
        assert INVOICE.order_id not in pages.page(name, "en", nonce="n", **values)


def test_the_thank_you_page_shows_what_was_charged_and_what_comes_next() -> None:
    of_a_checkout = {**OF_A_CHECKOUT, "portal_url": None}
    text = page("checkout/done.html", **of_a_checkout).text
    assert "Charged today $1.00 Next payment on February 14, 2026 $29.99" in text
    assert "on its way to ada@example.com" in text
    once = replace(CHECKOUT, terms=ONCE, next_charge_at=None)
    assert (
        "Next payment" not in page("checkout/done.html", **{**of_a_checkout, "checkout": once}).text
    )


def test_a_payment_under_way_reloads_by_itself_and_says_not_to_pay_again() -> None:
    document = page("checkout/processing.html", **PAGES["checkout/processing.html"])
    refresh = [e for e in document.all("meta") if e.attributes.get("http-equiv") == "refresh"]
    assert [e.attributes["content"] for e in refresh] == ["3"]
    assert "don't pay again" in document.text


def test_the_sandbox_asks_to_complete_or_to_fail() -> None:
    document = page("sandbox/authenticate.html", **PAGES["sandbox/authenticate.html"])
    answers = [(b.attributes["name"], b.attributes["value"]) for b in document.all("button")]
    assert answers == [("result", "complete"), ("result", "fail")]
