"""The settings page of the console changes what PATCH /v1/settings changes (M-2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.agent import Agent
from tests.web.shop import PRODUCT, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def form_of(agent: Agent) -> dict[str, str]:
    """The form as it stands on the page."""
    main = agent.look("/console/settings").one("main")
    form: dict[str, str] = {}
    for each in main.all("input"):
        attributes = each.attributes
        if attributes.get("type") != "checkbox" or "checked" in attributes:
            form[str(attributes["name"])] = str(attributes["value"])
    for each in main.all("select"):
        chosen = [o for o in each.all("option") if "selected" in o.attributes] or each.all("option")
        form[str(each.attributes["name"])] = str(chosen[0].attributes["value"])
    for each in main.all("textarea"):
        form[str(each.attributes["name"])] = each.text
    return {name: value for name, value in form.items() if name != "csrf"}


def settings(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.get("/v1/settings").json
    return found


@pytest.mark.spec("M-2")
def test_a_form_sent_as_it_was_shown_changes_nothing(shop: Shop, agent: Agent) -> None:
    before = settings(shop)
    assert agent.send("/console/settings", **form_of(agent)).status == 303
    assert settings(shop) == before


@pytest.mark.spec("M-2", "B-1")
def test_settings_are_changed_by_the_form(shop: Shop, agent: Agent) -> None:
    before = settings(shop)
    typed = {
        "time_zone": "Europe/Berlin",
        "language": "visitor",
        "portal": "helpdesk",
        "self_cancel": "manual",
        "self_refund": "automatic",
        "cancel_department": "technical-support",
        "attempts": "3",
        "every_days": "5",
        "final_action": "keep_past_due",
        "grace_days": "9",
        "reminder_days": "0",
        "freeze_price": "",
        "self_freeze": "true",
        "revoke_on_dispute": "true",
        "credit_at_end": "refund",
        "confirmation_template": "Thank you. {order_id}",
    }
    page = agent.follow(agent.send("/console/settings", **form_of(agent) | typed))
    assert "Your settings have been saved" in page.text
    after = settings(shop)
    assert after["retry_schedule"] == {
        "every_days": 5,
        "attempts": 3,
        "final_action": "keep_past_due",
    }
    assert after["departments"]["cancel"] == "technical-support"
    assert after["departments"]["all"] == before["departments"]["all"]
    for name in ("time_zone", "language", "portal", "self_cancel", "self_refund"):
        assert after[name] == typed[name]
    assert (after["grace_days"], after["reminder_days"], after["freeze_price"]) == (9, 0, None)
    assert after["self_freeze"] and after["revoke_on_dispute"]
    assert "/portal/acme" in page.text and "/helpdesk/acme" in page.text


@pytest.mark.spec("M-2", "C-12")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"time_zone": "Nowhere/City"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"currency": "XXX"}, "currency"),
        ({"language": "tlh"}, "language"),
        ({"portal": "window"}, "portal"),
        ({"attempts": "many"}, "attempts"),
        ({"attempts": "0"}, "attempts"),
        ({"every_days": ""}, "every_days"),
        ({"grace_days": "x"}, "grace_days"),
        ({"catch_up_days": "-1"}, "catch_up_days"),
        ({"freeze_price": "a lot"}, "freeze_price"),
        ({"freeze_price": "0"}, "freeze_price"),
        ({"custom_domain": "not a domain"}, "custom_domain"),
        ({"confirmation_template": "x" * 2500}, "confirmation_template"),
        ({"cancel_department": "no such!"}, "cancel_department"),
    ],
)
def test_a_wrong_setting_is_told_at_its_field_and_changes_nothing(
    shop: Shop, agent: Agent, typed: dict[str, str], field: str
) -> None:
    before = settings(shop)
    form = form_of(agent) | {"reminder_days": "11"} | typed
    answer = agent.send("/console/settings", **form)
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body and f'id="{field}-error"' in answer.body
    assert 'value="11"' in answer.body, "what was typed survives"
    assert settings(shop) == before


@pytest.mark.spec("P-20")
def test_the_currency_stays_once_there_are_products(shop: Shop, agent: Agent) -> None:
    shop.api.post("/v1/products", PRODUCT)
    answer = agent.send("/console/settings", **form_of(agent) | {"currency": "EUR"})
    assert answer.status == 422
    assert 'id="currency-error"' in answer.body
    assert settings(shop)["currency"] == "USD"


@pytest.mark.spec("M-4")
def test_the_second_of_two_agents_is_told_and_keeps_what_they_typed(
    shop: Shop, agent: Agent
) -> None:
    mine = form_of(agent)
    shop.api.call("PATCH", "/v1/settings", {"reminder_days": 3})
    answer = agent.send("/console/settings", **mine | {"attempts": "9"})
    assert answer.status == 409
    assert "Someone changed the settings meanwhile" in answer.body
    assert 'value="9"' in answer.body
    assert settings(shop)["reminder_days"] == 3
    assert settings(shop)["retry_schedule"]["attempts"] != 9
