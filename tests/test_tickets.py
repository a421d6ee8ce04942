"""Requests that wait for a person: what they hold back, who decides, and that it happens once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import tickets
from billing.catalog import Cancellation, Initial
from billing.errors import Invalid, NotFound, Refused
from billing.flows import cancel, decision, portal, refund, ticket
from billing.flows.ticket import Request
from billing.merchants import Merchant, SelfService, Undecided
from billing.orders import InvoiceState, OrderKind
from billing.periods import Span, Unit
from billing.subscription import Source, State, When
from billing.tickets import Author, Ownership, Ticket, TicketState, Wish
from billing.transactions import Change, Insert
from tests.world import MONTHLY, START, World

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
ANN = "ann@example.com"
DUE = datetime.fromisoformat("2026-02-28T15:00:00+00:00")
SALE = OrderKind.SALE


@pytest.fixture
def world() -> World:
    world = World()
    settings = replace(
        world.merchant.settings, self_cancel=SelfService.MANUAL, self_refund=SelfService.MANUAL
    )
    world.change_merchant(settings=settings)
    return world


def set_up(world: World, **settings: Any) -> None:
    world.change_merchant(settings=replace(world.merchant.settings, **settings))


def buy(world: World, terms: Any = DELAYED, **fields: Any) -> str:
    """The Order ID of a first payment."""
    world.buy(world.product(terms, refund_days=30), **fields)
    return world.orders()[0].id


def ask_to_cancel(world: World, comment: str | None = None) -> Ticket:
    """By the signed-in portal."""
    account = portal.account(world.ports, world.merchant, _customer(world), now=world.now)
    subscription = world.subscription().id
    portal.end(world.ports, account, subscription, now=world.now, reason=None, comment=comment)
    return newest(world)


def ask_for_refund(world: World, order: str) -> Ticket:
    account = portal.account(world.ports, world.merchant, _customer(world), now=world.now)
    portal.give_back(world.ports, account, order, now=world.now)
    return newest(world)


def ask_support(world: World, order: str, wish: Wish | None = Wish.CANCEL, **fields: Any) -> Ticket:
    """By the merchant's own people, in the customer's name."""
    asked = Request(
        **{
            "department": "billing",
            "email": ANN,
            "subject": "Please",
            "text": "I want this.",
            "key": world.ports.new_id("key"),
            "order": order,
            "wish": wish,
            **fields,
        }
    )
    return ticket.open_one(
        world.ports,
        world.merchant,
        asked,
        customer=None,
        ownership=Ownership.MERCHANT,
        now=world.now,
    )


def newest(world: World) -> Ticket:
    return world.store.tickets_of("acme", _customer(world))[0]


def approve(world: World, found: Ticket, **fields: Any) -> Ticket:
    return decision.approve(
        world.ports, "acme", found.id, **{"by": "agent", "now": world.now, **fields}
    )


def decline(world: World, found: Ticket, words: str = "No, sorry.") -> Ticket:
    return decision.decline(world.ports, world.merchant, found.id, words, by="agent", now=world.now)


def _customer(world: World) -> str:
    found = world.store.customer_by_email("acme", ANN)
    assert found is not None
    return found


def kinds(world: World) -> list[OrderKind]:
    return [order.kind for order in world.orders()]


# A request to cancel holds the charges


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
        "acme",
        world.subscription().id,
        when=When.NOW,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert world.subscription().held is False
    assert approve(world, found).carried_out_at == world.now
    assert kinds(world).count(OrderKind.CANCELLATION) == 1


# Notice


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


# Refunds


@pytest.mark.spec("H-3", "B-7")
def test_a_refund_approved_twice_is_made_once(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    first, second = approve(world, found), approve(world, found)
    assert first.carried_out_at == second.carried_out_at == world.now
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert kinds(world).count(OrderKind.REFUND) == 1
    world.work()
    assert world.subjects().count("[TEST] Your refund of Course is approved") == 1
    with pytest.raises(Refused, match="decided"):
        decline(world, found)


@pytest.mark.spec("H-3")
@pytest.mark.parametrize("wish", list(Wish))
def test_two_agents_who_approve_at_once_do_it_once(world: World, wish: Wish) -> None:
    order = buy(world)
    found = ask_to_cancel(world) if wish is Wish.CANCEL else ask_for_refund(world, order)
    commit, others = world.store.commit, []

    def in_between(*writes: Any) -> None:
        if not others:
            others.append("came first")
            approve(world, found, by="the other")
        commit(*writes)

    world.store.commit = in_between  # type: ignore[method-assign]
    mine = approve(world, found, by="me")
    assert mine.decided_by == "the other"
    assert len(world.charges()) == 1
    if wish is Wish.REFUND:
        assert [c["refunded"] for c in world.charges()] == [2999]
        assert kinds(world).count(OrderKind.REFUND) == 1
    else:
        assert kinds(world).count(OrderKind.CANCEL_REQUEST) == 1


@pytest.mark.spec("H-3", "B-7")
def test_an_agent_and_the_api_refund_it_once(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    refund.request(
        world.ports, "acme", order, amount_minor=None, source=Source.MERCHANT, now=world.now
    )
    assert approve(world, found).carried_out_at == world.now
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert kinds(world).count(OrderKind.REFUND) == 1


@pytest.mark.spec("H-3", "R-6")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "unavailable"])
def test_a_refund_whose_answer_was_lost_is_finished_by_the_alarm(world: World, fault: str) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    world.sandbox.faults.arm(fault, 2)
    decided = approve(world, found)
    assert decided.is_under_way
    world.advance(hours=1)
    assert newest(world).carried_out_at is not None
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert kinds(world).count(OrderKind.REFUND) == 1


@pytest.mark.spec("H-3")
def test_killed_between_decision_and_refund_it_is_finished_by_asking_again(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    commit, count = world.store.commit, []

    class Killed(BaseException):
        pass

    def dies(*writes: Any) -> None:
        commit(*writes)
        count.append(1)
        if len(count) == 1:
            raise Killed

    world.store.commit = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        approve(world, found)
    assert newest(world).is_under_way and world.charges()[0]["refunded"] == 0
    assert approve(world, found, by="another").carried_out_at == world.now
    assert [c["refunded"] for c in world.charges()] == [2999]
    assert newest(world).decided_by == "agent"


@pytest.mark.spec("H-3")
def test_killed_between_decision_and_refund_it_is_finished_by_the_tickets_alarm(
    world: World,
) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)
    decided = tickets.approved(found, Wish.REFUND, order, world.now, "agent")
    leased = replace(decided, due_at=world.now + timedelta(minutes=15))
    world.store.commit(Change(found, leased, as_read=tickets.DECIDED_ON))
    world.advance(minutes=14)
    assert world.charges()[0]["refunded"] == 0
    world.advance(minutes=2)
    assert world.charges()[0]["refunded"] == 2999
    assert newest(world).carried_out_at is not None
    world.advance(days=1)
    assert kinds(world).count(OrderKind.REFUND) == 1


@pytest.mark.spec("H-4", "X-6")
def test_undecided_while_a_charge_is_under_way_it_ends_after_what_the_gateway_says(
    world: World,
) -> None:
    buy(world)
    world.advance(to=DUE - timedelta(days=6, hours=23))
    found = ask_to_cancel(world)
    # Whoever holds the subscription's charges can still meet one that was begun before.
    held = world.subscription()
    world.store.commit(Change(held, replace(held, held_for=None)))
    world.advance(to=DUE - timedelta(minutes=1))
    confirm = world.sandbox.confirm

    def loses_its_answer(*args: Any, **kwargs: Any) -> Any:
        world.sandbox.faults.arm("timeout_after", 1)
        return confirm(*args, **kwargs)

    world.sandbox.confirm = loses_its_answer  # type: ignore[method-assign]
    world.now = DUE
    world.tick()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    world.now = found.requested_at + timedelta(days=7)
    tally = decision.sweep(world.ports, now=world.now)
    assert tally["cancelled"] == 1
    world.advance(days=60)
    assert len(world.charges()) == 2
    assert world.subscription().state is State.CANCELLED


@pytest.mark.spec("B-7", "H-3")
def test_a_refund_may_end_the_subscription_too(world: World) -> None:
    order = buy(world, MONTHLY)
    approve(world, ask_for_refund(world, order), cancels=True)
    assert world.subscription().state is State.CANCELLED


@pytest.mark.spec("B-7", "H-3", "W-4")
def test_what_cannot_be_refunded_stays_open_with_a_note(world: World) -> None:
    order = buy(world)
    found = ask_for_refund(world, order)

    subscription = world.subscription()
    world.store.commit(Change(subscription, replace(subscription, dispute="open")))
    with pytest.raises(Refused) as refused:
        approve(world, found)
    assert refused.value.code == "disputed"
    assert newest(world).state is TicketState.OPEN
    (said,) = ticket.thread(world.ports, "acme", found.id).messages
    assert said.internal and "disputed" in said.text
    disputed = world.subscription()
    world.store.commit(Change(disputed, replace(disputed, dispute="won")))
    assert approve(world, found).carried_out_at == world.now
    assert world.charges()[0]["refunded"] == 2999


# Who it is, and what they may write


@pytest.mark.spec("H-2")
def test_what_is_not_the_requesters_is_not_approved(world: World) -> None:
    order = buy(world)
    found = ask_support(world, order, email="eve@example.com", wish=Wish.REFUND)
    assert (found.customer, found.about, found.ownership) == (None, None, Ownership.NONE)
    with pytest.raises(Refused) as refused:
        approve(world, found)
    assert refused.value.code == "ownership_unverified"
    assert world.charges()[0]["refunded"] == 0


@pytest.mark.spec("H-3")
def test_a_question_about_an_order_is_acted_on_as_the_agent_says(world: World) -> None:
    order = buy(world)
    found = ask_support(world, order, wish=None)
    with pytest.raises(Refused) as refused:
        approve(world, found)
    assert refused.value.code == "nothing_to_approve"
    assert approve(world, found, wish=Wish.REFUND).about == order
    assert world.charges()[0]["refunded"] == 2999


@pytest.mark.spec("H-2")
def test_a_card_number_is_masked_before_it_is_kept_and_the_sender_is_told(world: World) -> None:
    buy(world)
    found = ask_to_cancel(world, "My card 4242 4242 4242 4242 was charged")
    (said,) = ticket.thread(world.ports, "acme", found.id).messages
    assert said.text == "My card •••• •••• •••• 4242 was charged" and said.masked == 1
    world.work()
    bodies = [str(m) for m in world.mailer.sent]
    assert not any("4242 4242" in body for body in bodies)
    to_ann = [
        m.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for m in world.mailer.sent
        if str(m["Subject"]) == "[TEST] Your request to cancel Course"
    ]
    assert len(to_ann) == 1 and "card number stood in your message" in to_ann[0]


@pytest.mark.spec("H-3")
def test_an_answer_is_written_once_and_mailed_each_way(world: World) -> None:
    order = buy(world)
    found = ask_support(world, order, wish=None)
    for _ in range(2):
        ticket.reply(
            world.ports,
            "acme",
            found.id,
            "Look at\r\nlesson 2.",
            author=Author.AGENT,
            key="one",
            now=world.now,
        )
    world.now += timedelta(hours=1)
    assert newest(world).shown_state == "answered"
    ticket.reply(
        world.ports, "acme", found.id, "Thanks", author=Author.CUSTOMER, key="two", now=world.now
    )
    assert newest(world).shown_state == "open"
    ticket.note(world.ports, "acme", found.id, "A friend", key="three", now=world.now)
    messages = ticket.thread(world.ports, "acme", found.id)
    assert [m.text for m in messages.public] == ["I want this.", "Look at\nlesson 2.", "Thanks"]
    assert len(messages.messages) == 4
    world.work()
    assert world.subjects().count("[TEST] Re: Please") == 1
    assert world.subjects().count("[TEST] More on: Please (ann@example.com)") == 1
    assert not any("A friend" in str(mail) for mail in world.mailer.sent)


@pytest.mark.spec("H-3")
@pytest.mark.parametrize("text", ["", "  \n ", "x" * 5001])
def test_nothing_and_too_much_are_refused(world: World, text: str) -> None:
    order = buy(world)
    found = ask_support(world, order)
    with pytest.raises(Invalid):
        ticket.reply(
            world.ports, "acme", found.id, text, author=Author.AGENT, key="k", now=world.now
        )
    with pytest.raises(Invalid):
        decline(world, found, text)
    assert newest(world).state is TicketState.OPEN


@pytest.mark.spec("H-2")
def test_another_merchants_ticket_is_not_there(world: World) -> None:
    order = buy(world)
    found = ask_support(world, order)
    rival = Merchant("rival", "Rival", "rival@example.com", START)
    world.store.commit(Insert(rival))
    for act in (
        lambda: decision.approve(world.ports, "rival", found.id, by="x", now=world.now),
        lambda: decision.decline(world.ports, rival, found.id, "No", by="x", now=world.now),
        lambda: ticket.thread(world.ports, "rival", found.id),
        lambda: ticket.of_customer(world.ports, "acme", "cus_other", found.id),
    ):
        with pytest.raises(NotFound):
            act()
    assert newest(world).state is TicketState.OPEN


@pytest.mark.spec("H-1", "H-2")
def test_a_ticket_is_passed_on_and_stands_in_one_queue_until_it_is_decided(world: World) -> None:
    order = buy(world)
    found = ask_support(world, order)

    def queue(department: str) -> list[str]:
        return [each.id for each in world.store.waiting_tickets("acme", department, 9)]

    assert queue("billing") == [found.id]
    passed = ticket.reassign(
        world.ports, world.merchant, found.id, "technical-support", now=world.now
    )
    assert (queue("billing"), queue("technical-support")) == ([], [found.id])
    with pytest.raises(Invalid):
        ticket.reassign(world.ports, world.merchant, found.id, "nowhere", now=world.now)
    approve(world, passed)
    assert queue("technical-support") == []
