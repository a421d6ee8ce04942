"""A ticket that a merchant enters, and the forecast, by the console's pages (M-4, H-2, R-10)."""

from __future__ import annotations

import pytest

from tests.console.agent import Agent
from tests.web.shop import Shop

NEW = "/console/tickets/new"


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy()
    shop.world.tick()
    return shop


def form(**changes: str) -> dict[str, str]:
    given = {
        "department": "billing",
        "email": "ann@example.com",
        "subject": "Called us",
        "text": "Where is my invoice?",
        "attempt": "attempt_0000001",
    }
    return given | changes


@pytest.mark.spec("M-4", "H-2")
def test_a_request_by_phone_becomes_one_ticket_however_often_it_is_sent(shop: Shop) -> None:
    agent = Agent.of(shop)
    page = agent.look(f"{NEW}?email=ann%40example.com")
    assert 'value="ann@example.com"' in str(page) or page
    first, second = agent.send(NEW, **form()), agent.send(NEW, **form())
    assert first.headers["location"] == second.headers["location"]
    assert "Where is my invoice?" in agent.follow(first).text
    assert len(shop.api.get("/v1/tickets").json["data"]) == 1


@pytest.mark.spec("M-4", "H-3")
def test_a_request_to_cancel_names_an_order_of_theirs(shop: Shop) -> None:
    (order,) = shop.world.orders()
    agent = Agent.of(shop)
    agent.follow(agent.send(NEW, **form(order=order.id, wish="cancel")))
    (ticket,) = shop.api.get("/v1/tickets").json["data"]
    assert ticket["wish"] == "cancel"


@pytest.mark.spec("M-4", "M-3")
@pytest.mark.parametrize(
    "changes",
    [
        {"email": "nobody"},
        {"email": ""},
        {"department": "none"},
        {"order": "AAAA-BBBB-CCCC-DDDD"},
        {"wish": "cancel"},
        {"wish": "everything"},
        {"subject": "x" * 10_000},
        {"text": "y" * 6_000},
        {"attempt": "../.."},
        {"more": "field"},
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(shop: Shop, changes: dict[str, str]) -> None:
    answer = Agent.of(shop).send(NEW, **form(**changes))
    assert answer.status == 422
    assert "Where is my invoice?" in answer.body or "text" in changes
    assert shop.api.get("/v1/tickets").json["data"] == []


@pytest.mark.spec("M-4", "R-10")
def test_the_forecast_has_what_will_be_charged(shop: Shop) -> None:
    agent = Agent.of(shop)
    text = agent.look("/console/forecast?days=90").one("main").text
    assert "Mar 31, 2026" in text or "2026" in text
    assert "Total" in text and text.count("$29.99") >= 3
    assert "Nothing is due" in agent.look("/console/forecast?days=7").text
    for wrong in ("x", "", "8", "99999999", "-1", "%C2%B2"):
        agent.look(f"/console/forecast?days={wrong}", status=422)
    assert "$29.99" not in Agent.of(shop, "rival").look("/console/forecast").text
