"""The spec of Example Pay, a gateway that nobody runs: what a new gateway has to bring."""

from __future__ import annotations

from pathlib import Path

from billing.gateways.spec import GatewaySpec, Host, Secret
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.money import Currency

EXAMPLE = "examplepay"


def capabilities(account: AccountRef) -> Capabilities:
    """Returns Example Pay's limits: fifty cents, and no krone."""
    return Capabilities(
        minimum_minor=50, cannot_take=frozenset({Currency.NOK}), test=account.is_test
    )


def opened(account: AccountRef, host: Host) -> Gateway:
    """Opens an account."""
    from tests.gateways.example.gateway import ExampleGateway

    return ExampleGateway(account, host.secrets, host.clock)


SPEC = GatewaySpec(
    name=EXAMPLE,
    display_name="Example Pay",
    folder=Path(__file__).parent,
    open=opened,
    capabilities=capabilities,
    secrets=(
        Secret("publishable_key", "opens the frame"),
        Secret("webhook_secret", "signs events"),
    ),
    return_parameter="purse",
    element="examplepay/element.html",
    content_sources=(
        "script-src https://js.examplepay.example 'nonce-%s'",
        "frame-src https://frame.examplepay.example",
    ),
)
