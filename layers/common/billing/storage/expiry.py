"""The entities of the core table that expire, and when: events and their deliveries, no others.

DynamoDB deletes them some time after; whoever reads them leaves out what has expired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from billing.kernel.writes import Entity

ATTRIBUTE = "expires_at"


def expires_at(entity: Entity) -> datetime | None:
    """Returns when an entity may be deleted; None for one that is kept for ever."""
    when = _EXPIRING.get(type(entity).__name__)
    return None if when is None else when(entity)


def _logged_event(entity: Any) -> datetime:
    from billing.event_log.logged_events import KEPT

    at: datetime = entity.appended_at
    return at + KEPT


def _event_hour(entity: Any) -> datetime:
    from billing.event_log.logged_events import HOUR, KEPT

    begins_at: datetime = entity.begins_at
    return begins_at + HOUR + KEPT


def _delivery(entity: Any) -> datetime:
    from billing.webhooks.deliveries import KEPT

    at: datetime = entity.created_at
    return at + KEPT


_EXPIRING: Mapping[str, Callable[[Any], datetime]] = {
    "LoggedEvent": _logged_event,
    "EventHour": _event_hour,
    "Delivery": _delivery,
}
