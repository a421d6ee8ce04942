"""Figures in /v1: their shape, wrong questions, and other merchants' (M-10)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.figures.flows import rebuild
from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    """A shop whose one sale of January is in the figures."""
    shop = Shop()
    shop.world.buy()
    shop.world.now += shop.world.now.resolution
    rebuild.begin(shop.world.ports, "acme", now=shop.world.now)
    shop.world.advance(days=35)
    rebuild.begin(shop.world.ports, "acme", now=shop.world.now)
    shop.world.tick()
    return shop


def money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


@pytest.mark.spec("M-10")
def test_figures_have_the_shape_of_the_contract(shop: Shop) -> None:
    (january,) = shop.api.get("/v1/figures?from=2026-01&to=2026-01&by=month").json["data"]
    assert january["period"] == "2026-01"
    assert january["mrr"]["start"] == money(0)
    assert january["mrr"]["new"] == january["mrr"]["end"] == money(2_999)
    assert january["arr"] == money(12 * 2_999)
    assert january["customers"] == {
        "start": 0,
        "new": 1,
        "returned": 0,
        "imported": 0,
        "ended": 0,
        "end": 1,
    }
    assert (january["gross_churn"], january["net_churn"]) == (None, None)
    assert (january["revenue"], january["refunds"]) == (money(2_999), money(0))
    (february,) = shop.api.get("/v1/figures?from=2026-02&to=2026-02").json["data"]
    assert (february["gross_churn"], february["subscriber_churn"]) == ("0.0000", "0.0000")


@pytest.mark.spec("M-10")
def test_the_rows_of_a_figure_are_orders_or_movements(shop: Shop) -> None:
    orders = shop.api.get("/v1/figures/revenue/orders?period=2026-01").json
    assert [row["kind"] for row in orders["data"]] == ["sale"]
    moved = shop.api.get("/v1/figures/mrr/orders?period=2026-01-31").json
    assert [(row["kind"], row["amount"]) for row in moved["data"]] == [("new", money(2_999))]


@pytest.mark.spec("M-10")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/figures", 422),
        ("/v1/figures?from=2026-1&to=2026-02", 422),
        ("/v1/figures?from=2026-03&to=2026-02", 422),
        ("/v1/figures?from=1900-01&to=2026-02", 422),
        ("/v1/figures?from=2026-01&to=2026-02&by=week", 422),
        ("/v1/figures?from=2026-01&to=2026-02&country=USA", 422),
        ("/v1/figures/weather/orders?period=2026-01", 404),
        ("/v1/figures/mrr/orders?period=2026-02-31", 422),
        ("/v1/figures/mrr/orders?period=2026-01&cursor=x", 422),
    ],
)
def test_a_wrong_question_is_refused(shop: Shop, path: str, status: int) -> None:
    assert shop.api.get(path).status == status


@pytest.mark.spec("M-10")
def test_another_merchants_product_has_no_figures(shop: Shop) -> None:
    path = "/v1/figures?from=2026-01&to=2026-01&product=prod_other"
    (january,) = shop.api.get(path).json["data"]
    assert (january["mrr"]["end"], january["revenue"]) == (money(0), money(0))
    assert january["customers"] is None


@pytest.mark.spec("M-10")
def test_figures_come_as_csv(shop: Shop) -> None:
    found = shop.api.get("/v1/figures.csv?from=2026-01&to=2026-02")
    assert found.headers["content-type"].startswith("text/csv")
    assert len(found.body.splitlines()) == 3
