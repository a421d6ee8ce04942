"""Products, their prices, and coupons: what subscriptions are made of.

https://docs.stripe.com/products-prices/overview and https://docs.stripe.com/api/coupons
"""

from typing import Any

from dev.stripe import form, lists
from dev.stripe.errors import invalid
from dev.stripe.work import Object, Work, new_id

PRODUCT: form.Fields = {
    "active": form.boolean,
    "description": form.text,
    "metadata": form.metadata,
    "name": form.text,
}
PRICE: form.Fields = {
    "currency": form.text,
    "metadata": form.metadata,
    "nickname": form.text,
    "product": form.text,
    "recurring": form.hash_of(
        {
            "interval": form.one_of("day", "week", "month", "year"),
            "interval_count": form.integer,
            "usage_type": form.one_of("licensed", "metered"),
        }
    ),
    "tax_behavior": form.one_of("exclusive", "inclusive", "unspecified"),
    "unit_amount": form.integer,
}
COUPON: form.Fields = {
    "amount_off": form.integer,
    "currency": form.text,
    "duration": form.one_of("forever", "once", "repeating"),
    "duration_in_months": form.integer,
    "id": form.text,
    "metadata": form.metadata,
    "name": form.text,
    "percent_off": form.integer,
}
LIST: form.Fields = {**lists.CURSORS, "active": form.boolean}
PRICES: form.Fields = {**LIST, "product": form.text}


def create_product(work: Work, params: dict[str, Any]) -> Object:
    made = work.put(
        {
            "id": new_id("prod", 14),
            "object": "product",
            "active": params.get("active", True),
            "created": work.seconds,
            "default_price": None,
            "description": params.get("description"),
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": form.merged({}, params.get("metadata")),
            "name": params["name"],
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": work.seconds,
            "url": None,
        }
    )
    work.tell("product.created", made)
    return made


def retrieve_product(work: Work, params: dict[str, Any], product: str) -> Object:
    return work.load("product", product)


def find_products(work: Work, params: dict[str, Any]) -> Object:
    return lists.page("/v1/products", _active(work, "product", params), params)


def create_price(work: Work, params: dict[str, Any]) -> Object:
    work.load("product", params["product"], param="product", status=400)
    if "unit_amount" not in params:
        raise invalid("One of unit_amount or custom_unit_amount is required.", "unit_amount")
    recurring = params.get("recurring")
    made = work.put(
        {
            "id": new_id("price"),
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": work.seconds,
            "currency": params["currency"].lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": form.merged({}, params.get("metadata")),
            "nickname": params.get("nickname"),
            "product": params["product"],
            "recurring": None if recurring is None else _recurring(recurring),
            "tax_behavior": params.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time" if recurring is None else "recurring",
            "unit_amount": params["unit_amount"],
            "unit_amount_decimal": str(params["unit_amount"]),
        }
    )
    work.tell("price.created", made)
    return made


def retrieve_price(work: Work, params: dict[str, Any], price: str) -> Object:
    return work.load("price", price)


def find_prices(work: Work, params: dict[str, Any]) -> Object:
    product = params.get("product")
    found = (p for p in _active(work, "price", params) if product in (None, p["product"]))
    return lists.page("/v1/prices", found, params)


def create_coupon(work: Work, params: dict[str, Any]) -> Object:
    if ("percent_off" in params) == ("amount_off" in params):
        raise invalid("You must pass exactly one of percent_off or amount_off.", "percent_off")
    if "amount_off" in params and "currency" not in params:
        raise invalid("You must pass currency when passing amount_off", "currency")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise invalid("duration_in_months goes with duration repeating", "duration_in_months")
    percent = params.get("percent_off")
    made = work.put(
        {
            "id": params.get("id") or new_id("", 8)[1:],
            "object": "coupon",
            "amount_off": params.get("amount_off"),
            "created": work.seconds,
            "currency": params.get("currency"),
            "duration": duration,
            "duration_in_months": params.get("duration_in_months"),
            "livemode": False,
            "max_redemptions": None,
            "metadata": form.merged({}, params.get("metadata")),
            "name": params.get("name"),
            "percent_off": None if percent is None else float(percent),
            "redeem_by": None,
            "times_redeemed": 0,
            "valid": True,
        }
    )
    work.tell("coupon.created", made)
    return made


def retrieve_coupon(work: Work, params: dict[str, Any], coupon: str) -> Object:
    return work.load("coupon", coupon)


def plan_of(price: Object) -> Object:
    """Returns a recurring price in the shape of a plan, as it was before there were prices."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": dict(price["metadata"]),
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }


def _recurring(given: dict[str, Any]) -> Object:
    if "interval" not in given:
        raise invalid(
            "Missing required param: recurring[interval].",
            "recurring[interval]",
            "parameter_missing",
        )
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": given.get("usage_type", "licensed"),
    }


def _active(work: Work, kind: str, params: dict[str, Any]) -> Any:
    wanted = params.get("active")
    return (each for each in work.newest_first(kind) if wanted in (None, each["active"]))
