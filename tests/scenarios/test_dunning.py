"""From a first failure to recovery, or the end: a life for each class of decline (R-4, R-5)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.cards.flows import cards
from billing.customers.flows import customers
from billing.kernel.merchants import PortalKind, Settings
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from functions.portal import app
from tests.web.calls import Client
from tests.world import World

SOFT = ("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds")
HARD = "pm_card_chargeDeclinedExpiredCard"
ASKS = "pm_card_authenticationRequired"

BOUGHT = "Your purchase: Course"
SOON = "Course renews on February 28, 2026"
FAILED = "Your payment for Course didn't go through"
CONFIRM = "Confirm your payment for Course"
PAID = "Receipt: $29.99 for Course"
NEW_CARD = "A card was added to your Acme Courses account"
ENDED = "Your subscription to Course has ended"


@pytest.fixture
def world() -> World:
    world = World()
    world.change_merchant(settings=Settings(portal=PortalKind.STANDALONE))
    world.buy()
    return world


def goes_bad(world: World, token: str) -> None:
    """The bank has changed its mind about the customer's card."""
    subscription, (card,) = world.subscription(), world.history().methods
    other = replace(card, id=f"{token}:1", fingerprint=token)
    changed = replace(subscription, payment_method=other.id)
    world.store.commit(Insert(other), Change(subscription, changed))


def new_card(world: World) -> None:
    """The customer puts in a card that works, from the link in the mail."""
    history = world.history()
    assert history.customer is not None
    declined = cards.add(
        world.ports,
        "acme",
        history.customer.id,
        account=world.merchant.account_at("sandbox"),
        token="pm_card_mastercard",
        attempt_key="attempt-new-card",
        now=world.now,
    )
    assert declined is None
    world.advance(minutes=5)


def mails(world: World) -> list[str]:
    """Returns the subjects mailed, in order, each once."""
    return [re.sub(r"^\[TEST\] ", "", subject) for subject in world.subjects()]


def failures(world: World) -> list[str | None]:
    return [order.code for order in world.orders() if order.kind == "failed"]


@pytest.mark.spec("R-4", "R-5", "R-8")
@pytest.mark.parametrize("token", SOFT)
def test_a_soft_decline_is_tried_again_and_a_new_card_recovers_it(world: World, token: str) -> None:
    goes_bad(world, token)
    scheduled = world.subscription().next_charge_at
    assert scheduled is not None
    world.advance(to=scheduled + timedelta(days=3, hours=1))
    assert world.subscription().state is State.PAST_DUE
    assert len(failures(world)) == 2, "at once, and three days later"
    new_card(world)
    assert world.subscription().state is State.ACTIVE
    assert mails(world)[:4] == [BOUGHT, SOON, FAILED, FAILED]
    assert sorted(mails(world)[4:]) == sorted([NEW_CARD, PAID])
    assert [c["status"] for c in world.charges()].count("succeeded") == 2


@pytest.mark.spec("R-4", "R-8")
@pytest.mark.parametrize("token", SOFT)
def test_a_soft_decline_that_stays_ends_it_after_four_attempts(world: World, token: str) -> None:
    goes_bad(world, token)
    world.advance(days=60)
    ended = world.subscription()
    assert ended.state is State.CANCELLED
    assert ended.ended_by is Source.DUNNING
    assert len(failures(world)) == 4
    assert mails(world) == [BOUGHT, SOON, FAILED, FAILED, FAILED, FAILED, ENDED]


@pytest.mark.spec("R-4", "R-8")
def test_a_hard_decline_is_not_tried_again_and_a_new_card_recovers_it_at_once(
    world: World,
) -> None:
    goes_bad(world, HARD)
    scheduled = world.subscription().next_charge_at
    assert scheduled is not None
    world.advance(to=scheduled + timedelta(days=8))
    assert failures(world) == ["expired_card"]
    assert world.subscription().state is State.PAST_DUE
    assert mails(world) == [BOUGHT, SOON, FAILED]
    new_card(world)
    assert world.subscription().state is State.ACTIVE
    assert sorted(mails(world)[3:]) == sorted([NEW_CARD, PAID])


