"""The wizard of a new product: from nothing to a checkout that sells, as the API would make it."""

from __future__ import annotations

from typing import Any

import pytest

from billing.console.web import drafts, product_forms
from billing.kernel.catalog import PriceType
from billing.kernel.gateways import Capabilities
from billing.kernel.values import replace
from tests.console.agent import Agent
from tests.render.html import read
from tests.web.calls import Answer
from tests.web.shop import Shop

MONTHLY = {"type": "recurring", "amount": "29.99", "period": "1m", "cancellation": "delayed"}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def begun(agent: Agent, name: str = "Course", **fields: str) -> str:
    """The address of a draft behind its first step."""
    answer = agent.send("/console/products/new", name=name, **fields)
    assert answer.status == 303, answer.body
    return answer.headers["location"].removesuffix("/pricing")


def finished(agent: Agent, at: str, *prices: dict[str, str], **checkout: str) -> Answer:
    """The steps behind the first, with these price points; nothing is created yet."""
    for price in prices:
        assert agent.send(f"{at}/pricing/new", **price).status == 303
    assert agent.send(f"{at}/access").status == 303
    return agent.send(
        f"{at}/checkout", **{"gateway_sandbox": "true", "refund_days": "14"} | checkout
    )


@pytest.mark.spec("P-1", "M-4")
def test_a_product_is_set_up_step_by_step_and_sells(shop: Shop, agent: Agent) -> None:
    assert "Create your first product" in agent.look("/console/products").text
    at = begun(agent, public_listing="true")
    answer = finished(agent, at, MONTHLY)
    review = agent.follow(answer)
    assert "$29.99 every month" in review.text
    assert shop.api.get("/v1/products").json["data"] == [], "nothing before the last step"
    page = agent.follow(agent.send(f"{at}/review"))
    (made,) = shop.api.get("/v1/products").json["data"]
    assert made["id"] in agent.at
    assert (made["name"], made["public_listing"], made["refund_days"]) == ("Course", True, 14)
    assert made["gateways"] == ["sandbox"] and made["grants"] == [made["id"]]
    (point,) = made["price_points"]
    assert point["price"] == {"amount": 2999, "currency": "USD"}
    assert (point["type"], point["period"], point["cancellation"]) == ("recurring", "1m", "delayed")
    link = page.one("input", id="link-1").attributes["value"]
    assert str(link).endswith(f"/checkout/{point['id']}")


@pytest.mark.spec("P-2")
@pytest.mark.parametrize("kind", list(PriceType))
def test_each_type_of_price_is_made_as_the_api_makes_it(
    shop: Shop, agent: Agent, kind: PriceType
) -> None:
    # The fields of all types are sent, as a browser sends those that are out of sight.
    typed = {
        **MONTHLY,
        "type": kind.value,
        "installments": "3",
        "cycle": "1y",
        "initial_unit": "days",
        "tax": "inclusive",
    }
    at = begun(agent)
    finished(agent, at, typed)
    agent.follow(agent.send(f"{at}/review"))
    (made,) = shop.api.get("/v1/products").json["data"]
    (point,) = made["price_points"]
    wants = {
        PriceType.ONE_TIME: (None, None, None),
        PriceType.RECURRING: ("1m", None, None),
        PriceType.INSTALLMENT: ("1m", 3, None),
        PriceType.RECURRING_INSTALLMENT: ("1m", 3, "1y"),
    }
    got = point.get("period"), point.get("installments"), point.get("cycle")
    assert got == wants[kind]
    assert (point["type"], point["tax"]) == (kind.value, "inclusive")


@pytest.mark.spec("P-10", "P-19")
def test_the_dates_that_a_buyer_would_be_charged_are_shown_before_anything_is_kept(
    shop: Shop, agent: Agent
) -> None:
    at = begun(agent)
    trial = {**MONTHLY, "has_initial": "true", "initial_amount": "1", "initial_count": "14"}
    trial |= {"initial_unit": "days", "trial_guard": "true", "act": "preview"}
    answer = agent.send(f"{at}/pricing/new", **trial)
    assert answer.status == 200
    assert "$1.00 for the first 14 days, then $29.99 every month" in answer.body
    document = {
        "type": "recurring",
        "price": {"amount": 2999, "currency": "USD"},
        "period": "1m",
        "initial": {"amount": 100, "period": {"days": 14}},
    }
    asked = {"price_point": document, "start": shop.world.now.isoformat(), "count": 3}
    zone = shop.world.merchant.settings.time_zone
    preview = shop.api.post("/v1/preview", {**asked, "time_zone": zone}).json
    for charge in preview["charges"]:
        assert f'datetime="{charge["at"][:10]}' in answer.body
    assert "Price points" not in agent.look(f"{at}/pricing/new").text


