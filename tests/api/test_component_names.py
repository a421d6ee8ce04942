"""The OpenAPI document names its components as ever, wherever the modules behind them are."""

from __future__ import annotations

from tests.web.shop import Shop


def test_no_component_is_named_after_a_place_in_the_tree() -> None:
    found = Shop().api.get("/v1/openapi.json").json["components"]["schemas"]
    assert list(found) == [*sorted(set(found) - {"Problem"}), "Problem"]
    assert {name for name in found if "__" in name} == {
        "billing__plan_change__When",
        "billing__subscription__When",
    }
