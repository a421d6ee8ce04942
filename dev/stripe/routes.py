"""Every endpoint: its path, its parameters, and who handles it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dev.stripe import (
    charges,
    customers,
    form,
    payment_intents,
    payment_methods,
    refunds,
)
from dev.stripe.errors import StripeError
from dev.stripe.work import Object


def _anything_goes(params: dict[str, Any]) -> None:
    pass


@dataclass(frozen=True)
class Endpoint:
    """`check` refuses, before anything is begun, what the fields alone do not."""

    method: str
    path: str
    handle: Callable[..., Object]
    fields: form.Fields
    required: tuple[str, ...] = ()
    check: Callable[[dict[str, Any]], None] = _anything_goes


_NONE: form.Fields = {}

_ENDPOINTS = (
    Endpoint("POST", "/v1/customers", customers.create, customers.FIELDS),
    Endpoint("GET", "/v1/customers", customers.find_all, customers.LIST),
    Endpoint("GET", "/v1/customers/{customer}", customers.retrieve, _NONE),
    Endpoint("POST", "/v1/customers/{customer}", customers.update, customers.FIELDS),
    Endpoint(
        "GET",
        "/v1/customers/{customer}/payment_methods",
        payment_methods.find_of_customer,
        payment_methods.LIST,
    ),
    Endpoint(
        "POST", "/v1/payment_methods", payment_methods.create, payment_methods.CREATE, ("type",)
    ),
    Endpoint("GET", "/v1/payment_methods", payment_methods.find_all, payment_methods.LIST),
    Endpoint("GET", "/v1/payment_methods/{payment_method}", payment_methods.retrieve, _NONE),
    Endpoint(
        "POST",
        "/v1/payment_methods/{payment_method}",
        payment_methods.update,
        payment_methods.UPDATE,
    ),
    Endpoint(
        "POST",
        "/v1/payment_methods/{payment_method}/attach",
        payment_methods.attach,
        payment_methods.ATTACH,
        ("customer",),
    ),
    Endpoint("POST", "/v1/payment_methods/{payment_method}/detach", payment_methods.detach, _NONE),
    Endpoint(
        "POST",
        "/v1/payment_intents",
        payment_intents.create,
        payment_intents.CREATE,
        ("amount", "currency"),
        payment_intents.check_create,
    ),
    Endpoint("GET", "/v1/payment_intents", payment_intents.find_all, payment_intents.LIST),
    Endpoint(
        "GET",
        "/v1/payment_intents/{intent}",
        payment_intents.retrieve,
        {"client_secret": form.text},
    ),
    Endpoint(
        "POST", "/v1/payment_intents/{intent}", payment_intents.update, payment_intents.UPDATE
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents/{intent}/confirm",
        payment_intents.confirm,
        payment_intents.CONFIRM,
    ),
    Endpoint(
        "POST",
        "/v1/payment_intents/{intent}/cancel",
        payment_intents.cancel,
        payment_intents.CANCEL,
    ),
    Endpoint("GET", "/v1/charges", charges.find_all, charges.LIST),
    Endpoint("GET", "/v1/charges/{charge}", charges.retrieve, _NONE),
    Endpoint("POST", "/v1/charges/{charge}", charges.update, charges.UPDATE),
    Endpoint(
        "POST",
        "/v1/refunds",
        refunds.create,
        refunds.CREATE,
        check=refunds.check_create,
    ),
    Endpoint("GET", "/v1/refunds", refunds.find_all, refunds.LIST),
    Endpoint("GET", "/v1/refunds/{refund}", refunds.retrieve, _NONE),
    Endpoint("POST", "/v1/refunds/{refund}", refunds.update, refunds.UPDATE),
)

_PATTERNS = [
    (endpoint, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.path)))
    for endpoint in _ENDPOINTS
]


def find(method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
    """The endpoint of a request, and the ids in its path."""
    for endpoint, pattern in _PATTERNS:
        if endpoint.method == method and (match := pattern.fullmatch(path)):
            return endpoint, match.groupdict()
    raise StripeError(404, f"Unrecognized request URL ({method}: {path}).", began=False)
