"""Every error that the code raises has a text, and every text an error that raises it."""

from __future__ import annotations

from string import Formatter

import pytest

from billing.kernel.errors import BillingError, Conflict, Invalid, NotFound, Refused, Unavailable
from billing.kernel.money import Currency, Money
from billing.render import messages
from billing.render.errors import error_text
from billing.render.messages import ENGLISH, LANGUAGES
from billing.web.problems import Malformed, Misshapen, Unauthenticated, errors_of, problem
from dev.error_reasons import Raised, customers_modules, raised

STANDS_IN = {"invalid", "refused", "malformed", "forged"}
"""Codes whose text stands in where a language has none for the reason."""

BESIDE = {"request"}
"""Labels that stand beside an error's text, and are no error's."""

FOR_WHO_RUNS_IT = {"keys_refused", "no_keys", "page_over", "request_refused"}
"""Codes of outages: their readers are told that something of ours does not answer."""

IN_OTHER_WORDS = {"already_purchased", "offer_changed", "trial_used"}
"""Refusals that the checkout's form explains in a section of its own."""

OF_MERCHANTS = {
    "billing.accounts.accounts",
    "billing.branding.colours",
    "billing.catalog.flows.products",
    "billing.branding.flows.changes",
    "billing.branding.images",
    "billing.branding.letters",
    "billing.branding.words",
    "billing.gateways.paypal.setup",
    "billing.gateways.registry",
    "billing.gateways.sandbox.events",
    "billing.gateways.sandbox.refunds",
    "billing.gateways.stripe.setup",
    "billing.helpdesk.flows.carry_out",
    "billing.helpdesk.flows.decision",
    "billing.helpdesk.flows.inbound",
    "billing.kernel.catalog",
    "billing.kernel.domains",
    "billing.kernel.money",
    "billing.kernel.save_offers",
    "billing.plans.announced_price",
    "billing.tax.rates",
    "billing.tax.registrations",
    "billing.team.members",
    "billing.team.flows.membership",
}
"""Modules that customers' pages import, whose errors answer merchants and agents alone."""

NOT_ON_A_PAGE = {
    # JSON answers of the checkout; its pages say the same by templates of their own.
    "abandoned",
    "purchase_declined",
    # An account's owner, who reads English, changes the email in their profile; who was erased has
    # no session.
    "email_of_account",
    "erased",
    # A change of plan by merchants and account owners: customers choose among those that can be.
    "new_plan_not_recurring",
    "not_changeable",
    "other_currency",
    "other_gateway",
    "same_plan",
    "usage_over_limit",
    # A price that is announced to all.
    "currency",
    "price_change_under_way",
    # A place of another list, from which a page leads to the first one.
    "cursor_unknown",
    # Requests that no form of ours sends.
    "amount_out_of_range",
    "department_unknown",
    "given_twice",
    "no_page",
    "note_cannot_close",
    "one_of",
    "undecided",
    # Mistakes in a merchant's set-up, and in our own use of a gateway.
    "freeze_price_too_low",
    "idempotency_error",
    "no_account",
    "refunds_exceed_payment",
    # The portal shows the refund instead.
    "refund_open",
}
"""Reasons that no browser comes to; the text that stands in is in every language all the same."""

TEXTS = {
    language: {
        key.removeprefix("error."): entry
        for key, entry in messages._catalog(language).items()
        if key.startswith("error.") and not key.startswith("error.title.")
    }
    for language in LANGUAGES
}

REASONS = sorted({each.reason for each in raised()})


def placeholders(entry: messages.Entry) -> set[str]:
    forms = [entry] if isinstance(entry, str) else entry.values()
    return {name for words in forms for _, name, _, _ in Formatter().parse(words) if name}


def of_reason(reason: str) -> list[Raised]:
    return [each for each in raised() if each.reason == reason]


def test_every_reason_that_is_raised_has_an_english_text() -> None:
    assert set(REASONS) - FOR_WHO_RUNS_IT - TEXTS[ENGLISH].keys() == set()


def test_every_text_is_of_a_reason_that_is_raised() -> None:
    for language, texts in TEXTS.items():
        assert texts.keys() - BESIDE - STANDS_IN - set(REASONS) == set(), language


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_text_is_made_of_whole_sentences(language: str) -> None:
    entries = ((n, e) for n, e in TEXTS[language].items() if n not in BESIDE)
    for name, entry in entries:
        for words in [entry] if isinstance(entry, str) else entry.values():
            assert words.endswith("."), name
            assert words[0].isupper() or words[0] == "{", name


def test_every_title_is_of_a_code_that_is_raised() -> None:
    codes = {each.code for each in raised()} | {"other"}
    titles = {
        key.removeprefix("error.title.")
        for key in messages._catalog(ENGLISH)
        if key.startswith("error.title.")
    }
    assert titles - codes == set()


@pytest.mark.parametrize("reason", REASONS)
def test_a_text_names_exactly_what_its_raisers_give(reason: str) -> None:
    """In each language that has one; one that stands in names nothing.

    A gateway that is given may choose the text instead: `gateway.<name>.error.<reason>`.
    """
    for language in LANGUAGES:
        if reason in TEXTS[language]:
            wanted = placeholders(TEXTS[language][reason])
            for each in of_reason(reason):
                given = each.parameters - ({"gateway"} - wanted)
                assert given == wanted, f"{each.module}:{each.line} in {language}"


