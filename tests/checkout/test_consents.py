"""Consents: the text kept is the one that the buyer was shown before they paid (C-6)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType
from billing.kernel.customers import Consent
from billing.kernel.gateways import TheirPage
from billing.kernel.merchants import PortalKind
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from functions.checkout import app
from tests.checkout.test_checkout import FLAT, FORM, Till
from tests.checkout.test_their_page import FILLED_IN, gateway, till_with
from tests.web.calls import Answer, Client
from tests.world import MONTHLY, World

FREE_TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
ONCE = PriceTerms(PriceType.ONE_TIME, Money(9900, Currency.USD))
FOURS = PriceTerms(PriceType.INSTALLMENT, Money(9900, Currency.USD), Period.EVERY_2_WEEKS, 4)
SETS = PriceTerms(
    *(PriceType.RECURRING_INSTALLMENT, Money(9900, Currency.USD), Period.MONTHLY),
    installments=3,
    cycle=Cycle.YEARLY,
)

pytestmark = pytest.mark.spec("C-6", "C-1")


def till_of(*terms: PriceTerms) -> Till:
    world = World(limits=False)
    world.change_merchant(
        settings=replace(world.merchant.settings, portal=PortalKind.STANDALONE),
        terms_version="2026-01",
    )
    return Till(world, world.product(*terms), Client(app.build(world.ports)))


def shown(page: Answer) -> str:
    """Returns the mark of a page's shown texts, which its form sends along."""
    (mark,) = re.findall(r'name="shown"\s+value="([0-9a-f]{64})"', page.body)
    return str(mark)


def plain(text: str) -> str:
    return " ".join(text.split())


def words(page: Answer) -> str:
    return plain(unescape(re.sub(r"<[^>]+>", " ", page.body)))


def consent(till: Till, email: str = "ann@example.com") -> Consent:
    (found,) = till.world.history(email).consents
    return found


def test_a_free_trial_keeps_what_follows_it_and_not_only_the_nothing_of_today() -> None:
    till = till_of(FREE_TRIAL)
    assert till.post().status == 201
    kept = consent(till)
    assert kept.price_shown == "Free for 14 days, then $29.99 every month"
    assert kept.shown is not None
    assert (kept.shown.total.amount_minor, kept.shown.price.amount_minor) == (0, 0)
    first, *_ = kept.shown.following
    assert (first.at.isoformat(), first.amount.amount_minor) == ("2026-02-14T15:00:00+00:00", 2999)
    assert (kept.shown.period, kept.shown.payments, kept.shown.ends_at) == ("1m", None, None)
    assert kept.shown.rest == "Payments continue on this schedule until you cancel."


@pytest.mark.parametrize("terms", [MONTHLY, FREE_TRIAL, ONCE, FOURS, SETS])
@pytest.mark.parametrize("language", ["en", "de", "fi"])
def test_the_record_is_the_page_to_the_word(terms: PriceTerms, language: str) -> None:
    till = till_of(terms)
    till.world.change_merchant(settings=replace(till.world.merchant.settings, language=language))
    page = till.client.browse("GET", till.address)
    assert till.fill_in(shown=shown(page)).status == 303
    kept = consent(till)
    assert (kept.terms_hash, kept.language) == (shown(page), language)
    assert kept.shown is not None and kept.shown.digest == shown(page)
    text = words(page)
    for said in (
        *(kept.price_shown, kept.shown.rest, *kept.shown.cancelling),
        *(kept.shown.agreement, kept.shown.button, kept.shown.product),
    ):
        assert said is None or plain(said) in text
    assert text.count(plain(kept.shown.agreement)) == 1
    assert len(re.findall("<time ", page.body)) >= len(kept.shown.following)


@pytest.mark.parametrize(
    ("terms", "payments", "ends"),
    [(MONTHLY, None, None), (ONCE, 1, "2026-01-31"), (FOURS, 4, "2026-03-14"), (SETS, None, None)],
)
def test_the_number_of_payments_and_the_last_of_them_are_kept(
    terms: PriceTerms, payments: int | None, ends: str | None
) -> None:
    till = till_of(terms)
    till.post()
    kept = consent(till).shown
    assert kept is not None
    last = None if kept.ends_at is None else kept.ends_at.date().isoformat()
    assert (kept.payments, last) == (payments, ends)


