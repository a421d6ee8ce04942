"""A changed email: who is let in from then on, and whom the helpdesk answers (B-2, B-12)."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest

from billing.customers.flows import login
from billing.helpdesk.flows import inbound, open_ticket, ticket
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ownership, TicketType
from billing.kernel.merchants import PortalKind
from billing.kernel.values import replace
from functions.helpdesk import app as helpdesk_app
from tests.helpdesk.desk import LINK, Guest
from tests.helpdesk.tickets.asking import ask_support, decline
from tests.outbox.changing import NEW, OLD, change, last, mailed
from tests.web.shop import Shop
from tests.world import World


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.change_merchant(
        settings=replace(shop.world.merchant.settings, portal=PortalKind.STANDALONE)
    )
    return shop


@pytest.mark.spec("B-12")
def test_who_buys_later_with_the_old_address_sees_and_receives_nothing_of_the_first(
    shop: Shop,
) -> None:
    world = shop.world
    first = world.buy()
    world.work()
    change(shop)
    stranger = world.buy(world.product(name="Garden"), email=OLD)
    assert stranger.customer != first.customer
    before = len(world.mailer.sent)
    world.advance(days=62)
    assert {subject.partition("Garden")[1] for subject in mailed(world, OLD, before)} == {"Garden"}
    assert all("Garden" not in subject for subject in mailed(world, NEW))
    assert len(mailed(world, NEW)) == 4
    assert {order.product_name for order in world.orders(OLD)} == {"Garden"}
    found = shop.api.get("/v1/customers", email=OLD).json["data"]
    assert [each["id"] for each in found] == [stranger.customer]


def let_in(world: World, order: str, email: str) -> str | None:
    found = login.by_order(world.ports, "acme", order, email, ip="192.0.2.1", now=world.now)
    world.now += timedelta(minutes=16)
    assert not isinstance(found, login.OverLimit)
    return found and found.id


@pytest.mark.spec("B-2", "B-12")
def test_every_order_id_lets_the_present_email_in_and_the_old_one_nobody(shop: Shop) -> None:
    world = shop.world
    first = world.buy()
    world.advance(days=31)
    change(shop)
    world.advance(days=31)
    ids = [order.id for order in world.orders(NEW)]
    assert len(ids) == 3
    assert {let_in(world, order, NEW) for order in ids} == {first.customer}
    assert {let_in(world, order, OLD) for order in ids} == {None}
    stranger = world.buy(email=OLD)
    assert {let_in(world, order, OLD) for order in ids} == {None}
    theirs = world.orders(OLD)[0].id
    assert let_in(world, theirs, OLD) == stranger.customer
    assert let_in(world, theirs, NEW) is None


@pytest.mark.spec("H-2", "B-12")
def test_who_holds_the_old_address_owns_no_order_at_the_helpdesk(shop: Shop) -> None:
    world = shop.world
    first = world.buy()
    change(shop)
    order = world.orders(NEW)[0].id
    assert open_ticket.find_order(world.ports, "acme", order, OLD) is None
    owned = open_ticket.find_order(world.ports, "acme", order, NEW)
    assert owned is not None and owned.customer == first.customer
    asked = ask_support(world, order, TicketType.REFUND, email=OLD)
    assert (asked.customer, asked.ownership) == (None, Ownership.NONE)
    entered = {
        "department": "billing",
        "email": OLD,
        "subject": "Hi",
        "text": "Mine",
        "order": order,
    }
    assert shop.api.post("/v1/tickets", entered).status == 422


@pytest.mark.spec("H-3", "B-12")
def test_a_request_is_answered_where_its_customer_is_reached_now(shop: Shop) -> None:
    world = shop.world
    world.buy()
    asked = ask_support(world, world.orders()[0].id, None)
    world.work()
    change(shop)
    before = len(world.mailer.sent)
    ticket.answer(world.ports, "acme", asked.id, "Here it is.", key="one", now=world.now)
    world.work()
    assert len(mailed(world, NEW)) == 1 and mailed(world, OLD, before) == []
    reply = EmailMessage()
    reply["From"], reply["In-Reply-To"] = NEW, str(last(world, NEW)["Message-ID"])
    reply.set_content("Thank you.")
    taken = inbound.from_mail(
        world.ports, world.merchant, "billing", reply.as_bytes(), now=world.now
    )
    assert (taken.result, taken.ticket) == ("replied", asked.id)
    world.work()
    to_department = last(world, "hello@acme.example")
    assert str(to_department["Reply-To"]) == NEW
    reply.replace_header("From", OLD)
    taken = inbound.from_mail(
        world.ports, world.merchant, "billing", reply.as_bytes(), now=world.now
    )
    assert taken.result == "asked", "it waits until its sender has confirmed it"
    before = len(world.mailer.sent)
    decline(world, asked)
    assert world.work()["told"] == 2
    assert len(mailed(world, NEW)) == 2
    assert mailed(world, OLD, before) == ["Confirm your message to Acme Courses"]


@pytest.mark.spec("H-2", "H-3", "B-12")
def test_the_link_to_a_thread_in_an_older_mail_is_void_once_the_email_changes(shop: Shop) -> None:
    world = shop.world
    world.buy()
    guest = Guest(helpdesk_app.build(world.ports))
    asked = ask_support(world, world.orders()[0].id, None)
    world.work()
    old = link_to_thread(world, OLD)
    assert "Please" in guest.see(old).text
    change(shop)
    ticket.answer(world.ports, "acme", asked.id, "It is at 5.", key="one", now=world.now)
    world.work()
    guest.see(old, 404)
    hidden = {"attempt": "attempt-1", "text": "Cancel it all, please."}
    assert guest.browse("POST", old, hidden).status == 404
    new = link_to_thread(world, NEW)
    assert new != old and "It is at 5." in guest.see(new).text
    assert guest.submit(new, text="Thank you.").status == 303
    change(shop, new=OLD, old=NEW)
    guest.see(new, 404)
    assert "It is at 5." in guest.see(old).text, "theirs again"


def link_to_thread(world: World, to: str) -> str:
    """Returns the link in the newest mail about a ticket to somebody."""
    body = last(world, to).get_body(("plain",))
    assert body is not None
    found = LINK.search(body.get_content())
    assert found is not None
    return found[1]


@pytest.mark.spec("H-2")
def test_whom_nobody_knows_is_answered_at_the_address_that_they_gave(world: World) -> None:
    world.buy()
    asked = ask_support(world, world.orders()[0].id, None, email="zoe@example.com")
    ticket.reply(
        *(world.ports, "acme", asked.id, "Hello."), author=Author.AGENT, key="one", now=world.now
    )
    world.work()
    assert len(mailed(world, "zoe@example.com")) == 2


@pytest.fixture
def world() -> World:
    return World()
