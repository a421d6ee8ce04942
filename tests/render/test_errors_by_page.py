"""Each error on each page where it can appear is a sentence in the reader's words.

Which errors a page can meet is read from the code behind it (`dev.error_reach`).
"""

from __future__ import annotations

import re

import pytest

from billing.gateways import registry
from billing.gateways.declines import AUTHENTICATION_REQUIRED, METHOD_MISSING
from billing.gateways.paypal import refusals
from billing.gateways.sandbox.cards import TEST_CARDS
from billing.gateways.stripe import declines
from billing.kernel.errors import BillingError
from billing.render import messages
from billing.render.errors import page_text
from billing.render.messages import ENGLISH, LANGUAGES
from billing.render.wording import by_gateway, decline
from dev.error_reach import reached_by
from dev.error_reasons import ROOT, Raised
from tests.render.test_errors import IN_OTHER_WORDS, NOT_ON_A_PAGE, _stands_in_well

FOREIGN = {
    "checkout": r"freez|API|JSON|console|ticket|refund|Order ID|cancel",
    "portal": r"API|JSON|console|ticket|POST",
    "helpdesk": r"API|JSON|console|POST",
    "console": r"[Tt]he seller|[Yy]our card|/account|Write to|another card first",
    "gateways": r"API|JSON|[Tt]he seller|[Yy]our card|Order ID|Write to|POST",
    "account": r"API|JSON|[Tt]he seller|console|Order ID|Write to",
}
"""Words that have no place on the pages of a function."""

WITHOUT_PAGES = {
    "deliveries",
    "cancel",
    "figures",
    "jobs",
    "merchant",
    "notify",
    "operator",
    "rebill",
    "watch",
    "webhook",
}

OF_CUSTOMERS = {"checkout", "portal", "helpdesk"}
"""The functions whose pages are in fifteen languages."""

OF_A_SETUP = {
    "amount_malformed",
    "amount_out_of_range",
    "department_needed",
    "department_twice",
    "freeze_price_too_low",
    "installment_period",
    "installments_beyond_cycle",
    "last_price_point",
    "needed_by_type",
    "no_account",
    "no_trial_to_guard",
    "not_a_price_point",
    "plan_unknown",
    "plan_not_recurring",
    "not_of_this_type",
    "out_of_range",
    "tax_home_outside_eu",
    "tax_rate_malformed",
    "tax_rates_too_many",
    "tax_registered_already",
    "tax_state_needed",
    "tax_state_unknown",
    "tax_threshold_needed",
    "tax_threshold_of_presence",
}
"""Mistakes in what a merchant sets up: refused then, so that no page meets them."""

SHOWN_OTHERWISE = {
    "account": {"order_needed", "signed_out"},
    "helpdesk": {"order_needed"},
    "console": {"signed_out", "signed_out_of_console"},
    "gateways": {"signed_out", "signed_out_of_console"},
}
"""Reasons by pages that show them in other words, or in those of a form that asks for it."""

CODE = re.compile(r"\b[a-z]+_[a-z_]+\b")


def made(each: Raised) -> BillingError:
    """An error as one place raises it."""
    error = each.kind.__new__(each.kind)
    given = dict.fromkeys(each.parameters, 3)
    BillingError.__init__(error, each.reason, code=each.code, **given)
    return error


def errors_of(page: str) -> dict[str, Raised]:
    """The errors that a page can show, by their reasons."""
    elsewhere = OF_A_SETUP | SHOWN_OTHERWISE.get(page, set())
    if page in OF_CUSTOMERS:
        elsewhere = elsewhere | IN_OTHER_WORDS | NOT_ON_A_PAGE
    return {each.reason: each for each in reached_by(page) if each.reason not in elsewhere}


def test_each_function_has_pages_or_is_known_to_have_none() -> None:
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert functions == FOREIGN.keys() | WITHOUT_PAGES


@pytest.mark.parametrize("page", FOREIGN)
def test_the_code_behind_a_page_shows_what_it_raises(page: str) -> None:
    """The look for errors finds those that are known to be met there."""
    known = {
        "checkout": {"sales_stopped", "offer_ended", "attempt_key_reused", "unfinished"},
        "portal": {"already_cancelled", "last_card", "refund_window_over", "quote_changed"},
        "helpdesk": {"not_your_order", "ticket_link_over", "helpdesk_closed", "csrf"},
        "console": {"already_refunded", "disputed", "ownership_unverified", "refund_failed"},
        "gateways": {"keys_of_other_account", "too_many_key_tries"},
        "account": {"link_over", "wrong_password", "guarantee_over", "usage_over_limit"},
    }
    assert known[page] <= errors_of(page).keys()
    unheard_of = SHOWN_OTHERWISE.get(page, set()) - {each.reason for each in reached_by(page)}
    assert unheard_of == set(), "nothing behind the page raises these"


