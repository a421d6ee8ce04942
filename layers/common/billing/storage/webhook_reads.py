"""Reads of a merchant's endpoints, and of deliveries to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.storage import event_keys
from billing.storage.addresses import EVERYTHING, SortKeyRange
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.event_log.logged_events import LoggedEvent
    from billing.webhooks.deliveries import Delivery
    from billing.webhooks.endpoints import WebhookEndpoint


class WebhookReads:
    """The questions of the Store port about outgoing webhooks."""

    _items: Items

    def webhook_endpoint(self, merchant: str, endpoint: str) -> WebhookEndpoint | None:
        """Get M#<merchant> WEBHOOK#<id>."""
        return self._items.get(event_keys.webhook_endpoint(merchant, endpoint))

    def webhook_endpoints_named(
        self, keys: Sequence[tuple[str, str]]
    ) -> list[WebhookEndpoint | None]:
        """Batch get of M#<merchant> WEBHOOK#<id>."""
        return self._items.get_many([event_keys.webhook_endpoint(*each) for each in keys])

    def webhook_endpoints(self, merchant: str) -> list[WebhookEndpoint]:
        """Query M#<merchant> WEBHOOK#*."""
        return self._items.query(event_keys.webhook_endpoints(merchant))

    def delivery(self, merchant: str, endpoint: str, event: str) -> Delivery | None:
        """Get M#<merchant>#WH#<endpoint> <event>."""
        return self._items.get(event_keys.delivery(merchant, endpoint, event))

    def deliveries_named(self, keys: Sequence[tuple[str, str, str]]) -> list[Delivery | None]:
        """Batch get of M#<merchant>#WH#<endpoint> <event>."""
        return self._items.get_many([event_keys.delivery(*each) for each in keys])

    def deliveries_before(
        self, merchant: str, endpoint: str, *, before: str | None, limit: int
    ) -> list[Delivery]:
        """Query M#<merchant>#WH#<endpoint>, latest first, before an event."""
        between = EVERYTHING if before is None else SortKeyRange(EVERYTHING.low, before)
        where = event_keys.deliveries(merchant, endpoint, between)
        found = self._items.query(where, newest_first=True, limit=limit + 1)
        return [each for each in found if each.event != before][:limit]

    def deliveries_after(
        self, merchant: str, endpoint: str, *, after: str, limit: int
    ) -> list[Delivery]:
        """Query M#<merchant>#WH#<endpoint>, earliest first, after an event."""
        where = event_keys.deliveries(merchant, endpoint, SortKeyRange(after, EVERYTHING.high))
        found = self._items.query(where, limit=limit + 1)
        return [each for each in found if each.event != after][:limit]

    def logged_events_named(self, keys: Sequence[tuple[str, str]]) -> list[LoggedEvent | None]:
        """Batch get of M#<merchant>#EV#<hour>#0 <event>."""
        from billing.event_log.logged_events import place_of

        return self._items.get_many(
            [event_keys.logged_event(merchant, place_of(event), event) for merchant, event in keys]
        )
