"""The agents' queue in the console: filter, answer, decide, pass on (H-1 .. H-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.helpdesk.tickets import TicketState
from billing.kernel.catalog import Cancellation
from billing.kernel.merchants import SelfService
from billing.kernel.subscription import State
from billing.kernel.values import replace
from tests.helpdesk.desk import House
from tests.portal.visitors import ANN
from tests.world import MONTHLY

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
WORDS = {"subject": "A question", "text": "Hello"}


@pytest.fixture
def house() -> House:
    house = House()
    house.shop.set(self_cancel=SelfService.MANUAL, self_refund=SelfService.MANUAL)
    return house


def refund_asked(house: House) -> str:
    world = house.shop.world
    world.buy(world.product(MONTHLY, refund_days=30))
    visitor = house.shop.signed_in()
    visitor.post(f"/orders/{world.orders()[0].id}/refund")
    (found,) = house.tickets()
    return f"/console/tickets/{found.id}"


@pytest.mark.spec("H-3", "B-7")
def test_an_agent_sees_what_approving_does_and_does_it_once(house: House) -> None:
    page = refund_asked(house)
    agent = house.agent()
    shown = agent.see(page).text
    assert "$29.99 will be refunded for Course, paid on January 31, 2026" in shown
    assert house.shop.world.orders()[0].id in shown, "what they bought is beside it"
    box = agent.see(page).one("input", name="cancel")
    assert "checked" in box.attributes, "ticked for the latest payment"
    fields = agent.fields(page, f"{page}/approve")
    for _ in range(2):
        answer = agent.browse("POST", f"{page}/approve", {**fields, "cancel": "true"})
        assert "Approved and carried out" in agent.follow(answer).text
    assert [c["refunded"] for c in house.shop.world.charges()] == [2999]
    assert house.shop.world.subscription().state is State.CANCELLED
    assert "[TEST] Your refund for Course was approved" in house.shop.mails()


@pytest.mark.spec("H-3", "H-4", "X-4")
def test_an_agent_sees_the_date_and_declines_with_words(house: House) -> None:
    world = house.shop.world
    world.buy(world.product(DELAYED))
    visitor = house.shop.signed_in()
    visitor.post(f"/subscriptions/{world.subscription().id}/cancel", reason="not_used")
    (found,) = house.tickets()
    page, agent = f"/console/tickets/{found.id}", house.agent()
    shown = agent.see(page).text
    assert "stays active until February 28, 2026" in shown
    assert "I don't use it enough" in shown and "verified" in shown
    empty = agent.submit(page, f"{page}/reply", act="decline", text=" ")
    assert empty.status == 422 and 'href="#text"' in empty.body
    answer = agent.submit(page, f"{page}/reply", act="decline", text="You agreed to a year.")
    assert "Declined" in agent.follow(answer).text
    assert world.subscription().held is False
    thread = house.signed_in().see(f"/tickets/{found.id}").text
    assert "You agreed to a year." in thread and "was declined" in thread
    assert "[TEST] Your request was declined: Cancel Course" in house.shop.mails()


@pytest.mark.spec("H-3")
def test_replies_notes_and_closing_from_the_queue(house: House) -> None:
    house.order()
    ann = house.signed_in()
    ann.submit("/new/technical-support", **WORDS)
    (found,) = house.tickets()
    page, agent = f"/console/tickets/{found.id}", house.agent()
    fields = agent.fields(page, f"{page}/reply")
    for _ in range(2):
        agent.browse("POST", f"{page}/reply", {**fields, "act": "reply", "text": "Try again"})
    thread = house.shop.world.store.thread("acme", found.id)
    assert thread is not None and len(thread.messages) == 2, "sent twice, said once"
    assert "Answered" in agent.see("/console/tickets").text
    agent.submit(page, f"{page}/reply", act="close", text="Good luck")
    assert house.tickets() == []
    ann.submit(f"/tickets/{found.id}", text="It is back")
    (again,) = house.tickets()
    assert again.state is TicketState.OPEN


@pytest.mark.spec("H-1")
def test_the_queue_is_filtered_and_tickets_are_passed_on(house: House) -> None:
    page = refund_asked(house)
    agent = house.agent()
    subject = "Refund for Course"
    assert subject in agent.see("/console/tickets?department=billing&state=open").text
    assert subject not in agent.see("/console/tickets?department=technical-support").text
    assert subject not in agent.see("/console/tickets?state=declined").text
    agent.see("/console/tickets?state=lost", status=422)
    agent.see("/console/tickets?cursor=nonsense", status=422)
    passed = agent.submit(page, f"{page}/reassign", department="technical-support")
    assert "Reassigned" in agent.follow(passed).text
    assert subject in agent.see("/console/tickets?department=technical-support").text
    assert agent.submit(page, f"{page}/reassign", department="nowhere").status == 422


@pytest.mark.spec("H-1")
def test_the_queue_shows_how_each_department_answers(house: House) -> None:
    page = refund_asked(house)
    house.shop.world.now += timedelta(hours=3)
    agent = house.agent()
    agent.submit(page, f"{page}/reply", act="reply", text="A moment")
    house.shop.world.now += timedelta(days=2)
    agent = house.agent()
    row = next(
        r.text for r in agent.see("/console/tickets").all("tr") if r.text.startswith("Billing")
    )
    assert "3 hours" in row


@pytest.mark.spec("H-6")
def test_who_bought_nothing_is_asked_about_another_email(house: House) -> None:
    guest = house.guest()
    guest.submit(
        "/new/billing", email="zoe@example.com", order="AAAAA-BBBBB-CCCCC", wish="refund", **WORDS
    )
    guest.browse("POST", house.mail_link("zoe@example.com"), {})
    (found,) = house.tickets()
    page, agent = f"/console/tickets/{found.id}", house.agent()
    shown = agent.see(page).text
    assert "used another email at checkout" in shown and "isn't verified" in shown
    token = {"csrf": agent.fields(page, f"{page}/reply")["csrf"]}
    refused = agent.browse("POST", f"{page}/approve", token)
    assert refused.status == 409 and "could not verify" in refused.body


@pytest.mark.spec("H-6")
def test_the_look_up_finds_by_email_and_by_order_id(house: House) -> None:
    order = house.order()
    agent = house.agent()
    for words in (order, order.lower(), ANN):
        shown = agent.see(f"/console/transactions?q={words}")
        links = [e.attributes["href"] for e in shown.all("a")]
        customer = next(link for link in links if link.startswith("/console/customers/"))
        assert order in agent.see(customer).text
    assert (
        "used another one at checkout" in agent.see("/console/transactions?q=zoe@example.com").text
    )


@pytest.mark.spec("H-3", "W-4")
def test_what_cannot_be_done_is_shown_on_the_ticket(house: House) -> None:
    from billing.kernel.writes import Change

    page = refund_asked(house)
    subscription = house.shop.world.subscription()
    house.shop.world.store.commit(Change(subscription, replace(subscription, dispute="open")))
    agent = house.agent()
    refused = agent.submit(page, f"{page}/approve")
    assert refused.status == 409 and "bank is looking into" in refused.body
    assert len(house.tickets()) == 1


def row_of(house: House, department: str = "Billing") -> list[str]:
    """A department's figures, as the queue shows them."""
    rows = house.agent().see("/console/tickets").all("tr")
    (row,) = [r for r in rows if r.all("th") and r.all("th")[0].text == department and r.all("td")]
    return [cell.text for cell in row.all("td")]


