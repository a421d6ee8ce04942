"""The gateways of this installation: one line each, and nothing else names them."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from billing.gateways.spec import GatewaySpec
from billing.kernel.errors import NotFound

REGISTERED: tuple[str, ...] = (
    "billing.gateways.sandbox.spec",
    "billing.gateways.stripe.spec",
    "billing.gateways.paypal.spec",
)
"""Modules that export a `GatewaySpec` as `SPEC`, imported when the first is asked for."""


@cache
def specs() -> dict[str, GatewaySpec]:
    """Returns every gateway's spec, by its name."""
    found = (import_module(module).SPEC for module in REGISTERED)
    return {spec.name: spec for spec in found}


def spec_of(gateway: str) -> GatewaySpec:
    """Returns the spec of a gateway; raises `NotFound` for one that is not registered."""
    if gateway not in specs():
        raise NotFound(code="unknown_gateway", gateway=gateway)
    return specs()[gateway]
