"""Threads of requests: their owner, what may be written to them, and who reads that (H-2, H-3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.helpdesk.flows import decision, ticket
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ownership, TicketState, TicketType
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.merchants import Merchant
from billing.kernel.writes import Insert
from tests.helpdesk.tickets.asking import approve, ask_support, ask_to_cancel, buy, decline, newest
from tests.world import START, World


@pytest.mark.spec("H-2")
def test_what_is_not_the_requesters_is_not_approved(world: World) -> None:
    order = buy(world)
    found = ask_support(world, order, email="eve@example.com", wish=TicketType.REFUND)
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
    assert approve(world, found, wish=TicketType.REFUND).about == order
    assert world.charges()[0]["refunded"] == 2999


@pytest.mark.spec("H-2")
def test_a_card_number_is_masked_before_it_is_kept_and_the_sender_hears_of_it(world: World) -> None:
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
    assert len(to_ann) == 1 and "We removed a card number from your message" in to_ann[0]


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
    assert world.subjects().count("[TEST] New message: Please (ann@example.com)") == 1
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
