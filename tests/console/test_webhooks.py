"""Webhooks in the console: made, tried, changed, replayed and deleted without the API."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.kernel.errors import Unavailable
from billing.kernel.receivers import Answer
from tests.branding.uploads import hidden
from tests.console.agent import Agent
from tests.render.html import Element, read
from tests.web.shop import Shop
from tests.webhooks.hooks import URL

pytestmark = pytest.mark.spec("M-4", "M-5")
HERE = "/console/webhooks"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def made(agent: Agent, attempt: str = "attempt_1", **fields: str) -> Element:
    answer = agent.send(HERE, **{"attempt": attempt, "url": URL, **fields})
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return read(answer.body)


def only(shop: Shop) -> str:
    (endpoint,) = shop.world.store.webhook_endpoints("acme")
    return endpoint.id


def secret_of(page: Element) -> str:
    return str(page.one("input", id="secret").attributes["value"])


def test_an_endpoint_is_made_and_its_secret_is_shown_once(shop: Shop, agent: Agent) -> None:
    assert "No endpoints yet" in agent.look(HERE).text
    secret = secret_of(made(agent, name="Members", events="purchase.completed, ticket.opened"))
    assert secret.startswith("whsec_")
    listed = agent.look(HERE).text
    page = agent.look(f"{HERE}/{only(shop)}").text
    assert "Members" in listed and "purchase.completed, ticket.opened" in listed
    assert secret not in listed + page
    again = agent.send(HERE, attempt="attempt_1", url=URL)
    assert again.status == 409
    assert "sent before" in again.body
    only(shop)


@pytest.mark.parametrize(
    "fields",
    [
        {"url": ""},
        {"url": "http://hooks.example.com/"},
        {"url": "https://169.254.169.254/"},
        {"url": "https://hooks.example.com/" + "a" * 600},
        {"url": "<script>"},
        {"events": "no.such"},
        {"events": "x" * 3000},
        {"name": "n" * 300},
        {"attempt": "?"},
        {"more": "of it"},
    ],
)
def test_wrong_input_is_shown_again_with_its_error(
    shop: Shop, agent: Agent, fields: dict[str, str]
) -> None:
    answer = agent.send(HERE, **{"attempt": "attempt_1", "url": URL, **fields})
    assert answer.status == 422, answer.body
    assert "<script>" not in answer.body.replace("<script>alert", "")
    assert "Error:" in answer.body
    assert shop.world.store.webhook_endpoints("acme") == []


def test_deliveries_are_listed_filtered_and_sent_again(shop: Shop, agent: Agent) -> None:
    made(agent, events="purchase.completed")
    shop.world.receivers.answers[URL] = lambda post: Answer(error="timeout")
    shop.world.buy()
    shop.world.work()
    page = agent.look(f"{HERE}/{only(shop)}")
    assert "purchase.completed" in page.text
    assert "no answer in 15 seconds" in page.text
    assert "Failing" in page.text and "Failing" in agent.look(HERE).text
    assert "On its way" in page.text
    assert "No deliveries" in agent.look(f"{HERE}/{only(shop)}?state=delivered").text
    assert agent.look(f"{HERE}/{only(shop)}?state=odd", 422)
    shop.world.receivers.answers.clear()
    delivery = page.one("input", name="delivery").attributes["value"]
    back = agent.follow(agent.send(f"{HERE}/{only(shop)}/resend", delivery=str(delivery)))
    assert "on its way again" in back.text
    shop.world.work_webhooks()
    assert "Delivered" in agent.look(f"{HERE}/{only(shop)}?state=delivered").text
    assert agent.send(f"{HERE}/{only(shop)}/resend", delivery="we_1.evt_1").status == 404


def test_an_endpoint_is_tried_changed_rotated_disabled_enabled_and_deleted(
    shop: Shop, agent: Agent
) -> None:
    secret = secret_of(made(agent))
    one = f"{HERE}/{only(shop)}"
    assert "test event is on its way" in agent.follow(agent.send(f"{one}/test")).text
    shop.world.work_webhooks()
    assert "endpoint.tested" in agent.look(one).text
    seen = hidden(agent, one)
    changed = agent.send(
        f"{one}/change", url=URL + "2", name="Site", events="ticket.opened", seen=seen
    )
    assert "has been changed" in agent.follow(changed).text
    assert agent.send(f"{one}/change", url="http://x/", seen=hidden(agent, one)).status == 422
    agent.look(f"{one}/rotate")
    rotated = read(agent.send(f"{one}/rotate").body)
    assert secret_of(rotated) != secret
    refused = agent.send(f"{one}/rotate")
    assert refused.status == 422
    assert "rotated in the last 24 hours" in refused.body
    agent.look(f"{one}/disable")
    assert "gets no events" in agent.follow(agent.send(f"{one}/disable")).text
    assert agent.send(f"{one}/test").status == 422
    assert "has been enabled" in agent.follow(agent.send(f"{one}/enable")).text
    agent.look(f"{one}/delete")
    assert "has been deleted" in agent.follow(agent.send(f"{one}/delete")).text
    assert agent.send(f"{one}/delete").status == 404
    agent.look(one, 404)


def test_a_range_is_replayed_from_its_page(shop: Shop, agent: Agent) -> None:
    made(agent)
    shop.world.buy()
    shop.world.work()
    one = f"{HERE}/{only(shop)}"
    agent.look(f"{one}/replay")
    wrong = agent.send(f"{one}/replay", since="2026-02-01", until="2026-01-01")
    assert wrong.status == 422
    assert "after the beginning" in wrong.body
    assert agent.send(f"{one}/replay", since="x", until="").status == 422
    before = len(shop.world.receivers.posts)
    shop.world.now += timedelta(minutes=1)
    sent = agent.send(f"{one}/replay", since="2026-01-31", until="2026-01-31")
    assert "in the background" in agent.follow(sent).text
    assert "under way" in agent.send(f"{one}/replay", since="2026-01-31", until="2026-02-01").body
    shop.world.advance(minutes=5)
    assert len(shop.world.receivers.posts) > before


def test_home_and_attention_name_endpoints_that_fail(shop: Shop, agent: Agent) -> None:
    made(agent, name="Members")
    said = "Members isn't accepting events"
    assert said not in agent.look("/console").text + agent.look("/console/attention").text
    shop.world.receivers.answers[URL] = lambda post: Answer(500)
    shop.world.buy()
    shop.world.work()
    assert said in agent.look("/console").text
    assert said in agent.look("/console/attention").text
    agent.send(f"{HERE}/{only(shop)}/disable")
    assert said not in agent.look("/console").text, "that was their wish"


def test_nobody_else_sees_or_does_anything(shop: Shop, agent: Agent) -> None:
    made(agent)
    one = f"{HERE}/{only(shop)}"
    rival = Agent.of(shop, "rival")
    rival.look(one, 404)
    for act in ("rotate", "delete", "disable", "replay", "odd"):
        rival.look(f"{one}/{act}", 404)
    for act in ("change", "test", "resend", "replay", "rotate", "disable", "enable", "delete"):
        sent = rival.send(
            f"{one}/{act}", url=URL, delivery="a.b", since="2026-01-31", until="2026-01-31"
        )
        assert sent.status in (404, 422), act
    assert agent.client.browse("POST", f"{one}/delete", {}).status == 403
    only(shop)
    assert re.search("Enabled", agent.look(one).text)


@pytest.mark.spec("M-4")
def test_the_second_of_two_who_change_an_endpoint_is_told(shop: Shop, agent: Agent) -> None:
    made(agent)
    one = f"{HERE}/{only(shop)}"
    seen = hidden(agent, one)
    assert agent.send(f"{one}/change", url=URL, name="Theirs", seen=seen).status == 303
    answer = agent.send(f"{one}/change", url=URL, name="Mine", seen=seen)
    assert answer.status == 409 and "Someone changed this meanwhile" in answer.body
    assert 'value="Mine"' in answer.body and "Theirs" in agent.look(one).text
    assert agent.send(f"{one}/change", url=URL, name="Mine").status == 409, "nothing was seen"


@pytest.mark.spec("M-4")
def test_the_form_of_a_new_endpoint_is_sent_again_after_an_outage_that_made_none(
    shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"attempt": "attempt_1", "url": URL}

    def down(*writes: object) -> None:
        raise Unavailable("The table does not answer.")

    agent.csrf()
    with monkeypatch.context() as outage:
        outage.setattr(shop.world.store, "commit", down)
        assert agent.send(HERE, **sent).status == 503
    assert agent.send(HERE, **sent).status == 200
    assert agent.send(HERE, **sent).status == 409
