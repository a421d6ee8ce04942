"""PayPal's spec: its limits, secrets and addresses; needs neither a request nor keys (P-17, P-18).

Agreements are changed on PayPal's own pages (B-9).
"""

from __future__ import annotations

from pathlib import Path

from billing.gateways.spec import GatewaySpec, Host, Secret, SetupHost
from billing.kernel.catalog import PriceType
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateway_setup import GatewaySetup
from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.money import Currency

PAYPAL = "paypal"

HOSTS = {False: "https://api-m.paypal.com", True: "https://api-m.sandbox.paypal.com"}
"""Addresses of PayPal's API, by whether an account is a test one."""

CANNOT_TAKE = frozenset({Currency.INR})
"""Currencies of ours that PayPal cannot take
(https://developer.paypal.com/docs/api/reference/currency-codes/); the others have two decimals
there too."""


def capabilities(account: AccountRef) -> Capabilities:
    """Returns PayPal's limits: no recurring installments."""
    return Capabilities(
        minimum_minor=1,
        cannot_charge=frozenset({PriceType.RECURRING_INSTALLMENT}),
        cannot_take=CANNOT_TAKE,
        manages_cards=False,
        payments_lapse=True,
        test=account.is_test,
    )


def opened(account: AccountRef, host: Host) -> Gateway:
    """Opens an account."""
    from billing.gateways.paypal.gateway import PayPalGateway

    return PayPalGateway(account, host.secrets, host.clock, api_base=host.api_base)


def set_up(host: SetupHost) -> GatewaySetup:
    """Opens an account by keys that are not stored yet."""
    from billing.gateways.paypal.setup import PayPalSetup

    return PayPalSetup(host)


SPEC = GatewaySpec(
    name=PAYPAL,
    display_name="PayPal",
    folder=Path(__file__).parent,
    open=opened,
    capabilities=capabilities,
    secrets=(
        Secret("client_id", "client id of the app", title="Client ID", public=True),
        Secret(
            "client_secret",
            "secret of the app",
            title="Secret key",
            hint="We create the webhook of the app, or complete the one that is there.",
        ),
        Secret("webhook_id", "id of the app's webhook that sends its events to us"),
    ),
    set_up=set_up,
    keys_at={
        False: "https://developer.paypal.com/dashboard/applications/live",
        True: "https://developer.paypal.com/dashboard/applications/sandbox",
    },
    return_parameter="approval_token_id",
)
