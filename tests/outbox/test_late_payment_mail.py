"""Mail about payments that goes out late: it is true of its event, or is left out (R-8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from billing.cards.flows import cards
from billing.gateway_events.flows import buyer_return, webhook
from billing.kernel.catalog import Initial
from billing.kernel.customers import PaymentMethod
from billing.kernel.gateways import SANDBOX, AccountRef, DisputeStanding
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.notices.flows import remind
from billing.plans.flows import change_plan
from billing.plans.plan_change import When as PlanWhen
from billing.refunds.flows import refund
from tests.outbox.late import bought, facts, subjects, told, untold
from tests.world import MONTHLY, START, World

TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
FAILED = "Your payment for Course didn't go through"


@pytest.fixture
def world() -> World:
    return World()


def past_due(world: World, card: str = "pm_card_chargeCustomerFail") -> None:
    """A first payment after a trial that was declined, without a mail about it."""
    bought(world, TRIAL, payment_method=card)
    with untold():
        world.advance(days=14, minutes=1)
    assert world.subscription().state is State.PAST_DUE


def new_card(world: World) -> None:
    customer, account = world.subscription().customer, world.merchant.account_at("sandbox")
    cards.add(
        world.ports,
        "acme",
        customer,
        account=account,
        token="pm_card_mastercard",
        attempt_key="attempt-new-card",
        now=world.now,
    )


@pytest.mark.spec("R-8", "R-4")
def test_a_payment_that_failed_and_was_made_is_told_by_its_receipt(world: World) -> None:
    past_due(world)
    with untold():
        new_card(world)
        world.advance(minutes=5)
    assert world.subscription().state is State.ACTIVE
    assert set(subjects(world)) == {
        "A card was added to your Acme Courses account",
        "Receipt: $29.99 for Course",
    }


@pytest.mark.spec("R-8", "R-4")
def test_a_failed_payment_names_its_own_next_attempt_or_is_told_by_the_next(world: World) -> None:
    past_due(world)
    failed = [each for each in told(world) if each[0] == FAILED]
    assert len(failed) == 1 and "We'll try again on February 17, 2026." in failed[0][1]
    with untold():
        world.advance(days=6, minutes=5)
    ((subject, words),) = told(world)
    assert subject == FAILED and "We'll try again on February 23, 2026." in words


@pytest.mark.spec("R-8", "R-4")
def test_a_failed_payment_of_what_has_ended_is_not_told_to_be_tried_again(world: World) -> None:
    past_due(world)
    told_before = facts(world)
    world.cancel(When.NOW)
    assert any(fact.kind is EventKind.PAYMENT_FAILED for fact in told_before)
    assert subjects(world) == ["Your subscription to Course has ended"]


@pytest.mark.spec("R-8", "R-4")
def test_a_retry_cycle_that_is_used_up_is_told_by_its_failure_and_its_end(world: World) -> None:
    past_due(world)
    told(world)
    with untold():
        world.advance(days=12)
    assert world.subscription().state is State.CANCELLED
    found = dict(told(world))
    assert set(found) == {FAILED, "Your subscription to Course has ended"}
    assert "We won't try again, and your subscription has ended." in found[FAILED]
    assert (
        "because your last payment didn't go through"
        in found["Your subscription to Course has ended"]
    )


@pytest.mark.spec("R-8", "R-4")
def test_who_confirmed_at_the_bank_is_not_asked_to_any_more(world: World) -> None:
    past_due(world, "pm_card_authenticationRequired")
    invoice = world.history().invoices[-1]
    world.sandbox.authenticate(str(invoice.gateway_ref), succeeded=True)
    buyer_return.settle(world.ports, invoice, now=world.now)
    assert subjects(world) == ["Receipt: $29.99 for Course"]


@pytest.mark.spec("R-8", "C-3")
@pytest.mark.parametrize("then", ["cancelled", "changed"])
def test_a_receipt_says_what_followed_from_its_payment(world: World, then: str) -> None:
    bought(world)
    with untold():
        world.advance(days=28, minutes=1)
    if then == "cancelled":
        world.cancel(When.NOW)
    else:
        change_plan.change(
            *(world.ports, world.subscription(), "acme.price1x2", PlanWhen.NEXT_REBILL),
            token=None,
            now=world.now,
        )
    found = dict(told(world))
    receipt = found["Receipt: $29.99 for Course"]
    assert "Your next payment is $29.99 on March 31, 2026." in receipt
    assert "How to cancel" in receipt
    assert "Course renews" not in " ".join(found), "its day has come"


def another_is_default(world: World, card: PaymentMethod) -> None:
    new_card(world)


def is_renewed(world: World, card: PaymentMethod) -> None:
    world.store.commit(Change(card, replace(card, expires_on="2031-02", expiry_told=True)))


def is_removed(world: World, card: PaymentMethod) -> None:
    new_card(world)
    cards.remove(world.ports, "acme", card.customer, card.id, now=world.now)


@pytest.mark.spec("R-8", "W-7")
@pytest.mark.parametrize("then", [another_is_default, is_renewed, is_removed])
def test_a_card_that_pays_no_more_or_for_longer_is_not_told_to_expire(
    world: World, then: Callable[[World, PaymentMethod], None]
) -> None:
    bought(world)
    (card,) = world.history().methods
    expiring = replace(card, expires_on="2026-02")
    world.store.commit(Change(card, expiring))
    world.now = datetime(2026, 2, 2, tzinfo=UTC)
    assert remind.sweep(world.ports, now=world.now)["told"] == 1
    then(world, replace(expiring, expiry_told=True))
    assert not [subject for subject in subjects(world) if "expires" in subject]


@pytest.mark.spec("R-8", "W-4")
def test_a_dispute_that_is_decided_is_told_by_that(world: World) -> None:
    bought(world)
    reference = str(world.history().invoices[0].gateway_ref)
    dispute = world.sandbox.open_dispute(reference, None)
    for standing in (None, DisputeStanding.WON):
        if standing is not None:
            world.sandbox.close_dispute(reference, dispute, standing)
        for event in world.sandbox.events_since(START - timedelta(days=1)):
            webhook.take(
                world.ports,
                world.merchant,
                AccountRef("acme", SANDBOX, SANDBOX),
                event,
                now=world.now,
            )
    kinds = {fact.kind for fact in facts(world)}
    assert kinds >= {EventKind.DISPUTE_OPENED, EventKind.DISPUTE_WON}
    assert len(subjects(world)) == 1


@pytest.mark.spec("R-8", "B-7")
def test_a_credit_note_is_sent_though_the_refund_came_back(world: World) -> None:
    bought(world)
    (order,) = world.orders()
    paid = refund.payment(world.ports, "acme", order.id)
    refund.request(world.ports, paid, amount_minor=None, source=Source.CUSTOMER, now=world.now)
    reference = str(world.history().invoices[0].gateway_ref)
    ((row),) = (each for each in world.charges() if each["refunded"])
    made = world.sandbox.refunds(reference, ours=[])[0]
    world.sandbox.send_back(reference, made.id)
    for event in world.sandbox.events_since(START - timedelta(days=1)):
        webhook.take(
            world.ports, world.merchant, AccountRef("acme", SANDBOX, SANDBOX), event, now=world.now
        )
    found = subjects(world)
    assert "Refund: $29.99 for Course" in found and row["refunded"] == 2999
    assert "Refund not received: $29.99 for Course" in found
