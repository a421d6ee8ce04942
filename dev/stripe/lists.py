"""Lists with cursors, and references expanded into what they name."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dev.stripe.errors import StripeError, invalid, missing
from dev.stripe.form import Fields, integer, text
from dev.stripe.work import Object, Work, public

_MOST = 100
_DEEPEST = 4

_KINDS = {
    "cus": "customer",
    "pm": "payment_method",
    "pi": "payment_intent",
    "seti": "setup_intent",
    "ch": "charge",
    "re": "refund",
    "du": "dispute",
    "cs": "checkout.session",
    "txn": "balance_transaction",
    "mandate": "mandate",
    "evt": "event",
    "sub": "subscription",
    "in": "invoice",
    "prod": "product",
    "price": "price",
    "di": "discount",
}


def _created(value: Any, name: str) -> dict[str, int]:
    if isinstance(value, str):
        instant = integer(value, name)
        return {"gte": instant, "lte": instant}
    if not isinstance(value, dict) or not value or set(value) - {"gt", "gte", "lt", "lte"}:
        raise invalid("Invalid created: a timestamp, or gt, gte, lt, lte", name)
    return {bound: integer(each, f"{name}[{bound}]") for bound, each in value.items()}


CURSORS: Fields = {
    "limit": integer,
    "starting_after": text,
    "ending_before": text,
    "created": _created,
}
"""The parameters that every list takes."""

_COMPARES: Mapping[str, Callable[[int, int], bool]] = {
    "gt": lambda at, bound: at > bound,
    "gte": lambda at, bound: at >= bound,
    "lt": lambda at, bound: at < bound,
    "lte": lambda at, bound: at <= bound,
}


def page(url: str, found: Iterable[Object], params: dict[str, Any]) -> Object:
    """Returns a list object of one page, newest first."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= _MOST:
        raise invalid(f"Invalid integer: limit is 1 to {_MOST}", "limit")
    bounds = params.get("created", {})
    chosen = [
        each
        for each in found
        if all(_COMPARES[name](each["created"], bound) for name, bound in bounds.items())
    ]
    if before := params.get("ending_before"):
        chosen = chosen[: _position(chosen, before, "ending_before")]
        data, more = chosen[-limit:], len(chosen) > limit
    else:
        after = params.get("starting_after")
        start = _position(chosen, after, "starting_after") + 1 if after else 0
        data, more = chosen[start : start + limit], len(chosen) > start + limit
    return {"object": "list", "url": url, "has_more": more, "data": [public(o) for o in data]}


def _position(chosen: list[Object], identifier: str, param: str) -> int:
    for n, each in enumerate(chosen):
        if each["id"] == identifier:
            return n
    raise missing("object", identifier, param, 400)


def expanded(work: Work, answer: Object, paths: Iterable[str]) -> Object:
    """Returns an answer with the objects that its paths name in the place of ids."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST + (parts[0] == "data"):
            raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property", "expand")
        _expand(work, answer, parts, path)
    return answer


def _expand(work: Work, node: Any, parts: list[str], path: str) -> None:
    if isinstance(node, list):
        for each in node:
            _expand(work, each, parts, path)
        return
    name, rest = parts[0], parts[1:]
    if not isinstance(node, dict) or name not in node:
        raise StripeError(
            400,
            f"This property cannot be expanded ({path}).",
            began=False,
            param="expand",
        )
    value = node[name]
    if isinstance(value, str):
        node[name] = value = _named(work, value, path)
    elif isinstance(value, list):
        value[:] = [_named(work, e, path) if isinstance(e, str) else e for e in value]
    if rest and value is not None:
        _expand(work, value, rest, path)


def _named(work: Work, identifier: str, path: str) -> Object:
    kind = _KINDS.get(identifier.split("_")[0], "coupon")
    found = work.find(kind, identifier)
    if found is None:
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    return public(found)
