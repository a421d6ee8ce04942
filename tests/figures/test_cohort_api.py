"""Cohorts, trials and recovery in /v1: the numbers of their pages, and wrong questions (M-10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.figures.test_cases import NO_MONEY, goes_bad, mends
from tests.figures.watched import Watched
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-10")

SPAN = "from=2026-01&to=2026-12"
DOCUMENTS = ("cohorts", "trials", "recovery", "reasons")


@pytest.fixture
def world() -> Watched:
    """A world in which Ann's payment of February failed, and was paid on its second attempt."""
    world = Watched(limits=False)
    world.buy()
    world.observe()
    goes_bad(world, NO_MONEY)
    world.advance(days=29)
    world.observe()
    return world


@pytest.fixture
def shop(world: Watched) -> Shop:
    return Shop(world)


def paid(world: Watched) -> None:
    mends(world)
    world.advance(days=10)
    world.observe()


def money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def test_recovered_is_how_many_of_a_months_failed_payments_were_paid_since(
    world: Watched, shop: Shop
) -> None:
    def recovered(asked: str) -> list[int | None]:
        found = shop.api.get(f"/v1/figures?{asked}").json["data"]
        return [each["recovered"] for each in found]

    assert recovered("from=2026-01&to=2026-03") == [0, 0, 0]
    paid(world)
    assert recovered("from=2026-01&to=2026-03") == [0, 1, 0]
    product = world.store.catalog("acme")[0][0].id
    assert recovered(f"from=2026-02&to=2026-02&product={product}") == [1]
    assert recovered("from=2026-02&to=2026-02&country=DE") == [0]
    assert set(recovered("from=2026-02&to=2026-02&by=day")) == {None}
    assert recovered("from=2030-01&to=2030-01") == [None]


def test_recovered_is_unknown_of_months_before_failures_were_followed(
    world: Watched, shop: Shop
) -> None:
    paid(world)
    (book,) = world.store.figure_books(["acme"])
    assert book is not None
    later = replace(book, cases_since=world.merchant.created_at + timedelta(days=40))
    world.store.commit(Change(book, later))
    found = shop.api.get("/v1/figures?from=2026-01&to=2026-04").json["data"]
    followed = later.cases_since
    assert followed is not None
    assert [each["recovered"] is None for each in found] == [
        each["period"] <= f"{followed:%Y-%m}" or each["period"] > f"{world.now:%Y-%m}"
        for each in found
    ]


def test_cohorts_have_what_is_live_month_by_month(world: Watched, shop: Shop) -> None:
    found = shop.api.get(f"/v1/figures/cohorts?{SPAN}").json["data"]
    january = found[0]
    assert (january["month"], january["customers"], january["mrr"]) == ("2026-01", 1, money(2_999))
    assert january["months"][1] == {
        "after": 1,
        "customers": 1,
        "customer_share": "1.0000",
        "mrr": money(2_999),
        "mrr_share": "1.0000",
    }
    assert [each["month"] for each in found] == ["2026-01", "2026-02", "2026-03"][: len(found)]
    assert found[1]["customers"] == 0 and found[1]["months"][0]["customer_share"] is None


def test_recovery_is_by_month_code_and_attempt(world: Watched, shop: Shop) -> None:
    paid(world)
    found = shop.api.get(f"/v1/figures/recovery?{SPAN}").json
    whole = {
        "begun": 1,
        "paid": 1,
        "cancelled": 0,
        "lost": 0,
        "open": 0,
        "share": "1.0000",
        "amount": money(2_999),
        "paid_amount": money(2_999),
        "amount_share": "1.0000",
    }
    assert found["data"][1] == {"month": "2026-02", **whole}
    assert found["codes"] == [{"code": "insufficient_funds", **whole}]
    assert found["attempts"] == [{"attempt": 2, "paid": 1, "amount": money(2_999)}]


def test_trials_are_by_the_month_of_their_start(shop: Shop) -> None:
    found = shop.api.get(f"/v1/figures/trials?{SPAN}").json["data"]
    assert found[0] == {
        "month": "2026-01",
        "begun": 0,
        "running": 0,
        "ended": 0,
        "paid": 0,
        "conversion": None,
    }


def test_reasons_are_by_month_and_by_who_cancelled(world: Watched, shop: Shop) -> None:
    world.cancel(When.NOW)
    world.observe()
    found = shop.api.get(f"/v1/figures/reasons?{SPAN}").json
    month = f"{world.now:%Y-%m}"
    (ended,) = [each for each in found["data"] if each["ended"]]
    assert ended == {"month": month, "ended": 1, "mrr": money(2_999)}
    (reason,) = found["reasons"]
    assert (reason["asked"], reason["undone"], reason["ended"], reason["at_once"]) == (0, 0, 1, 1)
    assert reason["mrr"] == money(2_999) and reason["source"] in {"merchant", "customer"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_wrong_questions_are_refused_and_what_is_not_there_is_empty(shop: Shop, name: str) -> None:
    for asked in (
        "",
        "?from=2026-01",
        "?from=2026-03&to=2026-01",
        "?from=1980-01&to=2026-01",
        "?from=2026-1&to=2026-02",
        "?from=2026-01&to=2026-02&country=USA",
        "?from=2026-01&to=2026-02&currency=XXX",
        f"?from=2026-01&to=2026-02&product={'x' * 5_000}",
        "?from=2026-01&to=2026-02&by=day",
    ):
        assert shop.api.get(f"/v1/figures/{name}{asked}").status == 422, asked
    later = shop.api.get(f"/v1/figures/{name}?from=2030-01&to=2030-12")
    assert (later.status, later.json["data"]) == (200, [])
    other = shop.api.get(f"/v1/figures/{name}?{SPAN}&product=prod_other").json["data"]
    assert all(not each.get("customers") and not each.get("begun") for each in other)
