"""A shop that sells through Stripe over its loopback."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import stripe

from billing.cards.flows import cards
from billing.gateway_events.flows import webhook
from billing.gateways.stripe.gateway import StripeGateway
from billing.kernel.catalog import Product
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import GatewayAccount
from billing.kernel.values import replace
from dev.stripe import attempts
from dev.stripe.faults import Faults
from dev.stripe.server import Loopback
from dev.stripe.work import Work
from tests.gateways.stripe.edge import Impatient
from tests.world import World

ACCOUNT = AccountRef("acme", "stripe", "acct_1_test")


class Shop:
    """A world whose merchant sells through Stripe."""

    def __init__(self, world: World, loopback: Loopback, faults: Faults) -> None:
        self.world, self.faults = world, faults
        self._loopback = loopback
        stripe = StripeGateway(
            ACCOUNT,
            lambda fresh: {"secret_key": "sk_test_loopback"},
            api_base=loopback.url,
            http_client=Impatient(),
        )
        sandbox = world.ports.gateway
        world.ports = replace(
            world.ports,
            gateway=lambda account: stripe if account == ACCOUNT else sandbox(account),
        )
        world.change_merchant(gateway_accounts=(GatewayAccount("stripe", ACCOUNT.account),))

    def product(self, *terms: Any) -> Product:
        return self.world.product(*terms, gateways=("stripe",))

    @property
    def charges(self) -> list[tuple[str, int, int]]:
        """Stripe's own books, oldest first: status, amount, refunded."""
        work = self._loopback.service.working("acct_1")
        found = list(work.newest_first("charge"))[::-1]
        return [(c["status"], c["amount"], c["amount_refunded"]) for c in found]

    def answer(self, url: str, *, succeeded: bool = True) -> None:
        """The buyer on the bank's page."""
        secret = parse_qs(urlsplit(url).query)["secret"][0]
        with self._loopback.service.execution:
            work = self._loopback.service.working("acct_1")
            intent = work.load("payment_intent", secret.partition("_secret")[0])
            attempts.authenticated(work, intent, succeeded=succeeded)
            work.commit()

    def working(self) -> Work:
        """Returns a unit of work of the account, to be committed."""
        return self._loopback.service.working("acct_1")

    @property
    def dashboard(self) -> stripe.StripeClient:
        """Stripe past us, as its dashboard is."""
        return stripe.StripeClient(
            "sk_test_loopback", base_addresses={"api": self._loopback.url}, max_network_retries=0
        )

    def deliver_events(self) -> Counter[str]:
        """Takes every event that Stripe lists, as if webhooks had delivered it; returns the
        results.
        """
        tally: Counter[str] = Counter()
        gateway = self.world.ports.gateway(ACCOUNT)
        for event in gateway.events_since(self.world.now - timedelta(days=2)):
            tally += webhook.take(
                self.world.ports, self.world.merchant, ACCOUNT, event, now=self.world.now
            )
        return tally

    def bank_declines(self, method: str) -> None:
        """The bank refuses a saved card from now on, until it renews it."""
        self._card_acts_as(method, "chargeDeclinedExpiredCard")

    def bank_renews(self, method: str, *, last4: str, month: int, year: int) -> None:
        """Renews a customer's card at its bank; the network has reported it to Stripe."""
        card = method.partition(":")[2]
        self._card_acts_as(method, "visa")
        self._loopback.renew_card(card, last4=last4, month=month, year=year)

    def _card_acts_as(self, method: str, name: str) -> None:
        with self._loopback.service.execution:
            work = self._loopback.service.working("acct_1")
            found = work.load("payment_method", method.partition(":")[2])
            work.put({**found, "_card": name})
            work.commit()

    def banks_decide(self) -> None:
        """Lets enough time pass for what banks decide later."""
        self._loopback.webhooks.deliver()

    def add(self, card: str, key: str = "attempt_1") -> object:
        customer = self.world.history().customer
        assert customer is not None
        return cards.add(
            self.world.ports,
            "acme",
            customer.id,
            account=ACCOUNT,
            token=card,
            attempt_key=key,
            now=self.world.now,
        )
