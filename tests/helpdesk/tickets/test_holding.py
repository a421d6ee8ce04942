"""A request to cancel holds the charges until a person has decided, or nobody has (H-4, X-8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NoReturn

import pytest

from billing.cancel.flows import cancel
from billing.helpdesk.flows import decision, ticket
from billing.helpdesk.tickets import TicketState
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.errors import Unreachable
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import Undecided
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.rebill.flows import missed
from tests.helpdesk.tickets.asking import (
    DELAYED,
    DUE,
    approve,
    ask_support,
    ask_to_cancel,
    buy,
    decline,
    kinds,
    newest,
    set_up,
)
from tests.scenarios.disputes import disputed
from tests.world import MONTHLY, World


@pytest.mark.spec("H-4", "X-1", "X-2")
def test_approved_after_the_due_date_it_ends_as_of_the_request(world: World) -> None:
    buy(world)
    world.advance(days=25)
    asked_at = world.now
    found = ask_to_cancel(world)
    world.advance(days=6)
    assert world.now > DUE
    assert len(world.charges()) == 1, "what fell due meanwhile is held"
    assert world.subscription().state is State.ACTIVE
    approve(world, found)
    world.advance(minutes=5)
    ended = world.subscription()
    assert (ended.state, ended.ends_at, ended.ended_by) == (
        State.CANCELLED,
        DUE,
        Source.CUSTOMER,
    )
    requested = next(o for o in world.orders() if o.kind is OrderKind.CANCEL_REQUEST)
    assert requested.at == asked_at, "the date of the request is kept"
    world.advance(days=60)
    assert len(world.charges()) == 1
    assert kinds(world).count(OrderKind.CANCELLATION) == 1


@pytest.mark.spec("H-4", "P-16")
def test_approved_before_the_due_date_it_ends_with_the_period(world: World) -> None:
    buy(world)
    world.advance(days=20)
    found = ask_to_cancel(world)
    world.advance(days=1)
    decided = approve(world, found)
    assert (decided.state, decided.carried_out_at) == (TicketState.APPROVED, world.now)
    pending = world.subscription()
    assert (pending.state, pending.ends_at, pending.held) == (State.CANCEL_PENDING, DUE, False)
    world.advance(days=30)
    assert world.subscription().state is State.CANCELLED
    assert len(world.charges()) == 1


@pytest.mark.spec("H-4", "P-16")
def test_an_instant_one_ends_on_the_day_of_the_request(world: World) -> None:
    buy(world, MONTHLY)
    world.advance(days=3)
    asked_at = world.now
    found = ask_to_cancel(world)
    world.advance(days=2)
    approve(world, found)
    assert (world.subscription().state, world.subscription().ends_at) == (
        State.CANCELLED,
        asked_at,
    )


@pytest.mark.spec("H-4")
def test_declined_the_held_charge_is_made_at_once_and_the_anchor_stays(world: World) -> None:
    buy(world)
    world.advance(days=25)
    found = ask_to_cancel(world)
    world.advance(days=6)
    assert len(world.charges()) == 1
    declined = decline(world, found)
    assert declined.state is TicketState.DECLINED
    world.advance(minutes=2)
    assert [charge["status"] for charge in world.charges()] == ["succeeded", "succeeded"]
    assert world.subscription().period_at == datetime.fromisoformat("2026-03-31T14:00:00+00:00")
    world.advance(days=1)
    assert "[TEST] Your request was declined: Cancel Course" in world.subjects()


@pytest.mark.spec("H-4")
def test_what_waits_for_a_person_is_looked_at_once_a_day(world: World) -> None:
    buy(world)
    world.advance(days=25)
    ask_to_cancel(world)
    world.advance(to=DUE + timedelta(minutes=1))
    assert world.advance(days=3)["held_held"] == 3
    for _ in range(25):
        world.advance(hours=1)
        assert missed.find(world.ports, now=world.now) == [], (
            "it is an agent's, and nothing is wrong"
        )


@pytest.mark.spec("H-4", "R-4")
def test_asked_to_pay_before_it_was_held_it_is_tried_when_that_ends(world: World) -> None:
    world.buy(
        world.product(replace(DELAYED, initial=Initial(0, Span(14, Unit.DAY)))),
        payment_method="pm_card_chargeCustomerFail",
    )
    world.advance(days=14, hours=1)
    assert world.subscription().state is State.PAST_DUE
    asked = world.subscription().asked_to_pay(world.now)
    world.store.commit(Change(world.subscription(), asked))
    found = ask_to_cancel(world)
    assert world.advance(hours=3)["held_held"] == 1
    decline(world, found)
    world.advance(minutes=2)
    assert len([o for o in world.orders() if o.kind is OrderKind.FAILED]) == 2


@pytest.mark.spec("H-4", "R-2")
def test_declined_it_is_charged_though_it_is_later_than_a_missed_charge_may_be(
    world: World,
) -> None:
    set_up(world, catch_up_days=1)
    buy(world)
    world.advance(days=26)
    found = ask_to_cancel(world)
    world.advance(days=6)
    decline(world, found)
    world.advance(minutes=2)
    assert len(world.charges()) == 2
    assert world.subscription().waiting_since is None


@pytest.mark.spec("H-4")
@pytest.mark.parametrize("undecided", list(Undecided))
def test_undecided_for_seven_days_the_merchants_setting_decides(
    world: World, undecided: Undecided
) -> None:
    set_up(world, undecided=undecided)
    buy(world)
    world.advance(days=26)
    found = ask_to_cancel(world)
    world.advance(days=6, hours=23)
    assert len(world.charges()) == 1 and newest(world).state is TicketState.OPEN
    world.advance(hours=2)
    decided = newest(world)
    assert decided.id == found.id and decided.decided_by == decision.HOUSE
    if undecided is Undecided.CANCEL:
        assert world.subscription().state is State.CANCELLED
        assert world.subscription().ends_at == DUE
        assert len(world.charges()) == 1
    else:
        assert world.subscription().state is State.ACTIVE
        assert len(world.charges()) == 2
    world.advance(days=7)
    assert kinds(world).count(OrderKind.CANCELLATION) == (undecided is Undecided.CANCEL)


@pytest.mark.spec("H-4")
def test_a_retry_cycle_is_held_too_and_goes_on_when_it_is_declined(world: World) -> None:

    trial = replace(DELAYED, initial=Initial(0, Span(14, Unit.DAY)))
    world.buy(world.product(trial), payment_method="pm_card_chargeCustomerFail")
    world.advance(days=15)
    assert world.subscription().state is State.PAST_DUE
    attempts = len(world.charges())
    found = ask_to_cancel(world)
    world.advance(days=5)
    assert len(world.charges()) == attempts, "no retry while a person decides"
    decline(world, found)
    world.advance(minutes=2)
    assert len(world.charges()) == attempts + 1


@pytest.mark.spec("H-4", "X-6")
def test_a_charge_under_way_when_it_is_asked_goes_through_and_the_end_comes_after(
    world: World,
) -> None:
    buy(world)
    world.now = DUE
    world.sweep()
    confirm = world.sandbox.confirm

    def loses_its_answer(*args: Any, **kwargs: Any) -> Any:
        world.sandbox.faults.arm("timeout_after", 1)
        return confirm(*args, **kwargs)

    world.sandbox.confirm = loses_its_answer  # type: ignore[method-assign]
    world.work()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    found = ask_to_cancel(world)
    world.advance(minutes=20)
    assert len(world.charges()) == 2
    approve(world, found)
    assert world.subscription().ends_at == datetime.fromisoformat("2026-03-31T14:00:00+00:00")


@pytest.mark.spec("H-2", "H-3")
def test_the_same_request_is_the_same_ticket_and_after_a_decision_a_new_one(world: World) -> None:
    buy(world)
    first, second = ask_to_cancel(world, "Please"), ask_to_cancel(world, "Please")
    assert first.id == second.id
    assert ask_to_cancel(world, "Really, please").id == first.id
    words = [m.text for m in ticket.thread(world.ports, "acme", first.id).messages]
    assert words == ["Please", "Really, please"]
    decline(world, first)
    again = ask_to_cancel(world, "Please")
    assert again.id != first.id and again.state is TicketState.OPEN
    assert world.subscription().held_for == again.id
    approve(world, again)
    assert world.subscription().state is State.CANCEL_PENDING


@pytest.mark.spec("H-3")
def test_what_ended_without_the_ticket_is_approved_and_done(world: World) -> None:
    buy(world)
    found = ask_to_cancel(world)
    cancel.request(
        world.ports,
        world.subscription(),
        when=When.NOW,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert world.subscription().held is False
    assert approve(world, found).carried_out_at == world.now
    assert kinds(world).count(OrderKind.CANCELLATION) == 1


@pytest.mark.spec("X-8", "H-4")
def test_support_asked_eleven_days_before_the_invoice_stops_it(world: World) -> None:
    set_up(world, notice_days=10)
    order = buy(world)
    world.advance(to=DUE - timedelta(days=11))
    found = ask_support(world, order)
    assert found.lets_stand is None and world.subscription().held_for == found.id
    approve(world, found)
    assert world.subscription().ends_at == DUE
    world.advance(days=60)
    assert len(world.charges()) == 1


@pytest.mark.spec("X-8", "H-4")
@pytest.mark.parametrize("terms", [DELAYED, MONTHLY])
def test_support_asked_nine_days_before_it_takes_effect_one_period_later(
    world: World, terms: Any
) -> None:
    set_up(world, notice_days=10)
    order = buy(world, terms)
    world.advance(to=DUE - timedelta(days=9))
    found = ask_support(world, order)
    next_end = datetime.fromisoformat("2026-03-31T14:00:00+00:00")
    effect = decision.effect(world.ports, found)
    assert effect is not None
    assert (effect.charge_at, effect.ends_at) == (DUE, next_end), "said before it is confirmed"
    assert world.subscription().held is False, "a charge that stands is not held"
    waiting = approve(world, found)
    assert waiting.state is TicketState.APPROVED and waiting.carried_out_at is None
    world.advance(to=DUE + timedelta(hours=1))
    assert len(world.charges()) == 2
    assert world.subscription().state is State.CANCEL_PENDING
    assert world.subscription().ends_at == next_end
    world.advance(days=60)
    assert world.subscription().state is State.CANCELLED
    assert len(world.charges()) == 2
    mails = [str(m.get_body(("plain",)).get_content()) for m in world.mailer.sent]  # type: ignore[union-attr]
    assert any("$29.99 on February 28, 2026" in mail for mail in mails)


@pytest.mark.spec("X-8", "H-3")
def test_a_late_approval_before_the_last_payment_says_that_this_one_is_charged(
    world: World,
) -> None:
    set_up(world, notice_days=10)
    twice = PriceTerms(PriceType.INSTALLMENT, MONTHLY.price, Period.MONTHLY, installments=2)
    order = buy(world, twice)
    world.advance(to=DUE - timedelta(days=9))
    approve(world, ask_support(world, order))
    world.work()
    (mail,) = [m for m in world.mailer.sent if "was approved" in str(m["Subject"])]
    said = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert "has cancelled" not in said
    assert "too late to stop the payment on February 28, 2026" in said
    world.advance(to=DUE + timedelta(days=1))
    assert len(world.charges()) == 2
    assert world.subscription().state is State.COMPLETED


@pytest.mark.spec("X-8", "H-3", "W-4")
def test_a_late_approval_is_mailed_while_a_bank_looks_into_a_payment(world: World) -> None:
    set_up(world, notice_days=10)
    order = buy(world)
    world.advance(to=DUE - timedelta(days=9))
    disputed(world)
    approve(world, ask_support(world, order))
    world.work()
    (mail,) = [m for m in world.mailer.sent if "was approved" in str(m["Subject"])]
    said = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert "the payment of the usual amount on February 28, 2026" in said


@pytest.mark.spec("X-8")
def test_decided_only_after_the_charge_that_stood_it_ends_with_what_that_paid(
    world: World,
) -> None:
    set_up(world, notice_days=10)
    order = buy(world)
    world.advance(to=DUE - timedelta(days=3))
    found = ask_support(world, order)
    world.advance(to=DUE + timedelta(days=1))
    assert len(world.charges()) == 2
    approve(world, found)
    assert world.subscription().ends_at == datetime.fromisoformat("2026-03-31T14:00:00+00:00")


@pytest.mark.spec("X-8")
def test_a_charge_that_stands_and_fails_for_good_leaves_nothing_to_wait_for(world: World) -> None:
    set_up(world, notice_days=10)
    order = buy(world)
    world.advance(to=DUE - timedelta(days=3))
    found = ask_support(world, order)
    approve(world, found)
    subscription = world.subscription()

    broken = replace(subscription, payment_method="pm_card_chargeCustomerFail")
    world.store.commit(Change(subscription, broken))
    world.advance(days=40)
    assert world.subscription().state is State.CANCELLED
    assert newest(world).carried_out_at is not None


@pytest.mark.spec("X-8")
def test_the_signed_in_portal_is_never_late(world: World) -> None:
    set_up(world, notice_days=10)
    buy(world)
    world.advance(to=DUE - timedelta(hours=1))
    found = ask_to_cancel(world)
    assert found.lets_stand is None and world.subscription().held_for == found.id
    world.advance(days=1)
    approve(world, found)
    world.advance(days=60)
    assert len(world.charges()) == 1


@pytest.mark.spec("H-4", "P-4")
def test_what_was_paid_for_meanwhile_is_held_by_nothing(world: World) -> None:
    buy(world, replace(DELAYED, type=PriceType.INSTALLMENT, installments=2))
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **kwargs: Any) -> NoReturn:
        confirm(*args, **kwargs)
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    world.advance(to=DUE)
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    found = ask_to_cancel(world)
    assert world.subscription().held_for == found.id
    world.advance(hours=1)
    paid = world.subscription()
    assert (paid.state, paid.held_for, paid.held_since) == (State.COMPLETED, None, None)
    assert approve(world, found).carried_out_at == world.now
    assert world.subscription() == paid


@pytest.mark.spec("X-8", "H-3", "P-13")
def test_mails_date_what_is_charged_and_ends_as_the_portal_does_whatever_zone_is_set_now(
    world: World,
) -> None:
    set_up(world, notice_days=10)
    order = buy(world)
    set_up(world, time_zone="Asia/Tokyo")  # where it is a day later by then
    world.advance(to=DUE - timedelta(days=9))
    asked = ask_support(world, order)
    approve(world, asked)
    world.work()
    mails = [str(m.get_body(("plain",)).get_content()) for m in world.mailer.sent]  # type: ignore[union-attr]
    (received,) = [mail for mail in mails if "counts from" in mail]
    (approved,) = [mail for mail in mails if "too late to stop" in mail]
    assert "counts from February 19, 2026" in received
    assert "on February 28, 2026" in approved and "ends on March 31, 2026" in approved