def test_a_program_and_a_page_that_buy_the_same_agree_to_the_same() -> None:
    till = till_of(FREE_TRIAL)
    mark = shown(till.client.browse("GET", till.address))
    till.fill_in(shown=mark)
    till.post(attempt_key="attempt-2", email="bob@example.com")
    by_page, by_program = consent(till), consent(till, "bob@example.com")
    assert by_page.shown == by_program.shown
    assert by_page.terms_hash == by_program.terms_hash == mark
    assert (by_page.terms_version, by_page.ip) == ("2026-01", by_program.ip)
    assert by_page.agreed_at == till.world.now


def dearer(till: Till) -> None:
    """The merchant has raised the price of the very price point."""
    point = till.world.store.price_point(till.product.default_price_point)
    assert point is not None
    raised = replace(point.terms, price=Money(9999, Currency.USD))
    till.world.store.commit(Insert(replace(point, version=point.version + 1, terms=raised)))


@pytest.mark.spec("P-18")
def test_a_price_that_changed_since_the_page_was_opened_is_shown_before_it_is_charged() -> None:
    till = till_of(MONTHLY)
    old = shown(till.client.browse("GET", till.address))
    dearer(till)
    again = till.fill_in(shown=old)
    assert (again.status, till.world.charges()) == (409, [])
    assert "This offer has changed" in words(again)
    assert 'value="Ann Example"' in again.body and "$99.99" in words(again)
    assert shown(again) != old
    assert till.fill_in(shown=shown(again)).status == 303, "the same attempt, agreed to anew"
    assert consent(till).price_shown == "$99.99 every month"
    assert [c["amount"]["amount"] for c in till.world.charges()] == [9999]


def test_a_program_that_names_what_it_showed_is_refused_another_price() -> None:
    till = till_of(MONTHLY)
    old = shown(till.client.browse("GET", till.address))
    dearer(till)
    refused = till.post(shown=old)
    assert (refused.status, refused.json["code"]) == (409, "offer_changed")
    assert till.world.charges() == []
    assert till.post().status == 201, "one that names nothing buys as before"


def test_another_way_to_cancel_or_another_day_is_shown_before_it_is_agreed_to() -> None:
    till = till_of(MONTHLY)
    old = shown(till.client.browse("GET", till.address))
    till.world.now += timedelta(minutes=40)
    assert shown(till.client.browse("GET", till.address)) == old, "the same day, the same words"
    till.world.change_merchant(settings=replace(till.world.merchant.settings, portal=None))
    assert till.fill_in(shown=old).status == 409
    page = till.client.browse("GET", till.address)
    till.world.now += timedelta(hours=20)
    assert till.fill_in(shown=shown(page)).status == 409, "its dates are a day later by now"
    page = till.client.browse("GET", till.address)
    till.world.change_merchant(terms_version="2026-02")
    assert till.fill_in(shown=shown(page)).status == 409
    assert till.world.charges() == []


@pytest.mark.spec("C-2")
def test_what_was_bought_answers_as_it_did_though_the_offer_has_changed_since() -> None:
    till = till_of(MONTHLY)
    mark = shown(till.client.browse("GET", till.address))
    first = till.fill_in(shown=mark)
    dearer(till)
    assert till.fill_in(shown=mark).headers["location"] == first.headers["location"]
    assert till.fill_in().status == 303, "what a page showed is no part of the form"
    assert len(till.world.charges()) == 1
    assert consent(till).price_shown == "$29.99 every month"


@pytest.mark.spec("C-1")
def test_a_price_that_changes_while_the_card_is_given_elsewhere_is_shown_on_coming_back() -> None:
    till = till_with(TheirPage(), MONTHLY)
    mark = shown(till.client.browse("GET", till.address))
    form = {**FILLED_IN, "shown": mark}
    assert till.client.browse("POST", till.address, form).status == 200
    back = gateway(till).give()
    dearer(till)
    asked = till.client.browse("GET", back)
    assert asked.status == 409 and "This offer has changed" in words(asked)
    assert 'name="payment_method" value="cs_1"' in asked.body
    assert till.client.browse("POST", till.address, {**form, "attempt_key": "b"}).status == 409
    sure = {**form, "shown": shown(asked), "payment_method": "cs_1"}
    assert "Thank you" in till.follow(till.client.browse("POST", till.address, sure)).body


@pytest.mark.parametrize("mark", ["x" * 201, "\x00", "<b>"])
def test_a_mark_that_is_none_of_ours_is_refused(mark: str) -> None:
    till = till_of(MONTHLY)
    assert till.fill_in(shown=mark).status in {409, 422}
    assert till.world.charges() == []


def test_the_form_and_the_program_of_before_still_buy() -> None:
    till = till_of(ONCE)
    assert "shown" not in FLAT and "shown" not in FORM
    assert till.fill_in().status == 303
    assert consent(till).price_shown == "$99.00 once"
