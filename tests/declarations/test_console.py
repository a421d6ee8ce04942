"""The console's queue of declarations, and /v1's (X-10)."""

from __future__ import annotations

import pytest

from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import DeclarationState, Declared, Kind
from billing.declarations.flows import receive
from billing.declarations.flows.receive import Sender
from billing.kernel.subscription import State
from tests.declarations.hall import DELAYED
from tests.render.html import read
from tests.web.calls import Client
from tests.web.shop import Shop, signed_in

PAGE = "/console/declarations"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def declare(shop: Shop, contact: str = "somebody@example.com", n: int = 1) -> str:
    made = receive.receive(
        shop.world.ports,
        shop.world.merchant,
        Duty.CANCELLATION,
        Declared(Kind.ORDINARY, "Ann", contact, "Course <b>"),
        Sender("192.0.2.1", "DE", "de"),
        key=f"declared-{n}",
        now=shop.world.now,
    )
    shop.world.tick()
    return made.id


def send(client: Client, page: str, address: str, **typed: str) -> int:
    forms = read(client.browse("GET", page).body).all("input")
    csrf = next(e.attributes["value"] for e in forms if e.attributes.get("name") == "csrf")
    return client.browse("POST", address, {"csrf": csrf, **typed}).status


@pytest.mark.spec("X-10")
def test_a_person_carries_out_what_nothing_was_found_for(shop: Shop) -> None:
    bought = shop.world.buy(shop.world.product(DELAYED))
    name, agent = declare(shop), signed_in(shop)
    listed = agent.browse("GET", PAGE)
    assert listed.status == 200 and name in listed.body
    page = f"{PAGE}/{name}"
    shown = agent.browse("GET", page).body
    assert "no purchase was found" in shown and "<b>" not in shown
    assert send(agent, page, f"{page}/approve") == 422
    assert send(agent, page, f"{page}/approve", subscription="sub_unknown") == 422
    assert send(agent, page, f"{page}/approve", subscription=bought.purchase) == 303
    shop.world.tick()
    assert shop.world.subscription().state is State.CANCEL_PENDING
    found = shop.world.store.declaration("acme", name)
    assert found is not None and found.state is DeclarationState.CARRIED_OUT
    assert send(agent, "/console/settings", f"{page}/decline") == 409


@pytest.mark.spec("X-10")
def test_a_declaration_is_turned_down_once(shop: Shop) -> None:
    shop.world.buy(shop.world.product(DELAYED))
    name, agent = declare(shop, "ann@example.com"), signed_in(shop)
    assert shop.world.subscription().held
    page = f"{PAGE}/{name}"
    assert send(agent, page, f"{page}/decline") == 303
    assert not shop.world.subscription().held
    assert shop.world.subscription().state is State.ACTIVE


@pytest.mark.spec("X-10")
def test_the_list_filters_pages_and_refuses_nonsense(shop: Shop) -> None:
    names = [declare(shop, n=n) for n in range(3)]
    first = shop.api.get("/v1/declarations", limit="2").json
    rest = shop.api.get("/v1/declarations", limit="2", cursor=first["next"]).json
    assert [d["id"] for d in first["data"] + rest["data"]] == sorted(names, reverse=True)
    assert rest["next"] is None
    assert shop.api.get("/v1/declarations", state="denied").json["data"] == []
    assert shop.api.get("/v1/declarations", state="nonsense").status == 422
    assert shop.api.get("/v1/declarations", cursor="x~y").status == 422
    assert shop.other.get("/v1/declarations").json["data"] == []
    assert shop.other.get(f"/v1/declarations/{names[0]}").status == 404
    agent = signed_in(shop)
    for query in ("state=agent", "state=denied"):
        assert agent.browse("GET", f"{PAGE}?{query}").status == 200
    for query in ("state=x", "cursor=x", "limit=0"):
        assert agent.browse("GET", f"{PAGE}?{query}").status == 422
    assert signed_in(shop, "rival").browse("GET", f"{PAGE}/{names[0]}").status == 404


@pytest.mark.spec("X-10")
def test_the_settings_say_that_the_law_overrides_them(shop: Shop) -> None:
    body = signed_in(shop).browse("GET", "/console/settings").body
    assert "CA, CO, MA, MN, NY" in body


@pytest.mark.spec("C-6")
def test_the_consent_of_a_subscription_is_exported(shop: Shop) -> None:
    bought = shop.world.buy(shop.world.product(DELAYED), starts_at_once=True)
    address = f"/v1/subscriptions/{bought.purchase}/consent"
    kept = shop.api.get(address).json
    assert (kept["purchase"], kept["ip"]) == (bought.purchase, "192.0.2.1")
    assert kept["starts_at_once"].startswith("Start my service right away.")
    assert shop.other.get(address).status == 404
