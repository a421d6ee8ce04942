"""A customer is changed, erased and copied in the console as by /v1 (H-6, M-8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.agent import Agent
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def sold(shop: Shop) -> str:
    """The address of a customer who has bought."""
    bought = shop.world.buy()
    shop.world.tick()
    return f"/console/customers/{bought.customer}"


def form_of(agent: Agent, at: str) -> dict[str, str]:
    """The form of a customer as it stands on its page."""
    main = agent.look(f"{at}/edit").one("main")
    fields = [each.attributes for each in main.all("input")]
    form = {str(f["name"]): str(f["value"]) for f in fields if f["name"] != "csrf"}
    (chosen,) = [o for o in main.one("select").all("option") if "selected" in o.attributes]
    return form | {"country": str(chosen.attributes["value"])}


def kept(shop: Shop, at: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.get(f"/v1/customers/{at.rpartition('/')[2]}").json
    return found


@pytest.mark.spec("B-12", "M-4")
def test_details_are_changed_and_the_old_address_is_told(shop: Shop) -> None:
    at, agent = sold(shop), Agent.of(shop)
    form = form_of(agent, at) | {"email": "anna@example.com", "name": "Anna Example"}
    page = agent.follow(agent.send(f"{at}/edit", **form | {"line2": "Floor 2"}))
    assert "details have been changed" in page.text and "Anna Example" in page.text
    shop.world.tick()
    assert "ann@example.com" in str(shop.world.mailer.sent[-1]["To"])
    assert kept(shop, at)["email"] == "anna@example.com"


@pytest.mark.spec("M-4")
def test_a_form_sent_as_it_was_shown_changes_nothing(shop: Shop) -> None:
    at, agent = sold(shop), Agent.of(shop)
    before = kept(shop, at)
    assert agent.send(f"{at}/edit", **form_of(agent, at)).status == 303
    assert kept(shop, at) == before


@pytest.mark.spec("C-12", "M-4")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "bob@example.com"}, "email"),
        ({"name": ""}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"country": "XX"}, "country"),
        ({"line1": ""}, "line1"),
        ({"city": "see https://example.com"}, "city"),
    ],
)
def test_a_wrong_detail_is_told_at_its_field(shop: Shop, typed: dict[str, str], field: str) -> None:
    at, agent = sold(shop), Agent.of(shop)
    shop.world.buy(email="bob@example.com")
    before = kept(shop, at)
    answer = agent.send(f"{at}/edit", **form_of(agent, at) | {"postal_code": "99999"} | typed)
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body and f'id="{field}-error"' in answer.body
    assert 'value="99999"' in answer.body
    assert kept(shop, at) == before


@pytest.mark.spec("M-4")
def test_the_second_of_two_agents_is_told(shop: Shop) -> None:
    at, agent = sold(shop), Agent.of(shop)
    mine = form_of(agent, at)
    shop.api.call("PATCH", f"/v1/customers/{at.rpartition('/')[2]}", {"name": "Theirs"})
    answer = agent.send(f"{at}/edit", **mine | {"name": "Mine"})
    assert answer.status == 409 and 'value="Mine"' in answer.body
    assert kept(shop, at)["name"] == "Theirs"


@pytest.mark.spec("M-8")
def test_a_customer_is_erased_once_nothing_runs(shop: Shop) -> None:
    at, agent = sold(shop), Agent.of(shop)
    assert "be undone" in agent.look(f"{at}/erase").text
    refused = agent.send(f"{at}/erase")
    assert refused.status == 409 and "still running" in refused.body
    assert kept(shop, at)["name"] == "Ann Example"
    subscription = shop.world.subscription().id
    agent.send(f"/console/subscriptions/{subscription}/cancel", when="now")
    page = agent.follow(agent.send(f"{at}/erase"))
    assert "has been erased" in page.text and "ann@example.com" not in page.one("main").text
    assert agent.send(f"{at}/edit", name="Ann", seen="x").status == 409


@pytest.mark.spec("M-8")
def test_a_copy_of_what_is_kept_is_downloaded(shop: Shop) -> None:
    at, agent = sold(shop), Agent.of(shop)
    answer = agent.client.browse("GET", f"{at}/copy")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.json == shop.api.get(f"/v1/customers/{at.rpartition('/')[2]}/export").json


@pytest.mark.spec("M-3")
def test_nobody_touches_another_merchants_customer(shop: Shop) -> None:
    at = sold(shop)
    before, rival = kept(shop, at), Agent.of(shop, "rival")
    for page in ("edit", "erase", "copy"):
        rival.look(f"{at}/{page}", status=404)
    for page in ("edit", "erase"):
        assert rival.send(f"{at}/{page}").status == 404
    assert kept(shop, at) == before
