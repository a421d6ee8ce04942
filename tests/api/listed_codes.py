"""Watches the errors of /v1 for codes that the OpenAPI document does not list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billing.api.web import openapi_codes
from billing.api.web.frame import Api, Route
from billing.kernel.errors import BillingError
from billing.web import problems

Met = tuple[str, str, str]
"""An operation, a status and a code."""

OPEN = {"402"}
"""Statuses whose codes are a gateway's own."""


@contextmanager
def unlisted_met() -> Iterator[set[Met]]:
    """Yields the set of what is met meanwhile and not listed."""
    met: set[Met] = set()
    real = Api._answer

    def watched(api: Api, route: Route, ids: dict[str, str]) -> Any:
        try:
            return real(api, route, ids)
        except BillingError as error:
            operation, status = route.handler.__name__, str(int(problems.status_of(error)))
            if not is_listed(operation, status, str(error.code)):
                met.add((operation, status, str(error.code)))
            raise

    Api._answer = watched  # type: ignore[method-assign]
    try:
        yield met
    finally:
        Api._answer = real  # type: ignore[method-assign]


def is_listed(operation: str, status: str, code: str) -> bool:
    listed = (*openapi_codes.of(operation, status), *openapi_codes.of_all(status))
    return status in OPEN or code in listed
