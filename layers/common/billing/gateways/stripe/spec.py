"""Stripe's spec: its limits, secrets and page sources; needs neither its SDK nor keys (P-18)."""

from __future__ import annotations

from pathlib import Path

from billing.gateways.spec import GatewaySpec, Host, Secret, SetupHost
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateway_setup import GatewaySetup
from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.import_presets import FilePreset
from billing.kernel.live_sources import LiveSource
from billing.kernel.money import Currency

STRIPE = "stripe"

MINIMUMS = {
    Currency.DKK: 250,
    Currency.GBP: 30,
    Currency.HKD: 400,
    Currency.NOK: 300,
    Currency.PLN: 200,
    Currency.SEK: 300,
}
"""The least charge per currency
(https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts); 0.50 in the other ten."""

ELEMENT_SOURCES = (
    "script-src https://js.stripe.com 'nonce-%s'",
    "frame-src https://js.stripe.com https://hooks.stripe.com",
    "connect-src https://api.stripe.com",
)
"""Sources that the Payment Element loads
(https://docs.stripe.com/security/guide#content-security-policy); only a page that shows it may."""


def capabilities(account: AccountRef) -> Capabilities:
    """Returns Stripe's limits: every price type can be charged.

    All our currencies have two decimals there.
    """
    return Capabilities(minimum_minor=50, minimums=MINIMUMS, test=account.is_test)


def opened(account: AccountRef, host: Host) -> Gateway:
    """Opens an account; the SDK takes 300 ms of a cold start."""
    from billing.gateways.stripe.gateway import StripeGateway

    return StripeGateway(account, host.secrets, api_base=host.api_base)


def source(account: AccountRef, host: Host) -> LiveSource:
    """Opens an account as a source of subscriptions."""
    from billing.gateways.stripe.source import StripeSource

    return StripeSource(account, host.secrets, api_base=host.api_base)


def set_up(host: SetupHost) -> GatewaySetup:
    """Opens an account by keys that are not stored yet."""
    from billing.gateways.stripe.setup import StripeSetup

    return StripeSetup(host)


def import_preset() -> FilePreset:
    """Returns how its export of subscriptions is read."""
    from billing.gateways.stripe.import_file import PRESET

    return PRESET


SPEC = GatewaySpec(
    name=STRIPE,
    display_name="Stripe",
    folder=Path(__file__).parent,
    open=opened,
    capabilities=capabilities,
    secrets=(
        Secret(
            "secret_key",
            "the account's secret key, sk_..",
            title="Secret key",
            hint="Begins with sk_. A restricted key, rk_, needs write access to Customers, "
            "PaymentIntents, SetupIntents, PaymentMethods, Checkout Sessions, Charges and Refunds, "
            "and Webhook Endpoints, and read access to Account, Disputes and Events. To import "
            "subscriptions it also needs write access to Subscriptions, and read access to "
            "Invoices, Prices and Coupons.",
        ),
        Secret(
            "publishable_key",
            "its publishable key, pk_..",
            required=False,
            title="Publishable key",
            hint="Begins with pk_. Needed only for the card form on your own checkout page.",
            public=True,
        ),
        Secret("webhook_secrets", "list of its webhooks' secrets, whsec_..", list, required=False),
        Secret(
            "webhook_secret",
            "secret of a webhook endpoint of your own",
            required=False,
            title="Webhook signing secret",
            hint="Leave it empty, and we create the endpoint for you.",
        ),
        Secret(
            "embedded",
            "true to show the frame on our page",
            bool,
            required=False,
            title="Show the card form on the checkout page instead of Stripe's page",
            public=True,
        ),
    ),
    set_up=set_up,
    import_preset=import_preset,
    keys_at={
        False: "https://dashboard.stripe.com/apikeys",
        True: "https://dashboard.stripe.com/test/apikeys",
    },
    source=source,
    element="stripe/element.html",
    content_sources=ELEMENT_SOURCES,
)