@pytest.mark.spec("P-14")
def test_the_first_price_point_is_the_default_until_another_is_chosen(
    shop: Shop, agent: Agent
) -> None:
    at = begun(agent)
    finished(agent, at, MONTHLY, {"type": "one_time", "amount": "299"}, {**MONTHLY, "amount": "5"})
    assert agent.send(f"{at}/pricing/p2", act="default").status == 303
    assert agent.send(f"{at}/pricing/p3", act="remove").status == 303
    agent.follow(agent.send(f"{at}/review"))
    (made,) = shop.api.get("/v1/products").json["data"]
    assert [p["price"]["amount"] for p in made["price_points"]] == [29900, 2999]
    assert made["default_price_point"] == made["price_points"][0]["id"]


@pytest.mark.spec("M-4")
def test_a_product_is_created_once_however_often_the_button_is_pressed(
    shop: Shop, agent: Agent
) -> None:
    at = begun(agent)
    finished(agent, at, MONTHLY)
    first = agent.send(f"{at}/review")
    again = agent.send(f"{at}/review")
    assert first.headers["location"].startswith(again.headers["location"])
    assert len(shop.api.get("/v1/products").json["data"]) == 1
    assert agent.client.browse("GET", f"{at}/pricing").status == 303, "the way back leads on"


@pytest.mark.spec("M-4")
def test_two_that_press_at_once_create_one_product(
    shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = begun(agent)
    finished(agent, at, MONTHLY)
    # The second has read the draft before the first has dropped it.
    monkeypatch.setattr("billing.console.web.drafts.drop", lambda desk, draft: None)
    assert agent.send(f"{at}/review").status == agent.send(f"{at}/review").status == 303
    assert len(shop.api.get("/v1/products").json["data"]) == 1


@pytest.mark.spec("C-12", "M-4")
def test_what_was_typed_survives_an_error_a_reload_and_another_session(
    shop: Shop, agent: Agent
) -> None:
    at = begun(agent, "Course for beginners")
    wrong = agent.send(f"{at}/checkout", refund_days="soon", gateway_sandbox="true")
    assert wrong.status == 422
    later = Agent.of(shop).look(f"{at}/checkout")
    assert later.one("input", name="refund_days").attributes["value"] == "soon"
    assert "checked" in later.one("input", name="gateway_sandbox").attributes
    named = Agent.of(shop).look(f"{at}/basic").one("input", name="name")
    assert named.attributes["value"] == "Course for beginners"


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"amount": "a lot"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "9" * 60}, "amount"),
        ({"type": "gift"}, "type"),
        ({"type": "installment", "installments": "1"}, "installments"),
        ({"type": "installment", "installments": "many"}, "installments"),
        ({"type": "installment", "installments": ""}, "installments"),
        ({"type": "recurring", "period": "5m"}, "period"),
        ({"has_initial": "true", "initial_amount": "1", "initial_count": "0"}, "initial_count"),
        ({"has_initial": "true", "initial_amount": "x", "initial_count": "3"}, "initial_amount"),
        ({"has_initial": "true", "initial_amount": "1", "initial_unit": "eons"}, "initial_count"),
        ({"cancellation": "never"}, "cancellation"),
    ],
)
def test_a_wrong_price_is_told_at_its_field_and_changes_nothing(
    agent: Agent, typed: dict[str, str], field: str
) -> None:
    at = begun(agent)
    answer = agent.send(f"{at}/pricing/new", **{**MONTHLY, **typed})
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body
    assert f'id="{field}"' in answer.body and f'id="{field}-error"' in answer.body
    assert agent.client.browse("GET", f"{at}/pricing").headers["location"].endswith("/pricing/new")


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    ("step", "typed", "field"),
    [
        ("basic", {"name": ""}, "name"),
        ("basic", {"name": "x" * 300}, "name"),
        ("access", {"grants": "gold gold"}, "grants"),
        ("access", {"grants": "gold!"}, "grants"),
        ("checkout", {"refund_days": "-1", "gateway_sandbox": "true"}, "refund_days"),
        ("checkout", {"refund_days": "14"}, "gateways"),
        ("checkout", {"gateway_nowhere": "true"}, "gateways"),
    ],
)
def test_a_wrong_step_is_told_at_its_field(
    agent: Agent, step: str, typed: dict[str, str], field: str
) -> None:
    at = begun(agent)
    assert agent.send(f"{at}/pricing/new", **MONTHLY).status == 303
    answer = agent.send(f"{at}/{step}", **typed)
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body and f'id="{field}"' in answer.body


