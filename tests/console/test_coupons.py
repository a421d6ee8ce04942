"""Coupons in the console: listed, made, ended, given to a subscription with its next payments."""

from __future__ import annotations

from typing import Any

import pytest

from billing.coupons.coupons import Duration
from billing.coupons.flows import coupons
from tests.console.agent import Agent
from tests.coupons.couponing import charged, coupon, uses
from tests.tax.taxing import BERLIN, collecting
from tests.web.shop import Shop

HERE = "/console/coupons"
NOT_AND_USED: tuple[dict[str, str], ...] = ({}, {"use": "true"})
TYPED = {"code": "spring", "kind": "percent", "percent": "12.5", "duration": "once"}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def codes(agent: Agent, query: str = "") -> list[str]:
    page = agent.look(HERE + query)
    links = [str(a.attributes["href"]) for a in page.one("main").all("a")]
    return [x.rpartition("/")[2] for x in links if x.startswith(HERE + "/") and x[-1].isupper()]


@pytest.mark.spec("C-8", "M-4")
@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ({}, {"basis_points": 1250, "duration": "once", "charges": None}),
        ({"percent": "100 %"}, {"basis_points": 10000}),
        (
            {"kind": "amount", "amount": "5,50", "percent": ""},
            {"amount_off": {"amount": 550, "currency": "USD"}, "basis_points": None},
        ),
        ({"duration": "repeating", "charges": "3"}, {"duration": "repeating", "charges": 3}),
        # The field of another duration is sent too, and does not count.
        ({"duration": "forever", "charges": "3"}, {"duration": "forever", "charges": None}),
        ({"applies_to_initial": "true"}, {"applies_to_initial": True}),
        ({"max_uses": "9", "max_uses_per_customer": "2"}, {"max_uses": 9}),
        (
            {"starts_at": "2026-02-01", "ends_at": "2026-02-28"},
            {"starts_at": "2026-02-01T05:00:00.000000Z", "ends_at": "2026-03-01T05:00:00.000000Z"},
        ),
    ],
)
def test_a_coupon_is_made_by_its_form(
    shop: Shop, agent: Agent, typed: dict[str, str], made: dict[str, Any]
) -> None:
    page = agent.follow(agent.send(f"{HERE}/new", **{**TYPED, **typed}))
    assert "The coupon has been created." in page.text and "SPRING" in page.text
    found = shop.api.get("/v1/coupons/SPRING").json
    shown = {n: (v[:19] if n.endswith("_at") and v else v) for n, v in found.items()}
    wanted = {n: (v[:19] if n.endswith("_at") and v else v) for n, v in made.items()}
    assert {n: shown[n] for n in made} == wanted


@pytest.mark.spec("C-8", "M-4")
def test_a_coupon_is_limited_to_products_and_prices_and_has_their_links(
    shop: Shop, agent: Agent
) -> None:
    one, two = shop.world.product(name="One"), shop.world.product(name="Two")
    price = two.default_price_point
    chosen = {f"product_{one.id}": "true", f"price_{price}": "true"}
    page = agent.follow(agent.send(f"{HERE}/new", **TYPED, **chosen))
    found = shop.api.get("/v1/coupons/SPRING").json
    assert (found["products"], found["price_points"]) == ([one.id], [price])
    links = [str(a.attributes["href"]) for a in page.one("main").all("a")]
    for product in (one, two):
        address = f"https://pay.example.com/checkout/{product.default_price_point}?coupon=SPRING"
        assert address in links


@pytest.mark.spec("C-8", "C-12")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "a b"}, "code"),
        ({"code": "x" * 500}, "code"),
        ({"percent": ""}, "percent"),
        ({"percent": "0"}, "percent"),
        ({"percent": "100.01"}, "percent"),
        ({"percent": "12.345"}, "percent"),
        ({"percent": "NaN"}, "percent"),
        ({"percent": "1e9999999"}, "percent"),
        ({"kind": "amount"}, "amount"),
        ({"kind": "amount", "amount": "much"}, "amount"),
        ({"kind": "amount", "amount": "0"}, "amount"),
        ({"duration": ""}, "duration"),
        ({"duration": "whim"}, "duration"),
        ({"duration": "repeating"}, "charges"),
        ({"duration": "repeating", "charges": "-1"}, "charges"),
        ({"starts_at": "2026-02-30"}, "starts_at"),
        ({"starts_at": "2026-03-01", "ends_at": "2026-02-01"}, "ends_at"),
        ({"max_uses": "many"}, "max_uses"),
        ({"max_uses_per_customer": "0"}, "max_uses_per_customer"),
        ({"product_prod_unknown": "true"}, "products"),
        ({"price_rival.price": "true"}, "price_points"),
        ({f"product_p{n}": "true" for n in range(11)}, "products"),
    ],
)
def test_a_wrong_coupon_is_told_at_its_field_and_stays_typed(
    shop: Shop, agent: Agent, typed: dict[str, str], field: str
) -> None:
    shop.world.product()
    answer = agent.send(f"{HERE}/new", **{**TYPED, **typed})
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body and f'id="{field}-error"' in answer.body
    assert shop.api.get("/v1/coupons").json["data"] == []


