"""The endpoints: each with its path, its parameters and its handler."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billing.kernel.values import Value
from dev.stripe import (
    accounts,
    charges,
    checkout_sessions,
    customers,
    disputes,
    events,
    form,
    invoices,
    payment_intents,
    payment_methods,
    products,
    refunds,
    setup_intents,
    subscriptions,
    webhook_endpoints,
)
from dev.stripe.errors import StripeError
from dev.stripe.work import Object


def _anything_goes(params: dict[str, Any]) -> None:
    pass


class Endpoint(Value):
    """An endpoint. `check` refuses, before anything is begun, what the fields alone do not."""

    method: str
    path: str
    handle: Callable[..., Object]
    fields: form.Fields
    required: tuple[str, ...] = ()
    check: Callable[[dict[str, Any]], None] = _anything_goes


_NONE: form.Fields = {}

_ENDPOINTS = (
    Endpoint("GET", "/v1/account", accounts.retrieve, _NONE),
    Endpoint(
        "POST",
        "/v1/webhook_endpoints",
        webhook_endpoints.create,
        webhook_endpoints.CREATE,
        ("enabled_events", "url"),
    ),
    Endpoint("GET", "/v1/webhook_endpoints", webhook_endpoints.find_all, webhook_endpoints.LIST),
    Endpoint("GET", "/v1/webhook_endpoints/{endpoint}", webhook_endpoints.retrieve, _NONE),
    Endpoint(
        "POST",
        "/v1/webhook_endpoints/{endpoint}",
        webhook_endpoints.update,
        webhook_endpoints.UPDATE,
    ),
    Endpoint("DELETE", "/v1/webhook_endpoints/{endpoint}", webhook_endpoints.delete, _NONE),
    Endpoint("POST", "/v1/customers", customers.create, customers.FIELDS),
    Endpoint("GET", "/v1/customers", customers.find_all, customers.LIST),
    Endpoint("GET", "/v1/customers/{customer}", customers.retrieve, _NONE),
    Endpoint("POST", "/v1/customers/{customer}", customers.update, customers.FIELDS),
    Endpoint("DELETE", "/v1/customers/{customer}", customers.delete, _NONE),
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
    Endpoint(
        "POST",
        "/v1/setup_intents",
        setup_intents.create,
        setup_intents.CREATE,
        check=setup_intents.check_create,
    ),
    Endpoint("GET", "/v1/setup_intents", setup_intents.find_all, setup_intents.LIST),
    Endpoint(
        "GET", "/v1/setup_intents/{intent}", setup_intents.retrieve, {"client_secret": form.text}
    ),
    Endpoint("POST", "/v1/setup_intents/{intent}", setup_intents.update, setup_intents.UPDATE),
    Endpoint(
        "POST", "/v1/setup_intents/{intent}/confirm", setup_intents.confirm, setup_intents.CONFIRM
    ),
    Endpoint(
        "POST", "/v1/setup_intents/{intent}/cancel", setup_intents.cancel, setup_intents.CANCEL
    ),
    Endpoint("GET", "/v1/disputes", disputes.find_all, disputes.LIST),
    Endpoint("GET", "/v1/disputes/{dispute}", disputes.retrieve, _NONE),
    Endpoint("POST", "/v1/disputes/{dispute}", disputes.update, disputes.UPDATE),
    Endpoint("POST", "/v1/disputes/{dispute}/close", disputes.close, _NONE),
    Endpoint("POST", "/v1/products", products.create_product, products.PRODUCT, ("name",)),
    Endpoint("GET", "/v1/products", products.find_products, products.LIST),
    Endpoint("GET", "/v1/products/{product}", products.retrieve_product, _NONE),
    Endpoint("POST", "/v1/prices", products.create_price, products.PRICE, ("currency", "product")),
    Endpoint("GET", "/v1/prices", products.find_prices, products.PRICES),
    Endpoint("GET", "/v1/prices/{price}", products.retrieve_price, _NONE),
    Endpoint("POST", "/v1/coupons", products.create_coupon, products.COUPON),
    Endpoint("GET", "/v1/coupons/{coupon}", products.retrieve_coupon, _NONE),
    Endpoint(
        "POST",
        "/v1/subscriptions",
        subscriptions.create,
        subscriptions.CREATE,
        ("customer", "items"),
    ),
    Endpoint("GET", "/v1/subscriptions", subscriptions.find_all, subscriptions.LIST),
    Endpoint("GET", "/v1/subscriptions/{subscription}", subscriptions.retrieve, _NONE),
    Endpoint(
        "POST", "/v1/subscriptions/{subscription}", subscriptions.update, subscriptions.UPDATE
    ),
    Endpoint(
        "DELETE", "/v1/subscriptions/{subscription}", subscriptions.cancel, subscriptions.CANCEL
    ),
    Endpoint("GET", "/v1/invoices", invoices.find_all, invoices.LIST),
    Endpoint("GET", "/v1/invoices/{invoice}", invoices.retrieve, _NONE),
    Endpoint("POST", "/v1/invoices/{invoice}/void", invoices.void, _NONE),
    Endpoint("GET", "/v1/events", events.find_all, events.LIST),
    Endpoint("GET", "/v1/events/{event}", events.retrieve, _NONE),
    Endpoint(
        "POST",
        "/v1/checkout/sessions",
        checkout_sessions.create,
        checkout_sessions.CREATE,
        ("mode", "success_url"),
        checkout_sessions.check_create,
    ),
    Endpoint("GET", "/v1/checkout/sessions", checkout_sessions.find_all, checkout_sessions.LIST),
    Endpoint("GET", "/v1/checkout/sessions/{session}", checkout_sessions.retrieve, _NONE),
    Endpoint("POST", "/v1/checkout/sessions/{session}/expire", checkout_sessions.expire, _NONE),
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
    """Returns the endpoint of a request, and the ids in its path."""
    for endpoint, pattern in _PATTERNS:
        if endpoint.method == method and (match := pattern.fullmatch(path)):
            return endpoint, match.groupdict()
    raise StripeError(404, f"Unrecognized request URL ({method}: {path}).", began=False)