@pytest.mark.spec("C-5", "B-11")
@pytest.mark.parametrize("page", FOREIGN)
def test_an_error_on_a_page_is_a_sentence_without_codes_or_words_foreign_to_it(page: str) -> None:
    for reason, each in errors_of(page).items():
        words = page_text(made(each), ENGLISH, f"{page}.error")
        assert words.endswith("."), reason
        assert "{" not in words and not CODE.search(words), f"{reason}: {words}"
        if not _stands_in_well(each):
            assert not re.search(FOREIGN[page], words), f"{reason}: {words}"


@pytest.mark.spec("C-5", "B-11")
@pytest.mark.parametrize("page", sorted(OF_CUSTOMERS))
@pytest.mark.parametrize("language", sorted(LANGUAGES - {ENGLISH}))
def test_an_error_on_a_customers_page_is_in_their_language(page: str, language: str) -> None:
    english = {text for text in messages._catalog(ENGLISH).values() if isinstance(text, str)}
    for reason, each in errors_of(page).items():
        words = page_text(made(each), language, f"{page}.error")
        assert words not in english, f"{reason}: {words}"
        assert "{" not in words and not CODE.search(words), f"{reason}: {words}"
        has_own = messages.has(f"error.{reason}", language)
        assert has_own or _stands_in_well(each), f"{reason} has no words of its own"


CODES = {
    "stripe": {
        *declines.NEVER_AGAIN,
        *declines.ALIASES.values(),
        *("insufficient_funds", "processing_error", "do_not_honor", "new_at_stripe"),
        METHOD_MISSING.code,
    },
    "paypal": {
        refusals.OTHERWISE.code,
        *(each.code for each in refusals.DECLINES.values()),
        AUTHENTICATION_REQUIRED,
    },
    "sandbox": {
        METHOD_MISSING.code,
        AUTHENTICATION_REQUIRED,
        *(each.decline.code for each in TEST_CARDS.values() if each.decline),
    },
}
"""The decline codes that each gateway gives, and those that the protocol adds."""

BANKS = {
    **dict.fromkeys(LANGUAGES, r"\bbanc?[ckao]"),
    "bg": r"банк",
    "fi": r"pankk",
    "fr": r"banque",
    "ro": r"\bb[aă]nc",
}
"""Beginnings of the words for a bank."""

CARDS = {
    **dict.fromkeys(LANGUAGES, r"\bkart|\bcart|\bcard"),
    **dict.fromkeys(("da", "no", "sv"), r"\bkort"),
    "bg": r"карт",
    "es": r"tarjeta",
    "fi": r"kort",
    "nl": r"kaart",
}
"""Beginnings of the words for a card."""


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_words_for_banks_and_cards_are_found_where_they_stand(language: str) -> None:
    given = {"amount": "X", "product": "X"}
    assert re.search(
        BANKS[language], messages.text(language, "action.text", **given), re.IGNORECASE
    )
    again = messages.text(language, "checkout.declined.again")
    assert re.search(CARDS[language], again, re.IGNORECASE)


def test_every_gateway_has_its_decline_codes_here() -> None:
    assert CODES.keys() == registry.specs().keys()


@pytest.mark.spec("R-4", "C-4", "C-5")
@pytest.mark.parametrize("gateway", sorted(CODES))
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_decline_has_words_that_fit_its_gateway(gateway: str, language: str) -> None:
    for code in CODES[gateway]:
        words = decline(code, language, gateway)
        assert words.endswith(".") and "{" not in words and not CODE.search(words), words
        assert language == ENGLISH or words != decline(code, ENGLISH, gateway)
        if gateway == "paypal":
            assert "PayPal" in words
            assert not re.search(BANKS[language], words, re.IGNORECASE), words
            about_a_card = re.search(CARDS[language], words, re.IGNORECASE)
            assert not about_a_card or code == "expired_card", words


@pytest.mark.spec("R-4", "C-4", "C-5")
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_pages_about_a_payment_by_paypal_speak_of_no_bank_and_no_card(language: str) -> None:
    given = dict.fromkeys(("amount", "product", "merchant", "email", "date"), "X")
    keys = [key for key in messages._catalog(language) if _is_about_a_payment(key)]
    assert len(keys) >= 10
    for key in keys:
        words = by_gateway("paypal", key, language, **given)
        assert not re.search(BANKS[language], words, re.IGNORECASE), f"{key}: {words}"
        assert not re.search(CARDS[language], words, re.IGNORECASE), f"{key}: {words}"


def _is_about_a_payment(key: str) -> bool:
    """Tells whether a text stands on the page of one payment, which any gateway may have made; a
    start without a charge waits for no buyer (`action.free`)."""
    pages = ("action.", "checkout.declined.", "payment.", "processing.", "mail.action_needed.")
    return key.startswith(pages) and key not in {"action.free", "processing.reload"}
