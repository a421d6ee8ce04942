"""Withdrawals give back what the law and the buyer's own consent say, once (X-10, C-6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import DeclarationState, Declared, Kind, Reason
from billing.declarations.flows import decide, look, receive
from billing.declarations.flows.receive import Sender
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.flows import change_plan
from billing.plans.plan_change import When
from billing.refunds.flows import refund
from billing.refunds.refunds import RefundState
from billing.render.messages import text
from tests.declarations.hall import BERLIN, DELAYED, Hall
from tests.migration.moving_shop import MovingShop
from tests.scenarios import disputes
from tests.world import ADDRESS, World

SEPTEMBER = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)
PAGE = "/withdraw/acme?country=DE"
ONCE = PriceTerms(PriceType.ONE_TIME, Money(5000, Currency.USD))


@pytest.fixture
def hall() -> Hall:
    return Hall(World(SEPTEMBER))


def withdraw(hall: Hall, order: str) -> None:
    assert hall.declare(PAGE, contract=order).status == 200
    hall.tick()


@pytest.mark.spec("X-10")
def test_a_withdrawal_refunds_all_of_it_and_ends_access(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    hall.world.advance(days=10)
    withdraw(hall, order)
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert hall.declaration.refunded == (order,)
    assert hall.subscription.state is State.CANCELLED
    assert not hall.subscription.gives_access(hall.world.now)
    assert [c["refunded"] for c in hall.world.charges()] == [2999]
    hall.world.advance(days=60)
    assert [c["refunded"] for c in hall.world.charges()] == [2999]
    assert [o.kind for o in hall.world.orders()].count(OrderKind.REFUND) == 1


@pytest.mark.spec("X-10", "C-6")
def test_with_consent_to_an_immediate_start_the_days_used_are_paid(hall: Hall) -> None:
    order = hall.buy(starts_at_once=True).invoice.order_id
    (consent,) = hall.world.history().consents
    assert consent.starts_at_once == text("en", "declaration.starts_at_once")
    hall.world.advance(days=10, hours=5)
    withdraw(hall, order)
    # Ten whole days of the 30 that it paid for are used; the rest is rounded up.
    assert [c["refunded"] for c in hall.world.charges()] == [2999 - 999]


@pytest.mark.spec("X-10")
@pytest.mark.parametrize(("days", "state"), [(14, "carried_out"), (15, "agent")])
def test_the_right_lasts_to_the_end_of_the_fourteenth_day(
    hall: Hall, days: int, state: str
) -> None:
    order = hall.buy().invoice.order_id
    hall.world.advance(days=days)
    withdraw(hall, order)
    assert hall.declaration.state.value == state
    if state == "agent":
        assert hall.declaration.why is Reason.OVER
        assert hall.subscription.state is State.ACTIVE
        assert [c["refunded"] for c in hall.world.charges()] == [0]


@pytest.mark.spec("X-10")
def test_where_no_law_gives_the_right_a_person_decides(hall: Hall) -> None:
    order = hall.buy(address=ADDRESS).invoice.order_id
    withdraw(hall, order)
    found = hall.declaration
    assert (found.state, found.why) == (DeclarationState.AGENT, Reason.NO_RIGHT)


@pytest.mark.spec("X-10")
def test_a_one_time_purchase_is_withdrawn_from_by_its_order_id(hall: Hall) -> None:
    order = hall.buy(ONCE).invoice.order_id
    withdraw(hall, order)
    assert [c["refunded"] for c in hall.world.charges()] == [5000]
    assert hall.declaration.state is DeclarationState.CARRIED_OUT


@pytest.mark.spec("X-10")
def test_what_was_refunded_before_is_not_refunded_again(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    paid = refund.payment(hall.world.ports, "acme", order)
    refund.request(
        hall.world.ports, paid, amount_minor=1000, source=Source.MERCHANT, now=hall.world.now
    )
    withdraw(hall, order)
    assert [c["refunded"] for c in hall.world.charges()] == [2999]


@pytest.mark.spec("X-10")
def test_a_refund_whose_answer_is_lost_is_made_once(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    hall.world.sandbox.faults.arm("timeout_after", 2)
    assert hall.declare(PAGE, contract=order).status == 200
    hall.tick()
    assert hall.declaration.state is DeclarationState.RECEIVED
    hall.world.advance(hours=2)
    assert [c["refunded"] for c in hall.world.charges()] == [2999]
    assert hall.declaration.state is DeclarationState.CARRIED_OUT


@pytest.mark.spec("X-10")
def test_an_unproved_withdrawal_refunds_nothing(hall: Hall) -> None:
    hall.buy(DELAYED)
    hall.declare(PAGE)
    hall.world.advance(days=8)
    assert [c["refunded"] for c in hall.world.charges()] == [0]
    found = hall.declaration
    assert (found.state, found.why) == (DeclarationState.AGENT, Reason.REFUND)
    assert hall.subscription.state is State.CANCEL_PENDING
    assert timedelta(days=14) == found.decide_by - found.at


@pytest.mark.spec("X-10", "B-7")
def test_it_is_carried_out_once_its_refund_is_answered_and_names_the_payment(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    hall.world.sandbox.faults.arm("timeout_before", 2)
    assert hall.declare(PAGE, contract=order).status == 200
    hall.tick()
    hall.world.now += timedelta(minutes=30)
    hall.world.sandbox.faults.arm("timeout_before", 1)
    look.sweep(hall.world.ports, now=hall.world.now)
    assert hall.declaration.state.value == "received"
    hall.world.advance(hours=2)
    assert [c["refunded"] for c in hall.world.charges()] == [2999]
    assert hall.declaration.state.value == "carried_out"
    assert hall.declaration.refunded == (order,)


@pytest.mark.spec("X-10", "B-7")
def test_a_refund_that_the_gateway_refuses_later_leaves_it_to_a_person(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    hall.world.sandbox.faults.arm("timeout_before", 2)
    assert hall.declare(PAGE, contract=order).status == 200
    hall.tick()
    hall.world.sandbox.faults.arm("timeout_before", 1)
    look.sweep(hall.world.ports, now=hall.world.now + timedelta(minutes=30))
    (asked,) = hall.world.history().refunds
    assert asked.state is RefundState.REQUESTED
    hall.world.store.commit(Change(asked, replace(asked, state=RefundState.FAILED, due_at=None)))
    hall.world.advance(hours=2)
    found = hall.declaration
    assert (found.state, found.why) == (DeclarationState.AGENT, Reason.REFUND)


@pytest.mark.spec("X-10")
@pytest.mark.parametrize("signed_in", [True, False])
def test_one_that_names_another_purchase_is_about_no_subscription(
    hall: Hall, signed_in: bool
) -> None:
    hall.buy()
    hall.world.buy(hall.world.product(ONCE, name="Handbook"), address=BERLIN)
    hall.world.work()
    before = hall.subscription
    receive.receive(
        hall.world.ports,
        hall.world.merchant,
        Duty.WITHDRAWAL,
        Declared(Kind.WITHDRAWAL, "Ann", "ann@example.com", "The handbook, please"),
        Sender("192.0.2.1", "DE", "de", customer=before.customer if signed_in else None),
        key="attempt-handbook",
        now=hall.world.now,
    )
    hall.tick()
    if not signed_in:
        hall.answer("yes")
        hall.tick()
    assert (hall.declaration.state, hall.declaration.why) == (
        DeclarationState.AGENT,
        Reason.NOTHING_RUNS,
    )
    assert hall.subscription == before
    assert [c["refunded"] for c in hall.world.charges()] == [0, 0]


@pytest.mark.spec("X-10", "W-4")
@pytest.mark.parametrize("terms", [DELAYED, ONCE])
def test_what_a_bank_holds_is_not_given_back_yet(hall: Hall, terms: PriceTerms) -> None:
    order = hall.buy(terms).invoice.order_id
    dispute = disputes.disputed(hall.world)
    withdraw(hall, order)
    assert (hall.declaration.state, hall.declaration.why) == (
        DeclarationState.AGENT,
        Reason.REFUND,
    )
    disputes.decide(hall.world, dispute, disputes.WON)
    decide.approve(hall.world.ports, hall.declaration, None, by="agent", now=hall.world.now)
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert hall.declaration.refunded == (order,)
    assert [c["refunded"] for c in hall.world.charges()] == [terms.price.amount_minor]


@pytest.mark.spec("X-10", "W-4")
def test_what_a_bank_took_is_not_given_back_again(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    dispute = disputes.disputed(hall.world)
    disputes.decide(hall.world, dispute, disputes.LOST)
    withdraw(hall, order)
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert (hall.declaration.refunded, hall.world.charges()[0]["refunded"]) == ((), 0)


@pytest.mark.spec("X-10", "B-7")
def test_one_without_an_order_id_is_finished_after_its_subscription_has_ended(hall: Hall) -> None:
    order = hall.buy().invoice.order_id
    receive.receive(
        hall.world.ports,
        hall.world.merchant,
        Duty.WITHDRAWAL,
        Declared(Kind.WITHDRAWAL, "Ann", "ann@example.com", "Course"),
        Sender("192.0.2.1", "DE", "de", customer=hall.subscription.customer),
        key="attempt-course",
        now=hall.world.now,
    )
    hall.world.sandbox.faults.arm("timeout_before", 2)
    hall.tick()
    assert hall.subscription.state is State.CANCELLED
    assert [c["refunded"] for c in hall.world.charges()] == [0]
    hall.world.advance(hours=2)
    assert [c["refunded"] for c in hall.world.charges()] == [2999]
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert hall.declaration.refunded == (order,)


@pytest.mark.spec("X-10", "M-6")
def test_what_was_paid_where_it_was_moved_from_is_a_persons_to_give_back() -> None:
    shop = MovingShop(SEPTEMBER)
    held = shop.subscribe()
    imported = shop.imported(country="DE", state="")
    shop.move(imported)
    world = shop.world
    moved = world.subscription(held.email)
    receive.receive(
        world.ports,
        world.merchant,
        Duty.WITHDRAWAL,
        Declared(Kind.WITHDRAWAL, "Ann", held.email, ""),
        Sender("192.0.2.1", "DE", "de", customer=moved.customer),
        key="attempt-moved",
        now=world.now,
    )
    world.now += timedelta(minutes=1)
    world.tick()
    (found,) = world.store.declarations("acme", limit=9)
    assert (found.state, found.why) == (DeclarationState.AGENT, Reason.REFUND)
    assert world.subscription(held.email).state is State.CANCELLED
    decide.approve(world.ports, found, None, by="agent", now=world.now)
    world.now += timedelta(minutes=1)
    world.tick()
    (found,) = world.store.declarations("acme", limit=9)
    assert (found.state, found.why) == (DeclarationState.CARRIED_OUT, None)


@pytest.mark.spec("X-10", "B-7")
@pytest.mark.parametrize("why", ["consent", "no_right", "over"])
@pytest.mark.parametrize("terms", [DELAYED, ONCE])
def test_a_person_decides_once_and_gives_back_by_hand_what_no_law_says(
    hall: Hall, why: str, terms: PriceTerms
) -> None:
    fields: dict[str, dict[str, Any]] = {
        "no_right": {"address": ADDRESS},
        "consent": {"starts_at_once": True},
    }
    if why == "consent" and terms is DELAYED:
        terms = replace(DELAYED, type=PriceType.INSTALLMENT, installments=4)
    order = hall.buy(terms, **fields.get(why, {})).invoice.order_id
    if why == "over":
        hall.world.advance(days=20)
    withdraw(hall, order)
    assert hall.declaration.why == why
    ports, now = hall.world.ports, hall.world.now
    paid = refund.payment(ports, "acme", order)
    refund.request(ports, paid, amount_minor=700, source=Source.MERCHANT, now=now)
    decide.approve(ports, hall.declaration, None, by="agent", now=now)
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert [c["refunded"] for c in hall.world.charges()] == [700]
    if terms is not ONCE:
        assert hall.subscription.state is State.CANCELLED


@pytest.mark.spec("X-10")
def test_what_was_charged_since_goes_back_though_no_law_gives_the_right(hall: Hall) -> None:
    order = hall.buy(replace(DELAYED, period=Period.WEEKLY), address=ADDRESS).invoice.order_id
    withdraw(hall, order)
    assert hall.declaration.why is Reason.NO_RIGHT
    hall.world.advance(days=8)
    assert len(hall.world.charges()) == 2
    decide.approve(hall.world.ports, hall.declaration, None, by="agent", now=hall.world.now)
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    price = DELAYED.price.amount_minor
    assert [c["refunded"] for c in hall.world.charges()] == [0, price]
    assert hall.subscription.state is State.CANCELLED


@pytest.mark.spec("X-10", "A-4")
@pytest.mark.parametrize(
    ("minor", "period", "back"),
    [(5998, Period.MONTHLY, 4000), (36500, Period.YEARLY, None), (1000, Period.MONTHLY, None)],
    ids=["same days", "other days", "credit left"],
)
def test_days_of_which_another_plan_was_made_are_a_persons_to_count(
    hall: Hall, minor: int, period: Period, back: int | None
) -> None:
    order = hall.buy(starts_at_once=True).invoice.order_id
    other = hall.world.product(
        replace(DELAYED, price=Money(minor, Currency.USD), period=period), name="Other"
    )
    hall.world.advance(days=5)
    ports, now = hall.world.ports, hall.world.now
    change_plan.change(ports, hall.subscription, other.default_price_point, When.NOW, now=now)
    hall.world.work()
    hall.world.advance(days=5)
    withdraw(hall, order)
    assert hall.subscription.state is State.CANCELLED
    if back is not None:
        assert hall.declaration.state is DeclarationState.CARRIED_OUT
        # Five days at each price, of thirty: 500 and 1000 of 5498.
        assert sum(c["refunded"] for c in hall.world.charges()) == pytest.approx(back, abs=2)
        return
    assert (hall.declaration.state, hall.declaration.why) == (
        DeclarationState.AGENT,
        Reason.REFUND,
    )
    decide.approve(ports, hall.declaration, None, by="agent", now=hall.world.now)
    hall.tick()
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
