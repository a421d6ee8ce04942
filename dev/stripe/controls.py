"""The /_dev/stripe calls: what banks, networks and the weather do to the loopback."""

from collections.abc import Callable, Mapping
from typing import Any

from dev.stripe.disputes import REASONS
from dev.stripe.errors import StripeError
from dev.stripe.server import Loopback
from dev.stripe.webhooks import Manner

CALLS = {
    "POST /_dev/stripe/disputes": '{"payment": "pi_..", "reason"} or {"dispute", "outcome": "won"}',
    "POST /_dev/stripe/cards": 'a network renews one: {"payment_method", "last4", "month", "year"}',
    "POST /_dev/stripe/webhooks": 'from now on: {"hold", "times": 2, "reverse", "lose": 1}',
    "POST /_dev/stripe/limits": 'requests a second: {"overall": 100, "endpoint": 25}; null: none',
}
_MOST = 10_000


def call(stripe: Loopback, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answer of one call; raises ValueError where it cannot be done."""
    calls: dict[str, Callable[[Loopback, Mapping[str, Any]], dict[str, Any]]] = {
        "disputes": _dispute,
        "cards": _card,
        "webhooks": _webhooks,
        "limits": _limits,
    }
    try:
        return calls[name](stripe, body)
    except StripeError as error:
        raise ValueError(str(error)) from error


def _dispute(stripe: Loopback, body: Mapping[str, Any]) -> dict[str, Any]:
    if "dispute" in body:
        _only(body, {"dispute": str, "outcome": str})
        if body["outcome"] not in ("won", "lost"):
            raise ValueError("outcome is won or lost")
        stripe.decide_dispute(body["dispute"], body["outcome"])
        return dict(body)
    reason = body.get("reason", "fraudulent")
    if reason not in REASONS:
        raise ValueError(f"reason is one of {', '.join(REASONS)}")
    _only({"reason": reason, **body}, {"payment": str, "reason": str})
    return {"dispute": stripe.open_dispute(body["payment"], reason=reason)}


def _card(stripe: Loopback, body: Mapping[str, Any]) -> dict[str, Any]:
    _only(body, {"payment_method": str, "last4": str, "month": int, "year": int})
    if not 1 <= body["month"] <= 12:
        raise ValueError("month is 1 to 12")
    stripe.renew_card(
        body["payment_method"], last4=body["last4"], month=body["month"], year=body["year"]
    )
    return dict(body)


def _webhooks(stripe: Loopback, body: Mapping[str, Any]) -> dict[str, Any]:
    manner = {"hold": False, "times": 1, "reverse": False, "lose": 0, **body}
    _only(manner, {"hold": bool, "times": int, "reverse": bool, "lose": int})
    if not (1 <= manner["times"] <= 10 and 0 <= manner["lose"] <= _MOST):
        raise ValueError(f"times is 1 to 10, lose 0 to {_MOST}")
    stripe.webhooks.manner = Manner(**manner)
    return manner


def _limits(stripe: Loopback, body: Mapping[str, Any]) -> dict[str, Any]:
    limits = {"overall": None, "endpoint": None, **body}
    for name, limit in limits.items():
        if name not in ("overall", "endpoint"):
            raise ValueError(f"{name} is not known")
        if limit is not None and (type(limit) is not int or not 1 <= limit <= _MOST):
            raise ValueError(f"{name} is an integer from 1 to {_MOST}, or null")
    stripe.service.limits.overall = limits["overall"]
    stripe.service.limits.endpoint = limits["endpoint"]
    return limits


def _only(body: Mapping[str, Any], fields: Mapping[str, type]) -> None:
    if set(body) != set(fields):
        raise ValueError(f"give {', '.join(fields)}")
    for name, kind in fields.items():
        if type(body[name]) is not kind:
            raise ValueError(f"{name} is of another type")
