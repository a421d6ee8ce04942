"""Price points that are wrong, in each way, at each address that takes one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.shop import MONTHLY, PRODUCT, START, Shop

PREVIEW = {"price_point": MONTHLY, **START}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def wrong_terms() -> Iterator[tuple[dict[str, Any], str]]:
    """Yields wrong terms of a price point, each with the field that is named for it."""
    huge = 10**30
    yield {"type": "weekly"}, "type"
    yield {"type": None}, "type"
    yield {"type": 1}, "type"
    yield {"price": 2999}, "price"
    yield {"price": {"amount": 2999}}, "price.currency"
    yield {"price": {"amount": 2999, "currency": "ZZZ"}}, "price.currency"
    yield {"price": {"amount": 2999, "currency": "us"}}, "price.currency"
    for amount in (0, -1, 100_000_000, huge, -huge):
        yield {"price": {"amount": amount, "currency": "USD"}}, "price.amount"
    for amount in ("2999", 29.99, 2999.0, True, None, [1]):
        yield {"price": {"amount": amount, "currency": "USD"}}, "price.amount"
    for period in ("1d", "4m", "", 1, "1M", ["1m"]):
        yield {"period": period}, "period"
    yield {"period": None}, "period"
    yield {"installments": 3}, "installments"
    for installments in (1, 0, -5, 121, huge):
        yield {"type": "installment", "installments": installments}, "installments"
    for installments in ("3", 3.5, True):
        yield {"type": "installment", "installments": installments}, "installments"
    yield {"type": "installment"}, "installments"
    yield {"cycle": "1y"}, "cycle"
    sets = {"type": "recurring_installment", "cycle": "1y"}
    yield {**sets, "installments": 13}, "installments"
    yield {**sets, "installments": 2, "period": "3m"}, "period"
    yield {**sets, "installments": 2, "cycle": "3y"}, "cycle"
    for amount in (-1, 100_000_000, huge):
        yield {"initial": {"amount": amount, "period": {"days": 1}}}, "initial.amount"
    yield {"initial": {"amount": "1", "period": {"days": 1}}}, "initial.amount"
    for unit, most in (("days", 3650), ("weeks", 521), ("months", 120), ("years", 10)):
        for count in (0, -1, most + 1, huge):
            period = {unit: count}
            yield {"initial": {"amount": 0, "period": period}}, f"initial.period.{unit}"
    yield {"initial": {"amount": 0, "period": {}}}, "initial.period"
    yield {"initial": {"amount": 0, "period": {"days": 1, "weeks": 1}}}, "initial.period"
    yield {"initial": {"amount": 0, "period": "14d"}}, "initial.period"
    yield {"initial": {"amount": 0}}, "initial.period"
    yield {"initial": {"amount": 0, "period": {"hours": 1}}}, "initial.period.hours"
    yield {"cancellation": "never"}, "cancellation"
    yield {"colour": "red"}, "colour"


WRONG_TERMS = list(wrong_terms())


@pytest.mark.parametrize(
    ("change", "field"), WRONG_TERMS, ids=[json.dumps(c)[:60] for c, _ in WRONG_TERMS]
)
@pytest.mark.spec("P-2", "P-5", "P-6", "P-7", "P-9", "P-10")
def test_wrong_terms_are_422_naming_the_field_by_the_path_it_was_sent_at(
    shop: Shop, change: dict[str, Any], field: str
) -> None:
    terms = {**MONTHLY, **change}
    preview = shop.api.post("/v1/preview", {**PREVIEW, "price_point": terms})
    assert preview.status == 422
    assert f"price_point.{field}" in preview.fields
    product = shop.api.post("/v1/products", {**PRODUCT, "price_points": [MONTHLY, terms]})
    assert product.status == 422
    assert f"price_points[1].{field}" in product.fields
    made = shop.api.post("/v1/products", PRODUCT).json
    added = shop.api.post(f"/v1/products/{made['id']}/price-points", terms)
    assert added.status == 422
    assert field in added.fields
