"""A merchant at the console's gateway pages, with a Stripe and a PayPal that answer strictly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from billing.gateways import registry
from billing.gateways.spec import Host, SetupHost
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateway_setup import GatewaySetup, Keys
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.values import replace
from dev.paypal.server import Loopback as PayPal
from dev.stripe.server import Loopback as Stripe
from dev.stripe.service import Account
from functions.webhook import app as webhook_app
from tests.console.agent import Agent
from tests.web.calls import Answer, Client, event
from tests.web.shop import Shop
from tests.world import World

SECRET = "sk_test_51Secret"
LIVE = "sk_live_51Secret"
RESTRICTED = "rk_test_51Secret"
PUBLISHABLE = "pk_test_51Public"
CLIENT, CLIENT_SECRET = "AClientIdOfTheApp", "ASecretOfTheApp"
URL = "https://pay.example.com/webhooks/stripe/acme"

SECRETS = (SECRET, LIVE, RESTRICTED, CLIENT_SECRET)
"""Keys that nobody may ever see again."""

RIGHTS = frozenset(
    {"account:read", "webhook_endpoints:write", "disputes:read", "events:read", "refunds:write"}
    | {f"{what}:write" for what in ("customers", "payment_intents", "payment_methods")}
    | {"setup_intents:write", "checkout.sessions:write"}
)


class Bench:
    """`agent` is signed in as acme, `rival` as another merchant."""

    def __init__(self, stripe: Stripe, paypal: PayPal, world: World) -> None:
        self.stripe, self.paypal, self.world = stripe, paypal, world
        self.bases = {"stripe": stripe.url, "paypal": paypal.base_url}
        self.world.ports = replace(
            self.world.ports, gateway=self._gateway, gateway_setup=self._setup
        )
        self.shop = Shop(self.world)
        self.agent = Agent.of(self.shop)
        self.rival = Agent.of(self.shop, "rival")
        self.webhook = Client(webhook_app.build(self.world.ports))
        self.answered: list[int] = []

    def carried(self, url: str, payload: bytes, headers: dict[str, str]) -> bool:
        """Carries an event to the address that it is for; returns whether it was taken."""
        sent = {name.lower(): value for name, value in headers.items()}
        path = urlsplit(url).path
        answer = self.webhook.send(event("POST", path, payload.decode(), headers=sent))
        self.answered.append(answer.status)
        return answer.status == 200

    def _gateway(self, account: AccountRef) -> Gateway:
        if account.gateway == SANDBOX:
            return self.world.sandbox
        host = Host(
            secrets=lambda fresh: self.world.keys.read(account) or {},
            clock=lambda: self.world.now,
            api_base=self.bases[account.gateway],
            table="",
            call=dict,
            draw=str,
        )
        return registry.spec_of(account.gateway).open(account, host)

    def _setup(self, gateway: str, test: bool, keys: Keys) -> GatewaySetup:
        set_up = registry.spec_of(gateway).set_up
        assert set_up is not None
        return set_up(SetupHost(keys, test, lambda: self.world.now, self.bases[gateway]))

    def merchant(self) -> Merchant:
        found = self.world.store.merchant("acme")
        assert found is not None
        return found

    def accounts(self) -> list[tuple[str, bool]]:
        return [(each.id, each.active) for each in self.merchant().gateway_accounts]

    def keys_of(self, account: str = "acct_1_test", gateway: str = "stripe") -> Keys:
        return self.world.keys.read(AccountRef("acme", gateway, account)) or {}

    def endpoints(self, account: str = "acct_1") -> list[dict[str, Any]]:
        return list(self.stripe.books.newest_first(f"{account}/", "webhook_endpoint"))

    def connect(self, mode: str = "test", gateway: str = "stripe", **fields: str) -> Answer:
        """Sends the form of first keys; those of acct_1 unless others are given."""
        keys = {"secret_key": SECRET} if gateway == "stripe" else PAYPAL_KEYS
        given = {"attempt": "attempt_1", **keys, **fields}
        return self.agent.send(f"/console/gateways/new/{gateway}/{mode}", **given)

    def replace(self, account: str = "acct_1_test", **fields: str) -> Answer:
        given = {"attempt": "attempt_2", "secret_key": SECRET, **fields}
        return self.agent.send(f"/console/gateways/stripe/{account}/keys", **given)


PAYPAL_KEYS = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}


@contextmanager
def opened(world: World | None = None) -> Iterator[Bench]:
    """A bench whose merchant is known to both gateways, and has connected neither."""
    world = world or World()
    with (
        Stripe(clock=lambda: world.now) as stripe,
        PayPal(lambda: world.now, client_id=CLIENT, client_secret=CLIENT_SECRET) as paypal,
    ):
        bench = Bench(stripe, paypal, world)
        stripe.open_account(
            Account("acct_1", SECRET, name="Acme Courses", restricted_key=RESTRICTED, rights=RIGHTS)
        )
        stripe.open_account(Account("acct_2", "sk_test_52Other", name="Other"))
        stripe.open_account(Account("acct_3", LIVE, name="Acme Courses"))
        stripe.open_account(Account("acct_4", "sk_live_54Idle", charges_enabled=False))
        yield bench
