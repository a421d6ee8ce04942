"""The sandbox's spec: no secrets, one account for all merchants (W-3)."""

from __future__ import annotations

from pathlib import Path

from billing.gateways.spec import GatewaySpec, Host
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import SANDBOX, AccountRef, Capabilities

CAPABILITIES = Capabilities(minimum_minor=1, test=True)


def opened(account: AccountRef, host: Host) -> Gateway:
    """Opens the sandbox, whose ledger is in the ephemeral table."""
    from billing.gateways.sandbox.gateway import SandboxGateway
    from billing.gateways.sandbox.ledger import DynamoLedger

    return SandboxGateway(DynamoLedger(host.table, host.call), host.clock, draw=host.draw)


SPEC = GatewaySpec(
    name=SANDBOX,
    display_name="Sandbox",
    folder=Path(__file__).parent,
    open=opened,
    capabilities=lambda account: CAPABILITIES,
)
