"""API keys in the console do what /v1/keys does, and a secret is shown once (M-3)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.accounts.web import console_session
from billing.kernel.errors import Unavailable
from billing.web.request import Request
from functions.console import app as console_app
from functions.merchant import app as merchant_app
from tests.accounts.platform import PASSWORD, SELLER, Platform
from tests.console.agent import Agent
from tests.render.html import Element, read
from tests.web.calls import Client, event
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def secret_of(page: Element) -> str:
    return str(page.one("input", id="secret").attributes["value"])


def made(agent: Agent, attempt: str = "attempt_1", scope: str = "all", **fields: str) -> Element:
    answer = agent.send("/console/keys", attempt=attempt, scope=scope, **fields)
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return read(answer.body)


def keys(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.api.get("/v1/keys").json["data"]
    return found


@pytest.mark.spec("M-3")
@pytest.mark.parametrize(("scope", "may_write"), [("all", True), ("read", False)])
def test_a_key_is_made_and_works_as_far_as_it_may(
    shop: Shop, agent: Agent, scope: str, may_write: bool
) -> None:
    secret = secret_of(made(agent, scope=scope))
    program = Client(shop.resolver, secret)
    assert program.get("/v1/settings").status == 200
    changed = program.call("PATCH", "/v1/settings", {"reminder_days": 3}).status
    assert changed == (200 if may_write else 403)
    assert secret not in agent.look("/console/keys").text
    assert "console" in {key["made_by"] for key in keys(shop)}


@pytest.mark.spec("M-3")
def test_a_form_that_is_sent_twice_makes_one_key(shop: Shop, agent: Agent) -> None:
    before = len(keys(shop))
    made(agent)
    again = agent.send("/console/keys", attempt="attempt_1", scope="all")
    assert again.status == 409 and "no other key was created" in again.body
    assert len(keys(shop)) == before + 1
    made(agent, "attempt_2")
    assert len(keys(shop)) == before + 2


@pytest.mark.spec("M-3")
def test_a_key_is_replaced_and_revoked(shop: Shop, agent: Agent) -> None:
    old = secret_of(made(agent))
    (key,) = [each["id"] for each in keys(shop) if each["made_by"] == "console"]
    assert "stops working immediately" in agent.look(f"/console/keys/{key}/replace").text
    answer = agent.send(f"/console/keys/{key}/replace", attempt="attempt_2")
    new = secret_of(read(answer.body))
    assert Client(shop.resolver, old).get("/v1/settings").status == 401
    assert Client(shop.resolver, new).get("/v1/settings").status == 200
    (key,) = [k["id"] for k in keys(shop) if k["made_by"] == "console" and not k["revoked_at"]]
    page = agent.follow(agent.send(f"/console/keys/{key}/revoke"))
    assert "has been revoked" in page.text
    assert Client(shop.resolver, new).get("/v1/settings").status == 401
    agent.look(f"/console/keys/{key}/revoke", status=404)


@pytest.mark.spec("M-3")
@pytest.mark.parametrize("form", [{"scope": "all"}, {"attempt": "a", "scope": "root"}, {}])
def test_a_wrong_form_makes_no_key(shop: Shop, agent: Agent, form: dict[str, str]) -> None:
    before = len(keys(shop))
    assert agent.send("/console/keys", **form).status == 422
    assert len(keys(shop)) == before


@pytest.mark.spec("M-3")
def test_the_last_key_that_may_write_is_not_revoked(shop: Shop, agent: Agent) -> None:
    live = [each["id"] for each in keys(shop) if each["revoked_at"] is None]
    answers = [agent.send(f"/console/keys/{key}/revoke").status for key in live]
    # The last is refused, or the session went with the key that began it.
    assert answers[-1] in {422, 401}
    assert any(each.is_live for each in shop.world.store.api_keys("acme"))


@pytest.mark.spec("M-3")
def test_nobody_sees_or_ends_another_merchants_key(shop: Shop, agent: Agent) -> None:
    made(agent)
    rival = Agent.of(shop, "rival")
    for key in keys(shop):
        assert key["id"] not in rival.look("/console/keys").text
        rival.look(f"/console/keys/{key['id']}/revoke", status=404)
        assert rival.send(f"/console/keys/{key['id']}/revoke").status == 404
        assert rival.send(f"/console/keys/{key['id']}/replace", attempt="a").status == 404
    assert all(key["revoked_at"] is None for key in keys(shop))


@pytest.mark.spec("A-8", "M-3")
def test_who_signed_in_with_a_password_gives_it_again(shop: Shop) -> None:
    world = Platform()
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    found = world.store.account("annsart")
    assert found is not None
    request = Request.of(event("POST", "/console/sign-in", ""))
    cookie = console_session.begin_account(world.ports, request, found, world.now)
    client = Client(console_app.build(world.ports), cookies={cookie.name: cookie.value})
    agent = Agent(client)
    for wrong in ({}, {"password": "not it"}):
        answer = agent.send("/console/keys", attempt="attempt_1", scope="all", **wrong)
        assert answer.status == 422 and 'id="password-error"' in answer.body
        assert "not it" not in answer.body
    assert world.store.api_keys("annsart") == []
    secret = secret_of(made(agent, password=PASSWORD))
    program = Client(merchant_app.build(world.ports), secret)
    assert program.get("/v1/products").status == 200


@pytest.mark.spec("M-4")
def test_the_form_of_a_new_key_is_sent_again_after_an_outage_that_made_none(
    shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"attempt": "attempt_1", "scope": "all"}

    def down(*writes: object) -> None:
        raise Unavailable("The table does not answer.")

    agent.csrf()
    with monkeypatch.context() as outage:
        outage.setattr(shop.world.store, "commit", down)
        assert agent.send("/console/keys", **sent).status == 503
    assert agent.send("/console/keys", **sent).status == 200
    assert agent.send("/console/keys", **sent).status == 409
