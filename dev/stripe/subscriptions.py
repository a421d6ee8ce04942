"""Subscriptions: the requests on them (renewals.py: what time makes of them).

https://docs.stripe.com/api/subscriptions and
https://docs.stripe.com/billing/subscriptions/pause-payment
"""

from typing import Any

from dev.stripe import form, invoices, lists, renewals
from dev.stripe.errors import invalid, missing, refused
from dev.stripe.products import plan_of
from dev.stripe.work import Object, Work, new_id

_BEHAVIORS = ("keep_as_draft", "mark_uncollectible", "void")
_PAUSE = form.hash_of({"behavior": form.one_of(*_BEHAVIORS), "resumes_at": form.integer})
_ENDS = form.hash_of(
    {
        "comment": form.text,
        "feedback": form.one_of("customer_service", "other", "too_expensive", "unused"),
    }
)


def _pause(value: Any, name: str) -> dict[str, Any] | None:
    """Reads a pause; an empty text ends it."""
    if value == "":
        return None
    pause: dict[str, Any] = _PAUSE(value, name)
    if "behavior" not in pause:
        raise invalid(
            f"Missing required param: {name}[behavior].", f"{name}[behavior]", "parameter_missing"
        )
    return {"behavior": pause["behavior"], "resumes_at": pause.get("resumes_at")}


def _instant(value: Any, name: str) -> int | None:
    return None if value == "" else form.integer(value, name)


def _rows(fields: form.Fields) -> form.Check:
    """Reads a list of sets of parameters."""

    def check(value: Any, name: str) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise invalid("Invalid array", name)
        return [form.hash_of(fields)(each, f"{name}[{n}]") for n, each in enumerate(value)]

    return check


UPDATE: form.Fields = {
    "cancel_at": _instant,
    "cancel_at_period_end": form.boolean,
    "cancellation_details": _ENDS,
    "default_payment_method": form.text,
    "description": form.text,
    "metadata": form.metadata,
    "pause_collection": _pause,
    "proration_behavior": form.one_of("always_invoice", "create_prorations", "none"),
}
CREATE: form.Fields = {
    **{name: check for name, check in UPDATE.items() if name != "pause_collection"},
    "billing_cycle_anchor": form.integer,
    "customer": form.text,
    "discounts": _rows({"coupon": form.text}),
    "items": _rows({"price": form.text, "quantity": form.integer, "metadata": form.metadata}),
    "off_session": form.boolean,
    "trial_end": form.integer,
}
LIST: form.Fields = {
    **lists.CURSORS,
    "customer": form.text,
    "price": form.text,
    "status": form.one_of(
        *("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due"),
        *("paused", "trialing", "unpaid"),
    ),
}
CANCEL: form.Fields = {
    "cancellation_details": _ENDS,
    "invoice_now": form.boolean,
    "prorate": form.boolean,
}


def create(work: Work, params: dict[str, Any]) -> Object:
    """Creates a subscription; its first period is charged at once, or is free until a trial's end.

    With a `billing_cycle_anchor` to come and no proration it is free until that.
    """
    work.load("customer", params["customer"], param="customer", status=400)
    method = params.get("default_payment_method")
    if method is not None:
        found = work.load("payment_method", method, param="default_payment_method", status=400)
        if found["customer"] != params["customer"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {method}. The payment"
                " method must be attached to the customer.",
                "default_payment_method",
            )
    prices = [
        work.load("price", each.get("price") or "", param=f"items[{n}][price]", status=400)
        for n, each in enumerate(params["items"])
    ]
    _check_prices(prices)
    made = _made(work, params, prices)
    work.put(made)
    _discount(work, made, params.get("discounts", []))
    work.tell("customer.subscription.created", made)
    span = {"start": work.seconds, "end": renewals.period_end(made)}
    free = made["trial_end"] is not None or made["billing_cycle_anchor"] > work.seconds
    amount = 0 if free else renewals.amount_of(made)
    invoice = invoices.opened(work, made, amount, "subscription_create", span)
    made["latest_invoice"] = invoice["id"]
    if invoices.finalized(work, invoice, renewals.method_of(work, made))["status"] != "paid":
        made["status"] = "incomplete"
    return work.put(made)


def _check_prices(prices: list[Object]) -> None:
    if not prices:
        raise invalid("Missing required param: items.", "items", "parameter_missing")
    if any(price["recurring"] is None for price in prices):
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with"
            " `type=recurring`.",
            "items[0][price]",
        )
    first = prices[0]
    if any(price["currency"] != first["currency"] for price in prices):
        raise invalid("All prices on a subscription must have the same currency.", "items")
    if any(price["recurring"]["interval"] != first["recurring"]["interval"] for price in prices):
        raise invalid("All prices on a subscription must have the same interval.", "items")


