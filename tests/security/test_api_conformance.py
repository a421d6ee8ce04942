"""Conformance of /v1 to its OpenAPI document: every request it allows gets an answer it describes.

Schemathesis makes the requests, half of them wrong on purpose: never a 5xx, and no status, type or
field that the document does not name (RELIABILITY.md 4.2, rows 12 and 13).
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.depth import DEEP
from tests.security.server import Server
from tests.web.shop import PRODUCT, Shop

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    negative_data_rejection,
]
# The same requests each time: what lands is decided by what was tried.
BOUNDED = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
KEY = {"Authorization": "Bearer sk_acme"}

SHOP = Shop()
MADE = SHOP.api.post("/v1/products", PRODUCT).json
BOUGHT = SHOP.world.buy(SHOP.world.store.product("acme", MADE["id"]))
TICKET = SHOP.api.post(
    "/v1/tickets",
    {
        "department": "billing",
        "email": "ann@example.com",
        "subject": "Please",
        "text": "Cancel it.",
        "wish": "cancel",
        "order": BOUGHT.invoice.order_id,
    },
).json
KNOWN = {
    "product": MADE["id"],
    "order": BOUGHT.invoice.order_id,
    "subscription": BOUGHT.purchase,
    "customer": BOUGHT.customer,
    "invoice": BOUGHT.invoice.id,
    "ticket": TICKET["id"],
}
"""The names that paths may have; any other is one that nobody has."""

schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", Server(SHOP.resolver))
tried = schema if DEEP else schema.include(path_regex="^/v1/(preview|products|orders)")


@tried.parametrize()
@BOUNDED
def test_row_13_whatever_is_sent_is_answered_as_described(case: Any) -> None:
    case.path_parameters = {**case.path_parameters, **_known(case.path_parameters)}
    # As the text of a file everything is as described: a number is a file of one line.
    is_text = (case.media_type or "").startswith("text/")
    checks = [c for c in CHECKS if not is_text or c is not negative_data_rejection]
    case.call_and_validate(headers=KEY, checks=checks)


def _known(names: dict[str, Any]) -> dict[str, str]:
    return {name: KNOWN[name] for name in names if name in KNOWN}


@pytest.mark.parametrize("method", ["PUT", "TRACE", "OPTIONS", "HEAD", "PROPFIND"])
def test_row_12_a_method_that_no_route_has_is_405(method: str) -> None:
    assert SHOP.api.call(method, "/v1/products").status == 405