@pytest.mark.spec("C-8", "C-12")
def test_a_code_that_is_taken_is_told(agent: Agent) -> None:
    assert agent.send(f"{HERE}/new", **TYPED).status == 303
    again = agent.send(f"{HERE}/new", **TYPED)
    assert again.status == 422 and "There is a coupon with this code already" in again.body


@pytest.mark.spec("C-8", "M-4")
def test_the_list_is_paged_by_code_and_filtered_by_its_address(shop: Shop, agent: Agent) -> None:
    for number in range(60):
        made = coupon(shop.world, f"A-{number:02d}-X")
        if number == 3:
            shop.api.call("PATCH", f"/v1/coupons/{made.code}", {"active": False})
    coupon(shop.world, "BXX")
    coupon(shop.world, "B_X")
    first = codes(agent)
    assert (first[0], len(first)) == ("A-00-X", 50)
    page = agent.look(HERE)
    (after,) = [str(a.attributes["href"]) for a in page.all("a") if "cursor=" in str(a.attributes)]
    second = codes(agent, after.removeprefix(HERE))
    assert second == [*(f"A-{n:02d}-X" for n in range(50, 60)), "BXX", "B_X"]
    assert codes(agent, "?q=b") == ["BXX", "B_X"]
    assert codes(agent, "?q=BXX") == ["BXX"]
    assert codes(agent, "?usable=no") == ["A-03-X"]
    assert "A-03-X" not in codes(agent, "?usable=yes&q=A-0")
    assert codes(agent, "?q=ZZZ") == []


@pytest.mark.spec("C-12")
@pytest.mark.parametrize("query", ["?usable=maybe", "?cursor=junk", "?q=" + "x" * 300, "?limit=5"])
def test_a_wrong_filter_is_told(agent: Agent, query: str) -> None:
    agent.look(HERE + query, 422)


@pytest.mark.spec("C-8", "C-12")
@pytest.mark.parametrize("typed", ["é", "ZZ~", "'", "a b", "%00", "_"])
def test_a_beginning_that_no_code_has_finds_none(shop: Shop, agent: Agent, typed: str) -> None:
    coupon(shop.world)
    assert agent.client.browse("GET", f"{HERE}?q={typed}").status in {200, 422}


@pytest.mark.spec("C-8", "M-4")
def test_all_coupons_come_as_a_file(shop: Shop, agent: Agent) -> None:
    for number in range(600):
        coupon(shop.world, f"CODE-{number:03d}")
    got = agent.client.browse("GET", f"{HERE}/coupons.csv")
    assert got.headers["content-type"].startswith("text/csv")
    assert len(got.body.splitlines()) == 601
    assert got.body == shop.api.get("/v1/coupons.csv").body


@pytest.mark.spec("C-8", "M-4")
def test_a_file_that_is_cut_says_so_in_its_name(
    shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coupons, "PART", 2)
    monkeypatch.setattr(coupons, "PARTS_MOST", 2)
    for number in range(5):
        coupon(shop.world, f"CODE-{number}")
        name = "coupons.csv" if number < 4 else "coupons-first-4.csv"
        for got in (
            agent.client.browse("GET", f"{HERE}/coupons.csv"),
            shop.api.get("/v1/coupons.csv"),
        ):
            assert got.headers["content-disposition"] == f'attachment; filename="{name}"'
            assert len(got.body.splitlines()) == 1 + min(number + 1, 4)


