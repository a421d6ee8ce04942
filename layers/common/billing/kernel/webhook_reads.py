"""The part of the storage port about outgoing webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.event_log.logged_events import LoggedEvent
    from billing.webhooks.deliveries import Delivery
    from billing.webhooks.endpoints import WebhookEndpoint


class WebhookParts(Protocol):
    """The questions about endpoints and deliveries; `Store` has them too."""

    def webhook_endpoint(self, merchant: str, endpoint: str) -> WebhookEndpoint | None: ...
    def webhook_endpoints_named(
        self, keys: Sequence[tuple[str, str]]
    ) -> list[WebhookEndpoint | None]:
        """Many at once, (merchant, endpoint id) each, in the order asked for."""
        ...

    def webhook_endpoints(self, merchant: str) -> list[WebhookEndpoint]:
        """All endpoints of a merchant, disabled ones too."""
        ...

    def delivery(self, merchant: str, endpoint: str, event: str) -> Delivery | None: ...
    def deliveries_named(self, keys: Sequence[tuple[str, str, str]]) -> list[Delivery | None]:
        """Many at once, (merchant, endpoint id, event id) each, in the order asked for."""
        ...

    def deliveries_before(
        self, merchant: str, endpoint: str, *, before: str | None, limit: int
    ) -> list[Delivery]:
        """Deliveries to an endpoint by their events, the latest first, before an event's id."""
        ...

    def deliveries_after(
        self, merchant: str, endpoint: str, *, after: str, limit: int
    ) -> list[Delivery]:
        """Deliveries to an endpoint by their events, the earliest first, after an event's id."""
        ...

    def logged_events_named(self, keys: Sequence[tuple[str, str]]) -> list[LoggedEvent | None]:
        """Many at once, (merchant, event id) each, in the order asked for."""
        ...
