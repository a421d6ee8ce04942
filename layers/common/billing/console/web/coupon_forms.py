"""The form of a coupon as a document of /v1, so that console and API check by the same rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.console.web.product_forms import number
from billing.coupons.coupons import Coupon
from billing.coupons.web.inputs import CouponInput
from billing.kernel.discounts import WHOLE
from billing.kernel.errors import Invalid
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.web.inputs import read
from billing.web.problems import Misshapen, errors_of

PERCENT, AMOUNT = "percent", "amount"
FIELDS = (
    *("code", "kind", "percent", "amount", "duration", "charges", "applies_to_initial"),
    *("starts_at", "ends_at", "max_uses", "max_uses_per_customer"),
)
PRODUCT, PRICE = "product_", "price_"
TYPED_MOST = 100
PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")

_FIELDS = {"basis_points": "percent", "amount_off": "amount"}


def kept(typed: Mapping[str, str]) -> dict[str, str]:
    """Returns the fields of a form that are a coupon's, as they were typed."""
    return {
        name: value.strip()[:TYPED_MOST]
        for name, value in typed.items()
        if (name in FIELDS or name.startswith((PRODUCT, PRICE))) and value.strip()
    }


def coupon(typed: Mapping[str, str], merchant: Merchant, now: datetime) -> Coupon:
    """Returns the coupon of a form; raises `Misshapen` by the paths of /v1, all that are wrong."""
    document, wrong = _document(typed, merchant)
    try:
        given = read(CouponInput, document).coupon(merchant, now)
    except Invalid as error:
        known = {each.field for each in wrong}
        found = [each.at(path) for path, each in errors_of(error).items()]
        raise Misshapen([*wrong, *(each for each in found if each.field not in known)]) from None
    if wrong:
        raise Misshapen(wrong)
    return given


def field_of(path: str, typed: Mapping[str, str]) -> str:
    """Returns the form's field for a path of /v1."""
    name = path.partition(".")[0].partition("[")[0]
    if name == "basis_points" and typed.get("kind") == AMOUNT:
        return "amount"
    return _FIELDS.get(name, name)


def _document(typed: Mapping[str, str], merchant: Merchant) -> tuple[dict[str, Any], list[Invalid]]:
    """Returns a form as /v1 takes it, and what of it cannot be read."""
    wrong: list[Invalid] = []
    document: dict[str, Any] = {
        name: typed[name] for name in ("code", "duration", "starts_at", "ends_at") if name in typed
    }
    document |= {
        name: number(typed[name]) for name in ("max_uses", "max_uses_per_customer") if name in typed
    }
    if typed.get("duration") == "repeating" and "charges" in typed:
        document["charges"] = number(typed["charges"])
    document["applies_to_initial"] = typed.get("applies_to_initial") == "true"
    for field, begins in (("products", PRODUCT), ("price_points", PRICE)):
        document[field] = [name.removeprefix(begins) for name in typed if name.startswith(begins)]
    try:
        document |= _off(typed, merchant)
    except Invalid as error:
        wrong.append(error)
    return document, wrong


def _off(typed: Mapping[str, str], merchant: Merchant) -> dict[str, Any]:
    """Returns what is taken off: a percentage, or an amount in the merchant's currency."""
    if typed.get("kind") == AMOUNT:
        if "amount" not in typed:
            raise Invalid("required", field="amount_off")
        off = Money.typed(typed["amount"], merchant.settings.currency, field="amount_off")
        return {"amount_off": {"amount": off.amount_minor, "currency": off.currency.value}}
    if "percent" not in typed:
        raise Invalid("required", field="basis_points")
    return {"basis_points": basis_points(typed["percent"])}


def basis_points(text: str) -> int:
    """Returns a percentage as people write it, 25 or 12.5 %, in basis points; raises `Invalid`."""
    plain = text.strip().removesuffix("%").strip().replace(",", ".")
    points = int(Decimal(plain) * 100) if PERCENTAGE.fullmatch(plain) else 0
    if not 1 <= points <= WHOLE:
        raise Invalid("coupon_percent", field="basis_points")
    return points