@pytest.mark.spec("C-8", "M-4")
def test_a_coupon_is_ended_and_allowed_again_and_says_who_has_it(shop: Shop, agent: Agent) -> None:
    coupon(shop.world, duration=Duration.FOREVER)
    shop.world.buy(coupon="SPRING")
    page = agent.look(f"{HERE}/spring")
    assert "Discount with coupon SPRING on every payment" in page.one("main").text
    address = f"/console/subscriptions/{shop.world.subscription().id}"
    assert address in str(page)
    for _ in range(2):
        ended = agent.follow(agent.send(f"{HERE}/SPRING/end"))
        assert "The coupon has ended" in ended.text
    assert shop.api.get("/v1/coupons/SPRING").json["active"] is False
    assert "can be used again" in agent.follow(agent.send(f"{HERE}/SPRING/allow")).text
    assert shop.api.get("/v1/coupons/SPRING").json["active"] is True


@pytest.mark.spec("C-8", "C-12")
def test_another_merchants_coupon_is_not_there(shop: Shop, agent: Agent) -> None:
    terms = {"code": "THEIRS", "basis_points": 100, "duration": "once"}
    assert shop.other.post("/v1/coupons", terms).status == 201
    agent.look(f"{HERE}/THEIRS", 404)
    assert agent.send(f"{HERE}/THEIRS/end").status == 404
    assert shop.other.get("/v1/coupons/THEIRS").json["active"] is True


@pytest.mark.spec("C-8", "M-4")
def test_a_coupon_is_given_to_a_subscription_with_its_next_payments_first(
    shop: Shop, agent: Agent
) -> None:
    collecting(shop.world)
    coupon(shop.world, duration=Duration.REPEATING, charges=2)
    shop.world.buy(address=BERLIN)
    address = f"/console/subscriptions/{shop.world.subscription().id}"
    assert f"{address}/coupon" in str(agent.look(address))
    seen = agent.send(f"{address}/coupon", coupon="spring")
    assert seen.status == 200
    assert seen.body.count("$26.76") == 2 and seen.body.count("$35.69") == 4
    assert shop.world.subscription().discount is None
    for _ in range(2):
        page = agent.follow(agent.send(f"{address}/coupon", coupon="SPRING", use="true"))
        assert "The coupon applies from the next payment." in page.text
    assert uses(shop.world) == 1
    shop.world.advance(days=31)
    assert charged(shop.world) == [3569, 2676]
    agent = Agent.of(shop)  # the first session is over by then
    page = agent.look(f"{address}/coupon")
    assert "Remove the coupon?" in page.text and "$35.69" in page.text
    agent.follow(agent.send(f"{address}/coupon/remove", coupon="SPRING"))
    assert shop.world.subscription().discount is None
    assert agent.send(f"{address}/coupon/remove", coupon="SPRING").status == 303, "again"


@pytest.mark.spec("C-8", "C-12")
def test_a_stale_page_takes_no_other_coupon_away(shop: Shop, agent: Agent) -> None:
    coupon(shop.world, "OTHER", duration=Duration.FOREVER)
    shop.world.buy(coupon="OTHER")
    address = f"/console/subscriptions/{shop.world.subscription().id}/coupon"
    assert agent.send(f"{address}/remove", coupon="SPRING").status == 200
    assert shop.world.subscription().discount is not None


@pytest.mark.spec("C-8", "C-12")
@pytest.mark.parametrize("code", ["", "NOBODY", "<b>", "x" * 200, "OTHERS"])
def test_a_code_that_cannot_be_given_is_told_at_its_field(
    shop: Shop, agent: Agent, code: str
) -> None:
    coupon(shop.world, "OTHERS", products=(shop.world.product().id,))
    shop.world.buy()
    address = f"/console/subscriptions/{shop.world.subscription().id}/coupon"
    for use in NOT_AND_USED:
        answer = agent.send(address, coupon=code, **use)
        assert answer.status in {409, 422} and 'id="coupon-error"' in answer.body
    assert shop.world.subscription().discount is None


@pytest.mark.spec("C-8", "C-12")
def test_a_second_coupon_is_refused(shop: Shop, agent: Agent) -> None:
    coupon(shop.world, duration=Duration.FOREVER)
    coupon(shop.world, "BETTER")
    shop.world.buy(coupon="SPRING")
    address = f"/console/subscriptions/{shop.world.subscription().id}/coupon"
    answer = agent.send(address, coupon="BETTER", use="true")
    assert answer.status == 409 and "already has a coupon" in answer.body