@pytest.mark.parametrize("code", sorted(STANDS_IN - {"malformed", "forged"}))
def test_a_text_that_stands_in_is_in_every_language_and_names_nothing(code: str) -> None:
    for texts in TEXTS.values():
        assert placeholders(texts[code]) == set()


@pytest.mark.spec("C-5", "B-11")
def test_what_customers_pages_can_show_is_in_every_language() -> None:
    shown = {
        each.reason
        for each in raised()
        if each.module in customers_modules() - OF_MERCHANTS and not _stands_in_well(each)
    }
    elsewhere = IN_OTHER_WORDS | NOT_ON_A_PAGE
    assert elsewhere - shown == set(), "nobody raises these"
    for language, texts in TEXTS.items():
        assert shown - elsewhere - FOR_WHO_RUNS_IT - texts.keys() == set(), language


def _stands_in_well(each: Raised) -> bool:
    """Tells whether the text of the class says enough: an unknown address, a malformed request, a
    field that our forms do not send."""
    enough = issubclass(each.kind, NotFound) and each.code == "not_found"
    return (
        enough
        or each.kind.__name__
        in {
            "Forbidden",
            "Forged",
            "Malformed",
            "MethodNotAllowed",
            "TooLarge",
            "Unauthenticated",
            "UnsupportedType",
        }
        or each.module == "billing.web.inputs"
    )


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("language", sorted(LANGUAGES - {ENGLISH}))
@pytest.mark.parametrize(
    "error",
    [
        Invalid("field_unknown", field="x"),
        Malformed("nested_too_deep", most=32),
        NotFound("customer_unknown"),
        Refused("same_plan"),
        Unauthenticated("key_missing"),
        Unavailable("DynamoDB is busy.", code="no_keys"),
        RuntimeError("ann@example.com"),
    ],
    ids=str,
)
def test_a_reason_that_a_language_lacks_is_not_told_in_english(
    language: str, error: Exception
) -> None:
    said = error_text(error, language)
    assert said in [entry for entry in TEXTS[language].values() if isinstance(entry, str)]
    assert said != error_text(error, ENGLISH)


def test_the_nearest_text_stands_in() -> None:
    german = TEXTS["de"]
    assert error_text(Invalid("field_unknown", field="x"), "de") == german["invalid"]
    assert error_text(NotFound("customer_unknown"), "de") == german["not_found"]
    assert error_text(Unavailable(code="no_keys"), "de") == german["unavailable"]
    assert error_text(Malformed("not_utf8"), "de") == german["refused"]
    assert error_text(KeyError("x"), "de") == german["internal_error"]


def test_money_is_written_as_the_reader_writes_it() -> None:
    least, most = Money(1, Currency.EUR), Money(123456, Currency.EUR)
    error = Invalid("amount_out_of_range", field="amount", least=least, most=most)
    assert error_text(error, "en") == "Enter an amount between €0.01 and €1,234.56."


@pytest.mark.parametrize(("count", "words"), [(1, "1 znak"), (3, "3 znaky"), (200, "200 znakov")])
def test_a_number_chooses_the_plural_form(count: int, words: str) -> None:
    error = Invalid("too_long", field="text", count=count)
    assert error_text(error, "sk") == f"Použite najviac {words}."


def test_an_error_reads_in_a_log_without_a_catalog() -> None:
    assert str(Refused("disputed")) == "disputed"
    assert str(Invalid("too_long", field="text", count=500)) == "too_long (count=500)"
    assert str(Unavailable("DynamoDB is busy.")) == "unavailable: DynamoDB is busy."
    assert str(BillingError()) == "internal_error"


def test_a_code_is_the_class_of_reasons_that_programs_branch_on() -> None:
    assert Invalid("too_long", field="text", count=500).code == "invalid"
    assert Refused("already_cancelled").code == "already_cancelled"
    assert Refused("charged_back", code="disputed").code == "disputed"
    assert (Conflict().code, Conflict().reason) == ("conflict", "conflict")
    assert NotFound(code="no_account", gateway="stripe").reason == "no_account"


def test_several_wrong_fields_are_each_told_by_their_own_reason() -> None:
    first = Invalid("required", field="email")
    again = Invalid("too_long", field="email", count=254)
    other = Invalid("below_least", field="amount", least=1)
    wrong = Misshapen([first, again, other])
    assert errors_of(wrong) == {"email": first, "amount": other}
    body = problem(wrong, "request-1")
    assert (body["code"], body["reason"], body["field"]) == ("invalid", "required", "email")
    assert body["detail"] == "This is required."
    assert [(e["field"], e["reason"], e["message"]) for e in body["errors"]] == [
        ("email", "required", "This is required."),
        ("email", "too_long", "Use no more than 254 characters."),
        ("amount", "below_least", "Enter 1 or more."),
    ]
    assert [e.get("parameters") for e in body["errors"]] == [None, {"count": 254}, {"least": 1}]


def test_money_among_the_parameters_is_as_in_the_rest_of_the_api() -> None:
    price = Money(50, Currency.USD)
    body = problem(Refused("freeze_price_too_low", least=price), "request-1")
    assert body["parameters"] == {"least": {"amount": 50, "currency": "USD"}}
    assert body["detail"] == "The gateway charges at least $0.50. Set a higher price for freezing."
