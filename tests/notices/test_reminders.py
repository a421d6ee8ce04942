"""Mails to customers before and about a payment that needs them (R-4, R-8)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.kernel.catalog import Cancellation, Initial, PriceTerms, PriceType
from billing.kernel.merchants import PortalKind, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.notices.flows import remind
from functions.portal import app
from tests.web.calls import HOST, Client
from tests.world import World


@pytest.fixture
def world() -> World:
    return World()


def terms(period: Period, trial_days: int | None = None) -> PriceTerms:
    return PriceTerms(
        PriceType.RECURRING,
        Money(2999, Currency.USD),
        period=period,
        initial=None if trial_days is None else Initial(0, Span(trial_days, Unit.DAY)),
        cancellation=Cancellation.DELAYED,
    )


def told(world: World, words: str) -> list[str]:
    return [subject for subject in world.subjects() if words in subject]


@pytest.mark.spec("R-8")
def test_a_renewal_is_told_of_a_week_ahead_and_once(world: World) -> None:
    world.buy(world.product(terms(Period.MONTHLY)))
    due_at = world.subscription().next_charge_at
    assert due_at is not None
    world.advance(to=due_at - timedelta(days=7, hours=1))
    assert told(world, "renews on") == []
    world.advance(hours=2)
    assert len(told(world, "renews on")) == 1
    world.advance(days=6)
    assert len(told(world, "renews on")) == 1
    mail = world.mailer.sent[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Your next payment is $29.99 on February 28, 2026" in mail
    assert "How to cancel" in mail
    world.advance(days=60)
    assert len(told(world, "renews on")) == 3, "one for each charge"


@pytest.mark.spec("R-8")
@pytest.mark.parametrize(("trial", "ahead"), [(30, 7.0), (14, 7.0), (4, 2.0)])
def test_the_end_of_a_trial_is_told_of_a_week_ahead_or_half_of_it(
    world: World, trial: int, ahead: float
) -> None:
    world.buy(world.product(terms(Period.MONTHLY, trial)))
    due_at = world.subscription().next_charge_at
    assert due_at is not None
    world.advance(to=due_at - timedelta(days=ahead, hours=1))
    assert told(world, "trial") == []
    world.advance(to=due_at - timedelta(days=ahead) + timedelta(hours=1))
    assert len(told(world, "Your Course trial ends")) == 1
    world.advance(to=due_at)
    assert told(world, "renews on") == []


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("period", [Period.WEEKLY, Period.EVERY_2_WEEKS])
def test_what_renews_sooner_than_a_month_is_not_told_of(world: World, period: Period) -> None:
    world.buy(world.product(terms(period)))
    world.advance(days=60)
    assert told(world, "renews on") == []


@pytest.mark.spec("R-8")
def test_what_is_cancelled_paused_or_switched_off_is_not_told_of(world: World) -> None:
    world.buy(world.product(terms(Period.MONTHLY)))
    world.cancel(When.PERIOD_END)
    world.advance(days=60)
    assert told(world, "renews on") == []
    quiet = World()
    quiet.change_merchant(settings=Settings(reminder_days=0))
    quiet.buy(quiet.product(terms(Period.MONTHLY)))
    quiet.advance(days=60)
    assert told(quiet, "renews on") == []


@pytest.mark.spec("R-8")
def test_a_card_is_told_of_once_when_its_last_month_begins(world: World) -> None:
    world.change_merchant(settings=Settings(portal=PortalKind.STANDALONE))
    world.buy(world.product(terms(Period.WEEKLY)))
    world.buy(world.product(terms(Period.WEEKLY)), email="bob@example.com")
    (card,) = world.history().methods
    world.store.commit(Change(card, replace(card, expires_on="2026-04")))
    world.advance(days=59)
    assert told(world, "expires") == []
    world.advance(days=3)
    assert told(world, "expires") == ["[TEST] Your card for Course expires soon"]
    mail = next(m for m in world.mailer.sent if "expires" in m["Subject"])
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Visa •••• 4242" in text
    assert "https://pay.example.com/portal/acme" in text
    world.advance(days=60)
    assert len(told(world, "expires")) == 1


@pytest.mark.spec("R-8")
def test_a_reminder_that_comes_late_is_not_sent_after_the_charge(world: World) -> None:
    world.buy(world.product(terms(Period.MONTHLY)))
    due_at = world.subscription().next_charge_at
    assert due_at is not None
    world.now = due_at + timedelta(minutes=1)
    tally = remind.sweep(world.ports, now=world.now)
    assert tally == {"looked": 1}
    assert remind.sweep(world.ports, now=world.now) == {}


@pytest.mark.spec("R-8", "X-2")
def test_what_has_ended_is_forgotten(world: World) -> None:
    world.buy(world.product(terms(Period.MONTHLY)))
    world.advance(days=1)
    world.cancel(When.NOW)
    world.advance(days=60)
    assert remind.sweep(world.ports, now=world.now + timedelta(days=365)) == {}


def sent_to_bank(buyer: Client, link: str) -> str:
    """The payment that the bank's page is about; a page leads there, since no form may."""
    onward = buyer.browse("POST", link, {})
    assert onward.status == 200
    assert "form-action 'self'" in onward.headers["content-security-policy"]
    assert "Confirm with your bank" in onward.body
    (url,) = re.findall(r'content="0; url=([^"]+)"', onward.body)
    return str(url).rpartition("/")[2]


