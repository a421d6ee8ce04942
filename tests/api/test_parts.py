"""The API's parts: a request builds the routes that its address may be about, and no others."""

from __future__ import annotations

import pytest

from billing.web.router import Router
from functions.merchant import app
from tests.world import World

PORTS = World().ports


def routes(resolver: Router, part: str) -> set[tuple[str, str]]:
    return {(r.method, r.path) for r in resolver.routes if r.path.split("/")[2] == part}


@pytest.mark.parametrize("part", sorted(app.PARTS))
def test_a_part_has_every_route_of_its_addresses(part: str) -> None:
    assert routes(app.build(PORTS, part), part) == routes(app.build(PORTS), part) != set()


def test_every_route_is_of_a_part_or_the_document() -> None:
    parts = {route.path.split("/")[2] for route in app.build(PORTS).routes}
    assert parts == set(app.PARTS) | {"openapi.json"}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/v1/orders", "orders"),
        ("/v1/orders/1/refund", "orders"),
        ("/prod/v1/keys", "keys"),
        ("/v1/openapi.json", None),
        ("/v1/", None),
        ("/orders", None),
        (None, None),
    ],
)
def test_what_a_request_is_about(path: str | None, part: str | None) -> None:
    assert app._part({"rawPath": path}) == part
