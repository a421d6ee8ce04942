"""Mail that goes out late: it is true of its event, or is left out (R-8).

The outbox stops while things happen, and is delivered after.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.cancel.flows import cancel, pause
from billing.helpdesk.flows import ticket
from billing.helpdesk.tickets import TicketType
from billing.kernel.errors import Unreachable
from billing.kernel.merchants import SelfService, Settings
from billing.kernel.outbox_events import EventKind, LeftOut
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Insert, Remove
from billing.notices.flows import remind
from billing.outbox import outdated
from billing.outbox.flows import deliver
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import When as PlanWhen
from tests.accounts.platform import Platform, leave, opened
from tests.helpdesk.tickets.asking import approve, ask_support, ask_to_cancel, set_up
from tests.outbox.late import DELAYED, bought, facts, subjects, told, untold
from tests.world import World

SOON = "Course renews on February 28, 2026"


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.spec("R-8", "X-5", "X-7")
def test_a_cancellation_taken_back_before_it_is_told_is_told_as_it_was_asked(world: World) -> None:
    bought(world)
    asked = world.cancel(When.PERIOD_END).subscription
    cancel.undo(world.ports, world.subscription(), now=world.now)
    requested, undone = told(world)
    assert requested[0] == "Your subscription to Course will end on February 28, 2026"
    assert asked.cancelling is not None and asked.cancelling.order in requested[1]
    assert "Your next payment" not in requested[1]
    assert undone[0] == "Your subscription to Course will continue"
    assert "Your next payment is $29.99 on February 28, 2026." in undone[1]


@pytest.mark.spec("R-8", "X-5")
def test_a_cancellation_taken_back_and_asked_for_again_is_told_twice_and_never_as_going_on(
    world: World,
) -> None:
    bought(world)
    for _ in range(2):
        world.cancel(When.PERIOD_END)
        world.now += timedelta(seconds=1)
        cancel.undo(world.ports, world.subscription(), now=world.now)
    world.cancel(When.PERIOD_END)
    assert subjects(world) == ["Your subscription to Course will end on February 28, 2026"] * 3


@pytest.mark.spec("R-8", "X-7")
def test_an_end_is_told_late_with_its_day_and_its_reference(world: World) -> None:
    bought(world)
    ending = world.cancel(When.NOW)
    (entry,) = (order for order in world.orders() if order.kind == "cancellation")
    world.now += timedelta(days=2)
    ((subject, words),) = told(world)
    assert (subject, ending.result) == ("Your subscription to Course has ended", "ended")
    assert "ended on January 31, 2026. You won't be charged again." in words
    assert f"Reference: {entry.id}" in words


@pytest.mark.spec("R-8", "A-4")
def test_of_two_plans_that_were_asked_for_only_the_last_is_told(world: World) -> None:
    bought(world)
    silver, gold = (world.subscription().price_point, "acme.price1x2")
    for point in (gold, silver):
        change_plan.change(
            world.ports,
            world.subscription(),
            point,
            PlanWhen.NEXT_REBILL,
            token=None,
            now=world.now,
        )
        world.now += timedelta(seconds=1)
    ((subject, words),) = told(world)
    assert subject == "Your next plan: Course"
    assert "Your next payment is $29.99 on February 28, 2026." in words


@pytest.mark.spec("R-8", "X-11")
def test_a_pause_that_is_over_is_not_told_and_one_that_is_not_says_its_own_end(
    world: World,
) -> None:
    bought(world)
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.now += timedelta(days=1)
    pause.resume(world.ports, world.subscription(), now=world.now)
    assert subjects(world) == ["Your subscription to Course has resumed"]
    pause.pause(world.ports, world.subscription(), now=world.now)
    pause.resume(world.ports, world.subscription(), now=world.now + timedelta(seconds=1))
    pause.pause(world.ports, world.subscription(), now=world.now + timedelta(seconds=2))
    assert set(subjects(world)) == {"Your subscription to Course is paused"}


@pytest.mark.spec("R-8", "A-5")
def test_a_freeze_taken_back_is_told_as_going_on_alone(world: World) -> None:
    world.change_merchant(settings=Settings(freeze_price_minor=999))
    bought(world)
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    freeze.unfreeze(world.ports, world.subscription(), token=None, now=world.now)
    assert subjects(world) == ["Your subscription to Course will continue"]


@pytest.mark.spec("R-8", "C-3")
def test_a_purchase_is_told_with_what_was_agreed(world: World) -> None:
    world.buy(world.product(DELAYED))
    world.cancel(When.NOW)
    found = dict(told(world))
    assert "Your next payment is $29.99 on February 28, 2026." in found["Your purchase: Course"]
    assert len(found) == 2


def remind_untold(world: World) -> None:
    world.now = datetime(2026, 2, 22, 15, tzinfo=UTC)
    assert remind.sweep(world.ports, now=world.now)["told"] == 1


@pytest.mark.spec("R-8")
def test_a_renewal_that_is_cancelled_is_not_told_ahead(world: World) -> None:
    bought(world)
    remind_untold(world)
    world.cancel(When.PERIOD_END)
    assert subjects(world) == ["Your subscription to Course will end on February 28, 2026"]


@pytest.mark.spec("R-8", "A-4")
def test_who_is_told_ahead_is_told_what_will_be_charged(world: World) -> None:
    bought(world)
    remind_untold(world)
    change_plan.change(
        *(world.ports, world.subscription(), "acme.price1x2", PlanWhen.NEXT_REBILL),
        token=None,
        now=world.now,
    )
    found = dict(told(world))
    assert "Your next payment is $49.00 on February 28, 2026." in found[SOON]


@pytest.mark.spec("R-8")
def test_a_charge_that_has_been_made_is_not_told_ahead(world: World) -> None:
    bought(world)
    remind_untold(world)
    with untold():
        world.advance(days=7)
    assert subjects(world) == ["Receipt: $29.99 for Course"]


@pytest.mark.spec("H-3", "H-4", "R-8")
def test_a_request_that_is_decided_is_nobodys_to_do_and_its_requester_hears_both(
    world: World,
) -> None:
    set_up(world, self_cancel=SelfService.MANUAL)
    bought(world)
    found = ask_to_cancel(world)
    approve(world, found)
    sent = dict(told(world))
    assert set(sent) == {
        "Your request to cancel Course",
        "Your request to cancel Course was approved",
        "Your subscription to Course will end on February 28, 2026",
    }
    assert "Payments due in the meantime won't be charged" in sent["Your request to cancel Course"]


@pytest.mark.spec("H-3", "R-8")
def test_a_request_passed_on_twice_is_told_to_whom_it_was_passed_on_last(world: World) -> None:
    bought(world)
    asked = ask_support(world, world.orders()[0].id, None)
    told(world)
    for department in ("technical-support", "billing"):
        ticket.reassign(world.ports, world.merchant, asked.id, department, now=world.now)
        world.now += timedelta(seconds=1)
    ((_, words),) = told(world)
    assert "Department: Billing" in words


@pytest.mark.spec("X-8", "H-3", "R-8")
def test_a_late_approval_is_told_with_the_charge_that_stood(world: World) -> None:
    set_up(world, notice_days=10)
    bought(world)
    world.now = datetime(2026, 2, 22, 15, tzinfo=UTC)
    asked = ask_support(world, world.orders()[0].id, TicketType.CANCEL)
    assert asked.lets_stand is not None
    told(world)
    approve(world, asked)
    with untold():
        world.advance(days=8)
    sent = dict(told(world))
    words = sent["Your request to cancel Course was approved"]
    assert "too late to stop the payment of $29.99 on February 28, 2026" in words
    assert "ends on March 31, 2026" in words


@pytest.mark.spec("A-6", "A-7", "R-8")
def test_an_account_that_is_back_is_not_told_to_have_ended() -> None:
    world = Platform()
    opened(world)
    leave(world)
    with untold():
        world.advance(days=30)
        world.buy(world.plan, email="ann@example.com")
        world.tick()
    sent = subjects(world)
    world.tick()
    assert "Your Acme Courses account is not active" not in [*sent, *world.subjects()]
    assert any("is active" in subject for subject in world.subjects()[-2:])


@pytest.mark.spec("R-8")
def test_what_is_left_out_keeps_its_reason_until_it_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    pause.pause(world.ports, world.subscription(), now=world.now)
    pause.resume(world.ports, world.subscription(), now=world.now + timedelta(seconds=1))
    commit = world.store.commit

    def killed(*writes: Any) -> None:
        if isinstance(writes[0], Remove):
            raise Unreachable("killed")
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", killed)
    later = world.now + timedelta(minutes=3)
    assert deliver.sweep(world.ports, now=later) == {"unsent": 2}
    reasons = {fact.kind: fact.left_out for fact in facts(world)}
    assert reasons == {EventKind.PAUSED: LeftOut.UNTRUE, EventKind.RESUMED: None}
    monkeypatch.setattr(world.store, "commit", commit)
    before = len(world.mailer.sent)
    tally = deliver.sweep(world.ports, now=later + timedelta(minutes=6))
    assert tally == {"left_out": 1, "told": 1}
    (again,) = world.mailer.sent[before:]
    assert again["References"] == world.mailer.sent[before - 1]["References"], "one and the same"


@pytest.mark.spec("R-8", "W-5")
def test_what_was_written_by_older_code_is_told_as_it_stands(world: World) -> None:
    bought(world)
    world.cancel(When.PERIOD_END)
    cancel.undo(world.ports, world.subscription(), now=world.now)
    pause.pause(world.ports, world.subscription(), now=world.now)
    for fact in facts(world):
        world.store.commit(Remove(fact))
        world.store.commit(Insert(replace(fact, was=None)))
    sent = subjects(world)
    assert sorted(sent) == [
        "Your subscription to Course is paused",
        "Your subscription to Course will continue",
        "Your subscription to Course will end on February 28, 2026",
    ]


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("kind", list(EventKind))
def test_the_table_names_every_kind_of_fact(kind: EventKind) -> None:
    assert outdated.__doc__ is not None
    assert kind.value in outdated.__doc__


@pytest.mark.spec("R-8", "A-5", "X-5")
@pytest.mark.parametrize("told_before", [True, False])
def test_a_freeze_left_out_under_a_cancellation_is_told_once_after_its_undoing(
    world: World, told_before: bool
) -> None:
    world.change_merchant(settings=Settings(freeze_price_minor=999))
    world.buy(world.product(DELAYED))
    world.advance(days=1)
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    if told_before:
        world.advance(minutes=5)
    world.cancel(When.PERIOD_END)
    world.advance(days=1)
    assert sum("will be frozen" in s for s in world.subjects()) == told_before
    for _ in range(2):
        cancel.undo(world.ports, world.subscription(), now=world.now)
    world.advance(days=1)
    assert sum("will be frozen" in s for s in world.subjects()) == 1
    assert not world.subscription().freeze_untold
