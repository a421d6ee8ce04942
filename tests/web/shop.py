"""A world with two merchants, each with an API key, the /v1 API and the console over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from billing.accounts.web import console_session
from billing.api.flows import keys
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.writes import Insert
from functions.console import app as console_app
from functions.gateways import app as gateways_app
from functions.merchant import app
from tests.web.calls import Client
from tests.web.described import DescribedClient
from tests.world import World

MONTHLY: dict[str, Any] = {
    "type": "recurring",
    "price": {"amount": 2999, "currency": "USD"},
    "period": "1m",
    "cancellation": "delayed",
}
PRODUCT: dict[str, Any] = {
    "name": "Course",
    "public_listing": True,
    "refund_days": 14,
    "gateways": ["sandbox"],
    "price_points": [MONTHLY],
}
START = {"start": "2026-01-31T10:00:00", "time_zone": "America/New_York"}


@dataclass
class Shop:
    """`api` calls as the world's merchant, `other` as a second one, `stranger` without a key."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.resolver = app.build(self.world.ports)
        self.console = console_app.build(self.world.ports)
        self.gateways = gateways_app.build(self.world.ports)
        other = Merchant("rival", "Rival", "rival@example.com", self.world.now)
        self.world.store.commit(Insert(other))
        self.api = self.holding("acme", "sk_acme")
        self.other = self.holding("rival", "sk_rival")
        self.stranger = Client(self.resolver)

    def holding(self, merchant: str, secret: str, *scopes: str) -> Client:
        """A client with a key of that secret."""
        held = scopes or ("read", "write")
        key = ApiKey(f"key_{secret}", keys.digest(secret), merchant, self.world.now, held)
        self.world.store.commit(Insert(key))
        return DescribedClient(self.resolver, secret)


def link_of(world: World, merchant: str = "acme") -> str:
    """Where a merchant signs in to the console, by a key that is made for it."""
    drawn, _ = keys.draw(
        world.ports, merchant, ("read", "write"), made_by="operator", now=world.now
    )
    world.store.commit(Insert(drawn))
    return console_session.console_link(world.ports, drawn, "", world.now)


def link(shop: Shop, merchant: str = "acme") -> str:
    """Where a merchant signs in to the console, once."""
    return link_of(shop.world, merchant)


def signed_in(shop: Shop, merchant: str = "acme") -> Client:
    """A browser that signed in to the console now."""
    client = Client(shop.console, others={"/console/gateways": shop.gateways})
    assert client.browse("POST", link(shop, merchant), {}).status == 303
    return client