def _made(work: Work, params: dict[str, Any], prices: list[Object]) -> Object:
    identifier, trial = new_id("sub"), params.get("trial_end")
    anchor = trial or params.get("billing_cycle_anchor", work.seconds)
    if anchor < work.seconds:
        name = "trial_end" if trial else "billing_cycle_anchor"
        raise invalid(f"{name} cannot be in the past", name)
    if anchor > work.seconds and trial is None and params.get("proration_behavior") != "none":
        raise invalid("The loopback knows no prorations: proration_behavior is none.")
    made: Object = {
        "id": identifier,
        "object": "subscription",
        **_ABOUT_NOTHING,
        "billing_cycle_anchor": anchor,
        "cancel_at": params.get("cancel_at"),
        "cancel_at_period_end": False,
        "created": work.seconds,
        "currency": prices[0]["currency"],
        "customer": params["customer"],
        "default_payment_method": params.get("default_payment_method"),
        "description": params.get("description"),
        "discounts": [],
        "items": {},
        "metadata": form.merged({}, params.get("metadata")),
        "pause_collection": None,
        "start_date": work.seconds,
        "status": "active" if trial is None else "trialing",
        "trial_end": trial,
        "trial_start": None if trial is None else work.seconds,
    }
    first_end = anchor if anchor > work.seconds else renewals.nth(made, prices[0], 1)
    items = [
        _item(work, made, price, given, first_end)
        for price, given in zip(prices, params["items"], strict=True)
    ]
    made["items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={identifier}",
    }
    if params.get("cancel_at_period_end"):
        _end_with_period(work, made)
    return made


def _item(work: Work, made: Object, price: Object, given: Object, ends: int) -> Object:
    quantity = given.get("quantity", 1)
    if quantity < 0:
        raise invalid("Invalid non-negative integer", "items[0][quantity]")
    return {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": work.seconds,
        "current_period_end": ends,
        "current_period_start": work.seconds,
        "discounts": [],
        "metadata": form.merged({}, given.get("metadata")),
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": made["id"],
        "tax_rates": [],
    }


def _discount(work: Work, made: Object, given: list[Object]) -> None:
    for n, each in enumerate(given):
        coupon = work.load(
            "coupon", each.get("coupon") or "", param=f"discounts[{n}][coupon]", status=400
        )
        months = coupon["duration_in_months"]
        ends = None if months is None else renewals.months_on(made, months)
        discount = {
            "id": new_id("di"),
            "object": "discount",
            "checkout_session": None,
            "customer": made["customer"],
            "customer_account": None,
            "end": ends,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": None,
            "source": {"coupon": coupon["id"], "type": "coupon"},
            "start": work.seconds,
            "subscription": made["id"],
            "subscription_item": None,
        }
        made["discounts"].append(work.put(discount)["id"])


def retrieve(work: Work, params: dict[str, Any], subscription: str) -> Object:
    return work.load("subscription", subscription)


def update(work: Work, params: dict[str, Any], subscription: str) -> Object:
    found = work.load("subscription", subscription)
    if found["status"] == "canceled" and set(params) - {"metadata", "cancellation_details"}:
        raise refused(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    if method := params.get("default_payment_method"):
        card = work.load("payment_method", method, param="default_payment_method", status=400)
        if card["customer"] != found["customer"]:
            raise refused("The payment method must be attached to the customer.")
    for name in ("default_payment_method", "description", "pause_collection", "cancel_at"):
        if name in params:
            found[name] = params[name]
    if "cancel_at_period_end" in params:
        if params["cancel_at_period_end"]:
            _end_with_period(work, found)
        else:
            found |= {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
    if "cancellation_details" in params:
        found["cancellation_details"] |= params["cancellation_details"]
    found["metadata"] = form.merged(found["metadata"], params.get("metadata"))
    work.tell("customer.subscription.updated", found)
    return work.put(found)


def _end_with_period(work: Work, found: Object) -> None:
    found |= {
        "cancel_at_period_end": True,
        "cancel_at": renewals.period_end(found),
        "canceled_at": work.seconds,
    }


def cancel(work: Work, params: dict[str, Any], subscription: str) -> Object:
    """Cancels at once; asked again, there is no such subscription."""
    found = work.load("subscription", subscription, param="subscription")
    if found["status"] in ("canceled", "incomplete_expired"):
        raise missing("subscription", subscription, "subscription")
    if "cancellation_details" in params:
        found["cancellation_details"] |= params["cancellation_details"]
    found["cancellation_details"]["reason"] = "cancellation_requested"
    return renewals.ended(work, found)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    """Lists subscriptions, newest first; without a status all that are not canceled."""
    status, customer, price = params.get("status"), params.get("customer"), params.get("price")
    if customer is not None:
        work.load("customer", customer, param="customer", status=400)

    def wanted(each: Object) -> bool:
        if customer not in (None, each["customer"]):
            return False
        if price is not None and price not in [i["price"]["id"] for i in each["items"]["data"]]:
            return False
        over = each["status"] in ("canceled", "incomplete_expired")
        if status is None:
            return bool(each["status"] != "canceled")
        return bool(status in ("all", "ended" if over else None, each["status"]))

    found = (each for each in work.newest_first("subscription") if wanted(each))
    return lists.page("/v1/subscriptions", found, params)


_ABOUT_NOTHING: Object = {
    **dict.fromkeys(
        (
            *("application", "application_fee_percent", "billing_cycle_anchor_config"),
            *("billing_thresholds", "canceled_at", "customer_account", "days_until_due"),
            *("default_source", "ended_at", "latest_invoice", "managed_payments"),
            *("next_pending_invoice_item_invoice", "on_behalf_of"),
            *("pending_invoice_item_interval", "pending_setup_intent", "pending_update"),
            *("schedule", "test_clock", "transfer_data"),
        )
    ),
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_mode": {"type": "classic", "flexible": None},
    "billing_schedules": [],
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
    "collection_method": "charge_automatically",
    "default_tax_rates": [],
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "livemode": False,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
}
