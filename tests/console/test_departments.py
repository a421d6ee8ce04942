"""Departments and business details in the console (H-1, M-2, M-13)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.console.web import business, departments
from tests.console.agent import Agent
from tests.web.shop import Shop

HERE = departments.HERE


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def known(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.api.get("/v1/settings").json["departments"]["all"]
    return found


def mark(agent: Agent, address: str) -> str:
    fields = (each.attributes for each in agent.look(address).all("input"))
    (seen,) = {str(f["value"]) for f in fields if f.get("name") == "seen"}
    return seen


@pytest.mark.spec("H-1", "M-2")
def test_a_department_is_added_changed_and_removed(shop: Shop, agent: Agent) -> None:
    new = f"{HERE}/new"
    sent = agent.send(
        new,
        seen=mark(agent, new),
        name="Größen & Maße",
        scope="Sizes.\nAll of them.",
        email="sizes@example.com",
        ask_order="true",
    )
    assert "has been added" in agent.follow(sent).text
    made = known(shop)[-1]
    assert made == {
        "id": "groen-mae",
        "name": "Größen & Maße",
        "scope": "Sizes.\nAll of them.",
        "asks": ["order"],
        "email": "sizes@example.com",
    }
    at = f"{HERE}/{made['id']}"
    before = known(shop)
    agent.follow(agent.send(at, seen=mark(agent, at), name="Sizes", scope=""))
    assert known(shop)[:-1] == before[:-1]
    assert known(shop)[-1] | {"name": "x"} == made | {
        "name": "x",
        "scope": "",
        "asks": [],
        "email": None,
    }
    assert "has been removed" in agent.follow(agent.send(f"{at}/remove")).text
    assert known(shop) == before[:-1]
    assert agent.send(f"{at}/remove").status == 404


@pytest.mark.spec("H-1")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 500}, "name"),
        ({"name": "Sizes", "email": "nobody"}, "email"),
        ({"name": "Sizes", "scope": "y" * 2500}, "scope"),
    ],
)
def test_a_wrong_department_is_told_at_its_field(
    shop: Shop, agent: Agent, typed: dict[str, str], field: str
) -> None:
    before = known(shop)
    new = f"{HERE}/new"
    answer = agent.send(new, seen=mark(agent, new), **{"ask_name": "true", **typed})
    assert answer.status == 422 and f'id="{field}-error"' in answer.body
    assert known(shop) == before


@pytest.mark.spec("M-4")
def test_the_second_of_two_agents_is_told_about_the_first(shop: Shop, agent: Agent) -> None:
    at = f"{HERE}/billing"
    seen = mark(agent, at)
    agent.follow(agent.send(at, seen=seen, name="Money", scope=""))
    answer = agent.send(at, seen=seen, name="Bills", scope="")
    assert answer.status == 409 and 'value="Bills"' in answer.body
    assert {each["name"] for each in known(shop)} >= {"Money"}


@pytest.mark.spec("H-1", "M-2")
def test_a_department_that_the_portal_needs_stays(shop: Shop, agent: Agent) -> None:
    answer = agent.send(f"{HERE}/billing/remove")
    assert answer.status == 409 and "takes requests from the portal" in answer.body
    assert agent.send(f"{HERE}/none/remove").status == 404
    assert agent.look(f"{HERE}/none", status=404)


@pytest.mark.spec("M-13", "C-7")
def test_business_details_are_what_documents_say(shop: Shop, agent: Agent) -> None:
    at = business.HERE
    typed = {
        "legal_name": "Acme GmbH",
        "country": "DE",
        "line1": "Hauptstr. 1",
        "city": "Berlin",
        "postal_code": "10115",
        "tax_ids": "DE DE136695976\nCHE-107.787.577 MWST",
        "invoice_note": "HRB 1",
        "e_invoices": "true",
    }
    wrong = agent.send(at, seen=mark(agent, at), **typed | {"tax_ids": "DE 1\nFR 2"})
    assert wrong.status == 422 and 'id="tax_ids-error"' in wrong.body
    half = agent.send(at, seen=mark(agent, at), **typed | {"line1": ""})
    assert half.status == 422 and 'id="line1-error"' in half.body
    seen = mark(agent, at)
    page = agent.follow(agent.send(at, seen=seen, **typed | {"tax_ids": "DE DE136695976"}))
    assert "saved" in page.text
    identity = shop.api.get("/v1/settings").json["identity"]
    assert identity["legal_name"] == "Acme GmbH" and identity["e_invoices"]
    assert identity["tax_ids"] == [{"country": "DE", "number": "DE136695976"}]
    assert identity["address"]["city"] == "Berlin"
    stale = agent.send(at, seen=seen, **typed)
    assert stale.status == 409 and "Acme GmbH" in stale.body
    shown = mark(agent, at)
    agent.follow(agent.send(at, seen=shown))
    assert shop.api.get("/v1/settings").json["identity"]["address"] is None


@pytest.mark.spec("M-2", "R-4", "A-9")
def test_settings_show_the_days_of_retries_and_the_state_of_a_domain(
    shop: Shop, agent: Agent
) -> None:
    shop.api.call("PATCH", "/v1/settings", {"retry_schedule": {"attempts": 3, "every_days": 5}})
    shop.api.call("PATCH", "/v1/settings", {"custom_domain": "pay.acme.example"})
    text = agent.look("/console/settings").one("main").text
    for words in ("Day 5", "Day 10", "Waiting for confirmation", "/portal/acme", "/helpdesk/acme"):
        assert words in text, words
    assert "Day 15" not in text
