"""Whether an object could be Stripe's: held to its published examples, and to the SDK's own types.

The example says which fields there are and of what JSON type they are; the SDK's annotations say
which may be null, which texts are known, and what the fields of objects inside are.
"""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin

import stripe
from stripe import StripeObject

EXAMPLES = json.loads((Path(__file__).parents[2] / "data" / "stripe" / "fixtures.json").read_text())
CLASSES: dict[str, type[StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "discount": stripe.Discount,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "setup_intent": stripe.SetupIntent,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


def faults(thing: dict[str, Any]) -> list[str]:
    """Returns the faults of an object; none, if it could be Stripe's."""
    kind = thing["object"]
    if kind == "list":
        return [fault for each in thing["data"] for fault in faults(each)]
    return [
        *_against_example(thing, EXAMPLES[kind], CLASSES[kind], kind),
        *_against_types(thing, CLASSES[kind], kind),
    ]


def _against_example(thing: Any, example: Any, cls: Any, path: str) -> Iterator[str]:
    """Every field of the example is there, and no field that Stripe has not published."""
    known = _annotations(cls)
    for name in sorted(example.keys() - thing.keys()):
        yield f"{path}.{name} is missing"
    for name in sorted(thing.keys() - example.keys() - known.keys()):
        yield f"{path}.{name} is not published"
    for name in sorted(thing.keys() & example.keys()):
        value, published = thing[name], example[name]
        if value is None or published is None:
            continue
        if _json_type(value) != _json_type(published) and not _expandable(value, published):
            yield f"{path}.{name} is {_json_type(value)}, published as {_json_type(published)}"
        elif isinstance(value, dict) and isinstance(published, dict):
            inner = _without_null(known.get(name, object))
            if isinstance(inner, type) and issubclass(inner, StripeObject):
                yield from _against_example(value, published, inner, f"{path}.{name}")


def _expandable(value: Any, published: Any) -> bool:
    return {type(value), type(published)} == {dict, str}


def _json_type(value: Any) -> str:
    if isinstance(value, Decimal):
        return "str"  # the SDK reads what is published as text
    return "number" if type(value) in (int, float) else type(value).__name__


def _against_types(value: Any, annotation: Any, path: str) -> Iterator[str]:
    if value is None:
        if not _may_be_null(annotation):
            yield f"{path} is null, and the SDK does not expect that"
        return
    annotation = _without_null(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StripeObject):
        yield from _object_against(value, annotation, path)
    elif get_origin(annotation) in (list, typing.List):  # noqa: UP006
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for n, each in enumerate(value):
            yield from _against_types(each, get_args(annotation)[0], f"{path}[{n}]")
    elif not _fits(value, annotation):
        yield f"{path} is {value!r}, the SDK expects {annotation}"


def _object_against(value: Any, cls: type, path: str) -> Iterator[str]:
    known = _annotations(cls)
    if not isinstance(value, dict):
        yield f"{path} is no object"
        return
    if not known:
        return
    for name, each in value.items():
        if name not in known:
            yield f"{path}.{name} is unknown to the SDK"
        else:
            yield from _against_types(each, known[name], f"{path}.{name}")
    for name in known.keys() - value.keys():
        # What is not Optional is always there.
        if not _may_be_null(known[name]):
            yield f"{path}.{name} is missing, and the SDK counts on it"


def _fits(value: Any, annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in get_args(annotation))
    if origin is typing.Literal:
        return value in get_args(annotation)
    if origin is dict:
        return isinstance(value, dict)
    if annotation in (str, bool, int):
        return type(value) is annotation
    if annotation is Decimal:
        return isinstance(value, str | Decimal)
    if annotation is float:
        return type(value) in (int, float)
    # Names of other objects: an id, or the object when it was expanded.
    return isinstance(value, str | dict)


def _may_be_null(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return origin is typing.Union and type(None) in get_args(annotation)


def _without_null(annotation: Any) -> Any:
    if not _may_be_null(annotation):
        return annotation
    rest = [each for each in get_args(annotation) if each is not type(None)]
    return rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]  # noqa: UP007


def _annotations(cls: type) -> dict[str, Any]:
    return {
        # A name that Python keeps for itself stands with an underscore in the SDK.
        name.rstrip("_") if name.endswith("_") else name: annotation
        for base in reversed(cls.__mro__)
        if issubclass(base, StripeObject) and base is not StripeObject
        for name, annotation in inspect.get_annotations(base).items()
        if get_origin(annotation) is not typing.ClassVar and not name.startswith("_")
    }
