"""A product's page in the console, and its changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.agent import Agent
from tests.web.shop import MONTHLY, PRODUCT, Shop

TYPED = {"type": "recurring", "amount": "9.99", "period": "1m", "cancellation": "instant"}
ATTEMPT = "price_0000000000000001"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


@pytest.fixture
def made(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.post("/v1/products", PRODUCT).json
    return found


def now(shop: Shop, product: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.get(f"/v1/products/{product['id']}").json
    return found


def form_of(agent: Agent, product: dict[str, Any]) -> dict[str, str]:
    """The form of a product as it stands on its page."""
    page = agent.look(f"/console/products/{product['id']}/edit")
    fields = [each.attributes for each in page.one("main").all("input")]
    return {
        str(f["name"]): str(f["value"])
        for f in fields
        if f.get("name") != "csrf" and (f.get("type") != "checkbox" or "checked" in f)
    }


@pytest.mark.spec("P-1", "P-14")
def test_the_list_and_a_products_page_show_state_and_prices(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    assert "$29.99 every month" in agent.look("/console/products").text
    page = agent.look(f"/console/products/{made['id']}")
    for words in ("Course", "On sale", "Listed", "Default", "$29.99 every month", made["id"]):
        assert words in page.text, words


@pytest.mark.spec("M-1", "M-4")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=cou", True),
        ("q=beg+cou", True),
        ("q=ourse", False),
        ("state=listed", True),
        ("state=archived", False),
        ("q=cou&state=on_sale", True),
    ],
)
def test_products_are_found_by_beginnings_of_words_and_by_state(
    shop: Shop, agent: Agent, query: str, found: bool
) -> None:
    shop.api.post("/v1/products", {**PRODUCT, "name": "Beginner's Course"})
    text = agent.look(f"/console/products?{query}").one("main").text
    assert ("Beginner's Course" in text) is found
    assert found or "No products match" in text


@pytest.mark.spec("M-4")
def test_a_product_is_changed_by_its_form(shop: Shop, agent: Agent, made: dict[str, Any]) -> None:
    form = form_of(agent, made)
    del form["public_listing"]
    form |= {"name": "Long Course", "refund_days": "30", "grants": "gold, silver"}
    page = agent.follow(agent.send(f"/console/products/{made['id']}/edit", **form))
    assert "Your changes have been saved" in page.text
    after = now(shop, made)
    assert (after["name"], after["public_listing"], after["refund_days"]) == (
        "Long Course",
        False,
        30,
    )
    assert after["grants"] == ["gold", "silver"]


@pytest.mark.spec("M-4")
def test_a_form_sent_as_it_was_shown_changes_nothing(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    shop.api.call("PATCH", f"/v1/products/{made['id']}", {"limits": {"seats": 5}})
    before = now(shop, made)
    form = form_of(agent, made) | {"limits": "seats = 5"}
    assert agent.send(f"/console/products/{made['id']}/edit", **form).status == 303
    assert now(shop, made) == before


@pytest.mark.spec("M-4")
def test_the_second_of_two_agents_is_told_and_keeps_what_they_typed(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    mine, theirs = form_of(agent, made), form_of(agent, made)
    address = f"/console/products/{made['id']}/edit"
    assert agent.send(address, **theirs | {"name": "Theirs"}).status == 303
    answer = agent.send(address, **mine | {"name": "Mine", "refund_days": "3"})
    assert answer.status == 409
    assert "Someone changed this product meanwhile" in answer.body
    assert 'value="Mine"' in answer.body and "Theirs" in answer.body
    assert now(shop, made)["name"] == "Theirs"
    again = form_of(agent, made) | {"name": "Mine"}
    assert agent.send(address, **again).status == 303
    assert now(shop, made)["name"] == "Mine"


@pytest.mark.spec("C-12", "M-4")
@pytest.mark.parametrize(
    ("typed", "field"),
    [({"name": " "}, "name"), ({"refund_days": "x"}, "refund_days"), ({"grants": "a!"}, "grants")],
)
def test_a_wrong_field_is_told_there_and_changes_nothing(
    shop: Shop, agent: Agent, made: dict[str, Any], typed: dict[str, str], field: str
) -> None:
    before = now(shop, made)
    form = form_of(agent, made) | {"name": "Other"} | typed
    answer = agent.send(f"/console/products/{made['id']}/edit", **form)
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body
    assert now(shop, made) == before


@pytest.mark.spec("P-14", "P-15", "P-18")
def test_price_points_are_added_switched_made_default_and_taken_off_sale(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    at = f"/console/products/{made['id']}/prices"
    for _ in range(2):  # pressed twice
        assert agent.send(f"{at}/new", attempt=ATTEMPT, **TYPED).status == 303
    first, second = now(shop, made)["price_points"]
    assert second["price"]["amount"] == 999
    change = f"{at}/{second['id']}/change"
    agent.follow(agent.send(change, default="true"))
    assert now(shop, made)["default_price_point"] == second["id"]
    agent.follow(agent.send(change, cancellation="delayed"))
    assert now(shop, made)["price_points"][1]["cancellation"] == "delayed"
    agent.follow(agent.send(f"{at}/{second['id']}/change", archived="true"))
    assert [p["id"] for p in now(shop, made)["price_points"]] == [first["id"]]
    last = agent.send(f"{at}/{first['id']}/change", archived="true")
    assert last.status == 409 and "Nothing was changed" in last.body
    page = agent.look(f"/console/products/{made['id']}")
    assert "1 price point off sale" in page.text
    agent.follow(agent.send(change, archived="false"))
    assert len(now(shop, made)["price_points"]) == 2


@pytest.mark.spec("M-4")
def test_other_terms_from_the_same_page_are_another_price_point(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    at = f"/console/products/{made['id']}/prices/new"
    agent.send(at, attempt=ATTEMPT, **TYPED)
    agent.send(at, attempt=ATTEMPT, **TYPED | {"amount": "19.99"})
    amounts = [p["price"]["amount"] for p in now(shop, made)["price_points"]]
    assert amounts == [2999, 999, 1999]


@pytest.mark.spec("M-4")
@pytest.mark.parametrize(
    "attempt",
    [
        *("", "price_", "price_a/../b", "price_a#b", "price_a b", "price_a\n", "price_\0"),
        *("price_x?y=<b>", "price_a.b", "price_é", f"price_{'a' * 35}"),
        *("prod_0000000000000001", "0000000000000001"),
    ],
)
def test_a_price_point_is_named_by_no_one_but_us(
    shop: Shop, agent: Agent, made: dict[str, Any], attempt: str
) -> None:
    before, at = now(shop, made), f"/console/products/{made['id']}/prices/new"
    assert agent.send(at, attempt=attempt, **TYPED).status == 404
    assert now(shop, made) == before


@pytest.mark.spec("M-4")
def test_an_archived_product_sells_nothing_and_is_sold_again(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    at = f"/console/products/{made['id']}/archive"
    page = agent.look(at)
    assert "1 checkout link stops working." in page.text
    assert "0 running subscriptions stay as they are." in page.text
    assert now(shop, made)["archived"] is False
    assert "Archived" in agent.follow(agent.send(at, archived="true")).text
    assert now(shop, made)["archived"] is True
    agent.follow(agent.send(at, archived="false"))
    assert now(shop, made)["archived"] is False


@pytest.mark.spec("M-4")
def test_archiving_says_how_many_subscriptions_hang_on_the_product(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.world.tick()  # the outbox lists it
    page = Agent.of(shop).look(f"/console/products/{bought.product}/archive")
    assert "1 running subscription stays as it is." in page.text


@pytest.mark.spec("M-4")
def test_a_copy_begins_as_a_draft_with_all_of_the_product(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    page = agent.follow(agent.send(f"/console/products/{made['id']}/duplicate"))
    assert page.one("input", name="name").attributes["value"] == "Course (copy)"
    at = agent.at.removesuffix("/basic")
    agent.follow(agent.send(f"{at}/review"))
    copy, original = shop.api.get("/v1/products").json["data"]
    assert original["id"] == made["id"]
    assert copy["grants"] == [copy["id"]], "it grants its own id, as the original does"
    assert {k: copy["price_points"][0][k] for k in MONTHLY} == MONTHLY
    assert (copy["refund_days"], copy["gateways"]) == (14, ["sandbox"])


@pytest.mark.spec("M-3")
def test_nobody_sees_or_changes_another_merchants_product(shop: Shop, made: dict[str, Any]) -> None:
    rival = Agent.of(shop, "rival")
    at, before = f"/console/products/{made['id']}", now(shop, made)
    point = made["price_points"][0]["id"]
    for page in ("", "/edit", "/archive", "/prices/new"):
        rival.look(f"{at}{page}", status=404)
    assert rival.send(f"{at}/edit", name="Mine", seen="x").status == 404
    assert rival.send(f"{at}/archive", archived="true").status == 404
    assert rival.send(f"{at}/duplicate").status == 404
    assert rival.send(f"{at}/prices/new", attempt=ATTEMPT, **TYPED).status == 404
    assert rival.send(f"{at}/prices/{point}/change", archived="true").status == 404
    assert now(shop, made) == before


@pytest.mark.spec("M-4")
@pytest.mark.parametrize("field", [{}, {"cancellation": "never"}, {"default": "false"}])
def test_a_switch_that_is_none_changes_nothing(
    shop: Shop, agent: Agent, made: dict[str, Any], field: dict[str, str]
) -> None:
    before = now(shop, made)
    point = made["price_points"][0]["id"]
    agent.send(f"/console/products/{made['id']}/prices/{point}/change", **field)
    assert now(shop, made) == before


def test_a_form_without_its_token_is_refused(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    before = now(shop, made)
    for page in ("edit", "archive", "duplicate", "prices/new"):
        answer = agent.client.browse(
            "POST", f"/console/products/{made['id']}/{page}", {"name": "x"}
        )
        assert answer.status == 403
    assert now(shop, made) == before
