"""People name a request by a short number, never by the id of its address (H-2, H-3)."""

from __future__ import annotations

import re

import pytest

from billing.kernel.merchants import SelfService
from tests.helpdesk.desk import House
from tests.helpdesk.tickets.asking import decline
from tests.portal.visitors import ANN

NUMBER = re.compile(r"(?<!\d)\d{4}-\d{4}(?!\d)")


@pytest.fixture
def house() -> House:
    """A helpdesk with a request to cancel and one for a refund, from the portal, and a question."""
    house = House()
    house.shop.set(self_cancel=SelfService.MANUAL, self_refund=SelfService.MANUAL)
    order = house.order(ANN, refund_days=30)
    browser = house.signed_in()
    browser.submit("/new/billing", order=order, wish="cancel", subject="Cancel", text="Please")
    browser.submit("/new/billing", order="", subject="A question", text="When?")
    visitor = house.shop.signed_in()
    assert visitor.post(f"/orders/{order}/refund", cancel="").status == 303
    return house


def words(text: str) -> str:
    """A text without its addresses."""
    return re.sub(r"https?://\S+", "", text)


@pytest.mark.spec("H-2", "H-3")
def test_the_requester_and_the_agent_see_the_same_short_number(house: House) -> None:
    tickets = house.tickets()
    assert len({each.number for each in tickets}) == len(tickets) == 3
    for ticket in tickets:
        seen = house.signed_in().see(f"/tickets/{ticket.id}").text
        shown = house.agent().see(f"/console/tickets/{ticket.id}").text
        assert NUMBER.findall(seen) == NUMBER.findall(shown) == [ticket.number]
        assert "tic_" not in seen + shown


@pytest.mark.spec("H-3", "B-7")
def test_the_pages_of_the_portal_show_it_too(house: House) -> None:
    (order,) = house.shop.order_ids()
    visitor = house.shop.signed_in()
    by_wish = {each.wish: each for each in house.tickets()}
    for page, wish in (
        (f"/orders/{order}/refund", "refund"),
        (f"/subscriptions/{house.shop.world.subscription().id}/ending", "cancel"),
    ):
        seen = visitor.see(page).text
        assert by_wish[wish].number in seen
        assert "tic_" not in seen


@pytest.mark.spec("H-3")
def test_no_mail_to_either_side_shows_the_id(house: House) -> None:
    world = house.shop.world
    world.work()
    first, second, _ = house.tickets()
    decline(world, first)
    page = f"/console/tickets/{second.id}"
    house.agent().submit(page, f"{page}/reply", text="Soon.", act="reply")
    world.work()
    texts = [words(str(m.get_body(("plain",)).get_content())) for m in world.mailer.sent]  # type: ignore[union-attr]
    about = [text for text in texts if NUMBER.search(text)]
    assert len(about) >= 8
    assert not [text for text in texts if "tic_" in text]