@pytest.mark.spec("R-4", "R-8")
def test_a_bank_that_wants_its_customer_is_answered_by_the_link_in_the_mail(world: World) -> None:
    world.change_merchant(settings=Settings(portal=PortalKind.STANDALONE))
    product = world.product(terms(Period.MONTHLY, 14))
    world.buy(product, payment_method="pm_card_authenticationRequired")
    world.advance(days=15)
    assert world.subscription().state is State.PAST_DUE
    mail = next(m for m in world.mailer.sent if "Confirm your payment" in m["Subject"])
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (link,) = re.findall(r"https://pay\.example\.com(/portal/acme/payments/\S+)", text)
    buyer = Client(app.build(world.ports))
    page = buyer.browse("GET", link)
    assert page.status == 200
    assert "Continue to your bank" in page.body
    reference = sent_to_bank(buyer, link)
    back = world.sandbox.authenticate(reference, succeeded=True)
    assert back is not None and back.endswith(f"{link}?returned=true")
    paid = buyer.browse("GET", f"{link}?returned=true")
    assert "Thank you for your payment" in paid.body
    assert world.subscription().state is State.ACTIVE
    assert [c["status"] for c in world.charges()] == ["succeeded"]
    for _ in range(2):  # Coming back again does it no second time.
        assert "Thank you for your payment" in buyer.browse("GET", f"{link}?returned=true").body
        assert buyer.browse("POST", link, {}).status == 303
    assert len(world.charges()) == 1


@pytest.mark.spec("R-4")
def test_the_bank_sends_back_to_a_whole_address_where_the_installation_has_no_domain(
    world: World,
) -> None:
    world.buy(
        world.product(terms(Period.MONTHLY, 14)), payment_method="pm_card_authenticationRequired"
    )
    world.advance(days=15)
    invoice = world.history().invoices[-1]
    link = f"/portal/acme/payments/{invoice.customer}~{invoice.id}~{invoice.download_key}"
    # So it is behind the API of a stack without PublicUrl.
    unnamed = replace(world.ports, operation=replace(world.ports.operation, public_url=""))
    reference = sent_to_bank(Client(app.build(unnamed)), link)
    back = world.sandbox.authenticate(reference, succeeded=True)
    assert back == f"https://{HOST}{link}?returned=true"


@pytest.mark.spec("R-4")
def test_a_customer_who_fails_at_the_bank_is_told_and_tried_again(world: World) -> None:
    world.buy(
        world.product(terms(Period.MONTHLY, 14)), payment_method="pm_card_authenticationRequired"
    )
    world.advance(days=15)
    invoice = world.history().invoices[-1]
    link = f"/portal/acme/payments/{invoice.customer}~{invoice.id}~{invoice.download_key}"
    buyer = Client(app.build(world.ports))
    reference = sent_to_bank(buyer, link)
    world.sandbox.authenticate(reference, succeeded=False)
    assert "didn&#39;t go through" in buyer.browse("GET", f"{link}?returned=true").body
    world.advance(days=4)
    assert len(told(world, "Confirm your payment")) == 2, "the next attempt asks again"


@pytest.mark.parametrize("reference", ["x", "a~b~c", "~~", "a" * 300, "a%00b"])
def test_a_link_that_is_not_ours_leads_nowhere(world: World, reference: str) -> None:
    world.buy()
    stranger = Client(app.build(world.ports))
    assert stranger.browse("GET", f"/portal/acme/payments/{reference}").status == 404
    assert stranger.browse("POST", f"/portal/acme/payments/{reference}", {}).status in {403, 404}


@pytest.mark.spec("R-4")
def test_a_link_that_is_not_needed_any_more_says_so(world: World) -> None:
    bought = world.buy()
    invoice = world.history().invoices[0]
    link = f"/portal/acme/payments/{bought.customer}~{invoice.id}~{invoice.download_key}"
    assert "Thank you for your payment" in Client(app.build(world.ports)).browse("GET", link).body
    assert Client(app.build(world.ports)).browse("GET", f"{link}x").status == 404