@pytest.mark.spec("P-17")
def test_a_gateway_that_cannot_charge_a_price_is_refused_in_words(
    shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = begun(agent)
    sets = {"type": "recurring_installment", "amount": "10", "installments": "3", "cycle": "1y"}
    sandbox = shop.world.ports.gateway(shop.world.merchant.account_at("sandbox"))
    lacks = frozenset({PriceType.RECURRING_INSTALLMENT})
    known: Capabilities = replace(sandbox.capabilities, cannot_charge=lacks)
    monkeypatch.setattr(type(sandbox), "capabilities", known)
    answer = finished(agent, at, {**MONTHLY, **sets})
    assert answer.status == 422
    assert "cannot charge recurring installment prices" in answer.body
    assert "Can't charge: Recurring installments." in read(answer.body).text
    assert agent.send(f"{at}/review").status == 422
    assert shop.api.get("/v1/products").json["data"] == []


@pytest.mark.spec("M-3")
def test_nobody_opens_another_merchants_draft(shop: Shop, agent: Agent) -> None:
    at = begun(agent)
    rival = Agent.of(shop, "rival")
    rival.look(f"{at}/basic", status=404)
    assert rival.send(f"{at}/pricing/new", **MONTHLY).status == 404
    assert rival.send(f"{at}/review").status == 404


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    "address", ["/prod_none/basic", "/prod_none/nowhere", "/prod_none/pricing/new", "/a%20b/basic"]
)
def test_a_draft_that_is_not_there_is_404(agent: Agent, address: str) -> None:
    agent.look(f"/console/products/new{address}", status=404)


@pytest.mark.spec("M-4")
def test_the_review_names_the_steps_that_are_not_done(agent: Agent) -> None:
    at = begun(agent)
    page = agent.look(f"{at}/review")
    assert "These steps need another look" in page.text
    assert agent.send(f"{at}/review").status == 422
    assert agent.send(f"{at}/pricing").status == 404


@pytest.mark.spec("P-1")
def test_a_draft_of_the_longest_fields_fits_in_a_row(
    shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB takes 400 kB; what another type alone asks for is kept, and never looked at."""
    kept: list[str] = []
    replaced = type(shop.world.ports.ephemeral).replace

    def noted(self: Any, kind: str, key: str, value: str, **until: Any) -> None:
        kept.append(value)
        replaced(self, kind, key, value, **until)

    monkeypatch.setattr(type(shop.world.ports.ephemeral), "replace", noted)
    at, junk = begun(agent), "\N{GRINNING FACE}" * 200
    unseen = dict.fromkeys(set(product_forms.PRICE) - {"has_initial", "tax", "cancellation"}, junk)
    for amount in range(1, drafts.POINTS_MOST + 1):
        price = {**unseen, "type": "one_time", "amount": str(amount)}
        assert agent.send(f"{at}/pricing/new", **price).status == 303
    assert agent.send(f"{at}/access", grants=junk * 12, limits=junk * 12).status == 422
    junk_of_all = {f"gateway_{number}": junk for number in range(20)}
    junk_of_all[f"gateway_{junk}"] = "true"
    assert agent.send(f"{at}/checkout", refund_days="14", **junk_of_all).status == 303
    assert len(kept[-1].encode()) < 200_000


def test_the_same_price_point_sent_twice_is_one(agent: Agent) -> None:
    at = begun(agent)
    assert agent.send(f"{at}/pricing/new", **MONTHLY).status == 303
    assert agent.send(f"{at}/pricing/new", **MONTHLY).status == 303
    page = agent.look(f"{at}/pricing")
    assert page.text.count("$29.99 every month") == 1
