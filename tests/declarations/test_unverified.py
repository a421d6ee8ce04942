"""Unverified declarations hold a charge, ask the address on file, and do nothing else (X-10)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.declarations.declarations import DeclarationState, Reason, Verification
from billing.declarations.flows import decide, look
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.rebill.flows import missed
from tests.declarations.hall import BERLIN, DELAYED, Hall
from tests.portal.test_purchases import links, modules
from tests.portal.visitors import Shop


@pytest.fixture
def hall() -> Hall:
    return Hall()


@pytest.mark.spec("X-10")
def test_charges_are_held_while_the_address_on_file_is_asked(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=26)
    hall.declare()
    hall.tick()
    assert hall.declaration.state is DeclarationState.ASKED
    assert hall.subscription.held_for == hall.declaration.id
    hall.world.advance(days=4)
    assert len(hall.world.charges()) == 1
    assert hall.subscription.gives_access(hall.world.now)


@pytest.mark.spec("X-10", "B-4")
def test_the_portal_says_that_somebody_declared_it_and_links_to_no_request(hall: Hall) -> None:
    shop = Shop(hall.world)
    hall.buy()
    hall.declare()
    hall.tick()
    assert hall.subscription.held
    (module,) = modules(shop.signed_in())
    assert "You asked to cancel" not in module.text
    assert "received a declaration that your contract with Acme Courses" in module.text
    assert "You won't be charged until someone has decided" in module.text
    assert not [link for link in links(module) if "/tickets/" in link]


@pytest.mark.spec("X-10")
def test_a_no_restores_every_field_and_charges_what_was_held(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=20)
    before = hall.subscription
    hall.declare()
    hall.tick()
    assert hall.subscription != before
    assert hall.answer("no").status == 200
    assert hall.subscription == before
    assert hall.declaration.state is DeclarationState.DENIED
    hall.world.advance(days=10)
    assert len(hall.world.charges()) == 2
    # After that a stranger's word holds nothing for a month.
    hall.declare()
    hall.tick()
    assert hall.declarations()[0].why is Reason.TOO_MANY and not hall.subscription.held


@pytest.mark.spec("X-10")
def test_a_no_after_the_charge_was_due_charges_at_once(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=26)
    hall.declare()
    hall.tick()
    hall.world.advance(days=4)
    assert len(hall.world.charges()) == 1
    hall.answer("no")
    hall.tick()
    assert len(hall.world.charges()) == 2


@pytest.mark.spec("X-10")
def test_a_yes_carries_it_out_as_of_its_date(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=26)
    declared_at = hall.world.now
    hall.declare()
    hall.world.advance(days=1)
    assert hall.answer("yes").status == 200
    hall.tick()
    found = hall.declaration
    assert (found.state, found.verification) == (
        DeclarationState.CARRIED_OUT,
        Verification.LINK,
    )
    assert hall.subscription.state is State.CANCEL_PENDING and not hall.subscription.held
    assert hall.subscription.cancelling is not None
    assert hall.subscription.cancelling.requested_at == declared_at
    assert hall.answer("no").status == 410


@pytest.mark.spec("X-10")
def test_a_week_without_an_answer_cancels_as_of_the_declaration(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=26)
    hall.declare()
    hall.world.advance(days=7, minutes=2)
    assert hall.declaration.state is DeclarationState.CARRIED_OUT
    assert hall.declaration.decided_by == "house"
    hall.world.advance(days=1)
    assert hall.subscription.state is State.CANCELLED
    assert hall.subscription.ends_at is not None
    assert f"{hall.subscription.ends_at:%Y-%m-%d}" == "2026-02-28"
    assert [c["refunded"] for c in hall.world.charges()] == [0]


@pytest.mark.spec("X-10")
def test_nothing_is_held_for_whom_nobody_knows_and_the_page_is_the_same(hall: Hall) -> None:
    hall.buy()
    known = hall.declare(contact="ann@example.com", name="X")
    unknown = hall.declare(contact="eve@example.com", name="X")
    hall.tick()
    first, second = hall.declarations()
    states = {first.state, second.state}
    assert states == {DeclarationState.ASKED, DeclarationState.AGENT}
    same = {
        a.replace("ann@", "").replace(second.number, "").replace(first.number, "")
        for a in (
            known.body.replace("ann@example.com", "@"),
            unknown.body.replace("eve@example.com", "@"),
        )
    }
    assert len({_without_nonce(each) for each in same}) == 1


@pytest.mark.spec("X-10")
def test_beyond_twenty_in_an_hour_nothing_is_held(hall: Hall) -> None:
    hall.buy()
    for n in range(20):
        hall.declare(contact=f"guest{n}@example.com")
    hall.declare(contact="ann@example.com")
    hall.tick()
    newest = hall.declarations()[0]
    assert (newest.state, newest.why) == (DeclarationState.AGENT, Reason.TOO_MANY)
    assert not hall.subscription.held
    assert hall.mails("bestätigen") == []


@pytest.mark.spec("X-10")
def test_the_default_of_a_flooded_hour_is_a_persons(hall: Hall) -> None:
    hall.buy()
    hall.declare(contact="ann@example.com")
    hall.tick()
    assert hall.subscription.held
    for n in range(21):
        hall.declare(contact=f"guest{n}@example.com")
    hall.world.advance(days=7, minutes=5)
    oldest = hall.declarations()[-1]
    assert (oldest.state, oldest.why) == (DeclarationState.AGENT, Reason.TOO_MANY)
    assert hall.subscription.state is State.ACTIVE and not hall.subscription.held


@pytest.mark.spec("X-10")
def test_a_receipt_has_the_declared_fields_without_links_three_times_a_day(hall: Hall) -> None:
    for _ in range(5):
        hall.declare(
            contact="eve@example.com", name="Eve", contract="see evil.example/x and www.bad.example"
        )
        hall.world.now += timedelta(minutes=1)
        hall.world.work()
    receipts = hall.mails("Bestätigung")
    assert len(receipts) == 3
    assert "Eve" in receipts[0] and "frühestmögliche" in receipts[0]
    for link in ("evil.example", "www.bad", "bad.example"):
        assert link not in receipts[0]


@pytest.mark.spec("X-10")
def test_a_customers_own_address_gets_no_words_of_a_stranger(hall: Hall) -> None:
    hall.buy()
    hall.declare(name="You are a fool", contract="Call 555-0100", contact="ann@example.com")
    hall.tick()
    for mail in hall.mails(""):
        assert "fool" not in mail and "555-0100" not in mail
    assert len(hall.mails("Bestätigung")) == 1


def _without_nonce(page: str) -> str:
    return re.sub(r'nonce="[^"]+"', "", page)


@pytest.mark.spec("X-10", "R-9")
def test_one_that_nobody_decides_in_time_rings_the_alarm_of_what_is_missed(hall: Hall) -> None:
    hall.declare(contact="eve@example.com")
    hall.tick()
    assert hall.declaration.state is DeclarationState.AGENT
    hall.world.advance(days=7)
    assert missed.others(hall.world.ports, now=hall.world.now) == []
    hall.world.now += timedelta(hours=2)
    (late,) = missed.others(hall.world.ports, now=hall.world.now)
    assert late.due.owner == ("acme", hall.declaration.id)
    assert look.sweep(hall.world.ports, now=hall.world.now) == {}


@pytest.mark.spec("X-10", "H-4")
def test_what_a_person_finds_it_is_not_about_is_charged_as_before(hall: Hall) -> None:
    meant = hall.buy().purchase
    other = hall.world.buy(hall.world.product(DELAYED, name="Choir"), address=BERLIN).purchase
    hall.world.advance(days=26)
    hall.declare(contract="my contract")
    hall.tick()
    assert set(hall.declaration.about) == {meant, other}
    decide.approve(hall.world.ports, hall.declaration, meant, by="agent", now=hall.world.now)
    hall.world.advance(days=40)
    held = {each.id: each for each in hall.world.history().subscriptions}
    assert held[meant].state is State.CANCELLED
    assert held[other].state is State.ACTIVE and not held[other].held
    assert len(hall.world.charges()) == 2 + 2


@pytest.mark.spec("X-10")
def test_a_payment_since_goes_back_once_it_is_proved_and_access_stays_till_then(hall: Hall) -> None:
    hall.buy()
    hall.world.advance(days=26)
    hall.declare()
    hall.tick()
    # Somebody lets go of it by hand, and the payment is made.
    held = hall.subscription
    hall.world.store.commit(Change(held, replace(held, held_for=None, held_since=None)))
    hall.world.advance(days=9)
    assert [c["refunded"] for c in hall.world.charges()] == [0, 0]
    assert hall.subscription.state.value == "cancel_pending"
    assert hall.subscription.gives_access(hall.world.now)
    found = hall.declaration
    assert (found.state, found.why) == (DeclarationState.AGENT, Reason.REFUND)
    assert hall.answer("yes").status == 200
    hall.tick()
    assert [c["refunded"] for c in hall.world.charges()] == [0, 2999]
    assert hall.subscription.state.value == "cancelled"
    assert hall.declaration.state.value == "carried_out"


@pytest.mark.spec("X-10")
def test_a_no_is_for_all_unproved_ones_however_many_a_stranger_sent(hall: Hall) -> None:
    hall.buy()
    for _ in range(4):
        for _ in range(18):
            hall.declare()
        hall.tick()
        hall.world.advance(hours=1, minutes=5)
    asked = [each.state for each in hall.declarations()]
    assert asked == [DeclarationState.ASKED] * 72
    assert hall.answer("no").status == 200
    assert not hall.subscription.held
    hall.world.advance(days=8)
    assert {each.state for each in hall.declarations()} == {DeclarationState.DENIED}
    assert hall.subscription.state is State.ACTIVE and not hall.subscription.held


@pytest.mark.spec("X-10")
def test_a_no_that_died_half_way_is_finished_by_the_next_one(hall: Hall) -> None:
    hall.buy()
    hall.declare()
    hall.declare()
    hall.tick()
    first = next(each for each in hall.declarations() if each.id == hall.subscription.held_for)
    hall.world.store.commit(Change(first, first.denied(hall.world.now)))
    assert hall.answer("no").status == 200
    assert {each.state for each in hall.declarations()} == {DeclarationState.DENIED}


@pytest.mark.spec("X-5", "X-10")
def test_a_no_after_the_week_undoes_the_end_of_a_withdrawal(hall: Hall) -> None:
    hall.world.now += timedelta(days=212)
    hall.buy()
    before = hall.subscription
    hall.declare("/withdraw/acme?country=DE")
    hall.world.advance(days=8)
    assert hall.subscription.state is State.CANCEL_PENDING
    assert hall.answer("no").status == 200
    assert hall.subscription == before
    hall.world.advance(days=30)
    assert len(hall.world.charges()) == 2


@pytest.mark.spec("X-4", "X-10")
def test_a_no_that_comes_after_the_end_is_told_that_it_is_over(hall: Hall) -> None:
    hall.world.now += timedelta(days=212)
    hall.buy()
    hall.world.advance(days=22)
    hall.declare("/withdraw/acme?country=DE")
    hall.world.advance(days=10)
    assert hall.subscription.state is State.CANCELLED
    assert hall.answer("no").status == 410
    assert hall.declaration.state is DeclarationState.DENIED
