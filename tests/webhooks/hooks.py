"""A world with an endpoint, and what these tests do to it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from billing.event_log.public_events import PublicType
from billing.kernel.receivers import Answer
from billing.webhooks.deliveries import Delivery, DeliveryState
from billing.webhooks.endpoints import WebhookEndpoint
from billing.webhooks.flows import endpoints
from tests.world import Post, World

URL = "https://hooks.example.com/perennial"
OTHER = "https://other.example.net/hook"

WHAT_HAPPENS = tuple(each.value for each in PublicType if each is not PublicType.ACCESS_CHANGED)
"""All types but that of access, which is an event beside another one."""


class Hooks:
    """A merchant with endpoints at receivers that answer as they are told."""

    def __init__(
        self, world: World | None = None, *, url: str = URL, events: Any = WHAT_HAPPENS
    ) -> None:
        self.world = world or World()
        self.endpoint, self.secret = self.add(url, events)

    def add(self, url: str, events: Any = WHAT_HAPPENS) -> tuple[WebhookEndpoint, str]:
        made = endpoints.create(
            self.world.ports, self.merchant, url=url, events=events, now=self.world.now
        )
        self.merchant  # noqa: B018
        return made

    @property
    def merchant(self) -> Any:
        self.world.merchant = self.world.store.merchant("acme") or self.world.merchant
        return self.world.merchant

    @property
    def current(self) -> WebhookEndpoint:
        found = self.world.store.webhook_endpoint("acme", self.endpoint.id)
        assert found is not None
        return found

    def deliveries(self, endpoint: WebhookEndpoint | None = None) -> list[Delivery]:
        """Returns all deliveries to an endpoint, the earliest first."""
        which = (endpoint or self.endpoint).id
        return self.world.store.deliveries_after("acme", which, after="", limit=10_000)

    def states(self) -> set[DeliveryState]:
        return {each.state for each in self.deliveries()}

    def answers(self, status: int | None, url: str = URL, **fields: Any) -> None:
        self.world.receivers.answers[url] = lambda post: Answer(status, **fields)

    def posts(self, url: str = URL) -> list[Post]:
        return [post for post in self.world.receivers.posts if post.url == url]

    def types(self, url: str = URL) -> list[str]:
        return [json.loads(post.body)["type"] for post in self.posts(url)]

    def buy(self, **fields: Any) -> None:
        """Buys something, and delivers what follows from it."""
        self.world.buy(**fields)
        self.world.work()

    def wait(self, **span: float) -> None:
        """Lets time pass minute by minute where something is due, and the schedules come."""
        self.world.advance(**span)

    def minutes(self, count: int) -> None:
        for _ in range(count):
            self.world.now += timedelta(minutes=1)
            self.world.tick()
