"""Another price for subscriptions that run, in the console (X-12)."""

from __future__ import annotations

import pytest

from tests.console.agent import Agent
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy()
    return shop


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def at(shop: Shop, what: str = "") -> str:
    return f"/console/subscriptions/{shop.world.subscription().id}{what}"


@pytest.mark.spec("X-12", "M-4")
def test_a_price_is_announced_on_a_subscription_and_taken_back(shop: Shop, agent: Agent) -> None:
    assert "Change price" in agent.look(at(shop)).text
    typed = {"price": "39.99", "from": "2026-02-10"}
    sent = agent.send(at(shop, "/price"), **typed)
    assert sent.status == 303
    shown = agent.look(at(shop, "/price?done=announced")).text
    assert "The new price is announced" in shown and "$39.99" in shown
    assert "February 28, 2026" in shown
    change = shop.world.subscription().price_change
    assert change is not None
    assert agent.send(at(shop, "/price/take-back"), change="stale").status == 200
    assert shop.world.subscription().price_change == change, "it is not the one that was shown"
    for _ in range(2):
        agent.send(at(shop, "/price/take-back"), change=change.id)
    assert shop.world.subscription().price_change is None


@pytest.mark.spec("X-12", "M-4")
@pytest.mark.parametrize(
    "typed",
    [{}, {"price": "x", "from": "2026-03-01"}, {"price": "9" * 400, "from": "2026-03-01"}]
    + [{"price": "39.99", "from": day} for day in ("", "x" * 999, "2020-01-01", "2999-01-01")],
)
def test_a_wrong_field_is_said_on_the_page(shop: Shop, agent: Agent, typed: dict[str, str]) -> None:
    point = shop.world.subscription()
    for path in (
        at(shop, "/price"),
        f"/console/products/{point.product}/prices/{point.price_point}/announce",
    ):
        assert agent.send(path, **typed).status == 422
    assert shop.world.subscription().price_change is None


@pytest.mark.spec("X-12", "M-4")
def test_all_at_a_price_point_are_told_from_its_product(shop: Shop, agent: Agent) -> None:
    point = shop.world.subscription()
    here = f"/console/products/{point.product}/prices/{point.price_point}/announce"
    assert here in str(agent.look(f"/console/products/{point.product}"))
    assert "Take back" not in agent.look(here).text, "nothing has been announced"
    assert agent.send(here, **{"price": "39.99", "from": "2026-02-10"}).status == 303
    assert "being announced" in agent.look(f"{here}?done=announced").text
    assert agent.send(here, **{"price": "39.99", "from": "2026-02-10"}).status == 409
    shop.world.advance(minutes=10)
    assert shop.world.subscription().price_change is not None
    shown = agent.look(here).text
    for words in ("$39.99, from February 10, 2026 on", "1 subscription, 0 passed over (finished)"):
        assert words in shown
    assert "Take back announced prices" in shown
    assert agent.send(here, take_back="true").status == 303
    shop.world.advance(minutes=10)
    assert shop.world.subscription().price_change is None
    assert "Take back" not in agent.look(here).text