@pytest.mark.spec("H-1", "H-3")
def test_the_figures_of_a_department_are_what_its_agents_did(house: House) -> None:
    world = house.shop.world
    assert row_of(house) == ["0", "–", "–", "0", "0", "0", "0", "0"]
    page = refund_asked(house)
    assert row_of(house) == ["1", "–", "–", "1", "1", "0", "0", "0"]
    world.now += timedelta(hours=2)
    agent = house.agent()
    agent.submit(page, f"{page}/reply", text="Why?", act="note")
    assert row_of(house)[1] == "–", "a note is no answer"
    agent.submit(page, f"{page}/reply", text="We are looking.", act="reply")
    world.now += timedelta(days=3)
    assert row_of(house) == ["1", "2 hours", "–", "1", "0", "0", "1", "0"]
    agent = house.agent()
    agent.submit(page, f"{page}/approve")
    assert row_of(house) == ["1", "2 hours", "3 days", "0", "0", "0", "0", "0"]


@pytest.mark.spec("H-4")
def test_what_the_house_decides_is_no_agents_answer(house: House) -> None:
    world = house.shop.world
    world.buy(world.product(DELAYED))
    visitor = house.shop.signed_in()
    visitor.post(f"/subscriptions/{world.subscription().id}/cancel")
    (asked,) = house.tickets()
    world.advance(days=40)
    found = world.store.ticket("acme", asked.id)
    assert found is not None
    assert (found.decided_by, found.first_answered_at) == ("house", None)
    assert found.decided_at is not None and row_of(house)[1] == "–"


@pytest.mark.spec("H-3", "B-7", "R-6")
def test_an_approved_refund_whose_answer_was_lost_is_shown_on_its_way_and_made_once(
    house: House,
) -> None:
    world = house.shop.world
    order = house.order()
    ann = house.signed_in()
    ann.submit("/new/billing", order=order, wish="refund", **WORDS)
    (asked,) = house.tickets()
    page = f"/console/tickets/{asked.id}"
    agent = house.agent()
    world.sandbox.faults.arm("timeout_after", 2)
    told = agent.follow(agent.submit(page, f"{page}/approve"))
    world.sandbox.faults.arm("timeout_after", 0)
    assert "This will finish automatically" in told.text
    assert "Our payment provider is processing" in ann.see(f"/tickets/{asked.id}").text
    world.advance(hours=1)
    later = house.signed_in().see(f"/tickets/{asked.id}").text
    assert "Our payment provider is processing" not in later
    assert [c["refunded"] for c in world.charges()] == [2999]


@pytest.mark.spec("H-3")
def test_what_is_written_to_again_is_not_resolved_any_more(house: House) -> None:
    world = house.shop.world
    world.buy(world.product(MONTHLY))
    house.signed_in().submit("/new/billing", **WORDS)
    (found,) = house.tickets()
    page = f"/console/tickets/{found.id}"
    house.agent().submit(page, f"{page}/reply", text="Done.", act="close")
    world.now += timedelta(hours=1)
    closed = world.store.ticket("acme", found.id)
    assert closed is not None and closed.decided_at is not None
    house.signed_in().submit(f"/tickets/{found.id}", text="It is not.")
    (found,) = house.tickets()
    assert (found.state, found.decided_at, found.decided_by) == (TicketState.OPEN, None, None)
    assert row_of(house)[2:4] == ["–", "1"]