@pytest.mark.spec("R-4", "R-8")
def test_a_hard_decline_that_nobody_answers_ends_it_on_the_day_the_cycle_would_have(
    world: World,
) -> None:
    goes_bad(world, HARD)
    scheduled = world.subscription().next_charge_at
    assert scheduled is not None
    world.advance(to=scheduled + timedelta(days=8, hours=23))
    assert world.subscription().state is State.PAST_DUE
    world.advance(days=1)
    ended = world.subscription()
    assert (ended.state, ended.ended_by) == (State.CANCELLED, Source.DUNNING)
    assert failures(world) == ["expired_card"]
    assert mails(world) == [BOUGHT, SOON, FAILED, ENDED]


@pytest.mark.spec("R-4", "R-8")
def test_a_bank_that_asks_is_answered_and_the_next_charge_is_on_its_day(world: World) -> None:
    goes_bad(world, ASKS)
    scheduled = world.subscription().next_charge_at
    assert scheduled is not None
    world.advance(to=scheduled + timedelta(days=1))
    assert mails(world) == [BOUGHT, SOON, CONFIRM]
    invoice = world.history().invoices[-1]
    link = f"/portal/acme/payments/{invoice.customer}~{invoice.id}~{invoice.download_key}"
    buyer = Client(app.build(world.ports))
    bank = re.findall(r"/sandbox/authenticate/(\w+)", _to_bank(buyer, link))
    world.sandbox.authenticate(bank[0], succeeded=True)
    buyer.browse("GET", f"{link}?returned=true")
    world.advance(minutes=5)
    assert mails(world) == [BOUGHT, SOON, CONFIRM, PAID]
    after = world.subscription()
    assert after.state is State.ACTIVE
    assert after.next_charge_at is not None
    assert after.next_charge_at.date().isoformat() == "2026-03-31", "the anchor never moves"


@pytest.mark.spec("R-4", "R-8")
def test_a_bank_that_is_never_answered_asks_four_times_and_then_it_ends(world: World) -> None:
    goes_bad(world, ASKS)
    world.advance(days=60)
    assert world.subscription().ended_by is Source.DUNNING
    # Being asked again says that the last link is over: "declined" beside it would deny it.
    assert mails(world) == [BOUGHT, SOON, *([CONFIRM] * 4), FAILED, ENDED]
    assert all(charge["status"] == "declined" for charge in world.charges()[1:])


@pytest.mark.spec("R-5")
def test_access_lasts_through_the_cycle_where_the_merchant_says_nothing(world: World) -> None:
    goes_bad(world, SOFT[0])
    scheduled = world.subscription().next_charge_at
    assert scheduled is not None
    world.advance(to=scheduled + timedelta(days=8))
    assert may_use(world)
    world.advance(days=2)
    assert world.subscription().state is State.CANCELLED
    assert not may_use(world)


@pytest.mark.spec("R-5")
@pytest.mark.parametrize("grace_days", [0, 3])
def test_access_lasts_as_long_as_the_merchant_says(world: World, grace_days: int) -> None:
    world.change_merchant(settings=replace(world.merchant.settings, grace_days=grace_days))
    goes_bad(world, SOFT[0])
    scheduled = world.subscription().next_charge_at
    assert scheduled is not None
    ends_at = scheduled + timedelta(days=grace_days)
    if grace_days:
        world.advance(to=ends_at - timedelta(minutes=1))
        assert may_use(world)
    world.advance(to=max(ends_at, scheduled + timedelta(minutes=2)))
    assert world.subscription().state is State.PAST_DUE
    assert not may_use(world)
    new_card(world)
    assert may_use(world), "what is paid late is open again"


@pytest.mark.spec("R-4", "R-5")
def test_what_stays_unpaid_for_ever_gives_no_access(world: World) -> None:
    kept = RetrySchedule(final_action=FinalAction.KEEP_PAST_DUE)
    world.change_merchant(settings=replace(world.merchant.settings, retry_schedule=kept))
    goes_bad(world, SOFT[0])
    world.advance(days=60)
    assert world.subscription().state is State.PAST_DUE
    assert not may_use(world)


def may_use(world: World) -> bool:
    return customers.has_access(world.ports, "acme", "ann@example.com", "course", now=world.now)


def _to_bank(buyer: Client, link: str) -> str:
    """Returns the way on from the page of a payment: an address, or a page with one."""
    answer = buyer.browse("POST", link, {})
    return answer.headers.get("location", "") + answer.body
