"""Keys of events: those in the outbox, and those of the log that merchants read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from billing.storage.addresses import EVERYTHING, STAMP_LENGTH, Key, Partition, SortKeyRange, stamp

if TYPE_CHECKING:
    from billing.event_log.logged_events import EventHour, LoggedEvent
    from billing.kernel.outbox_events import OutboxEvent
    from billing.kernel.writes import Entity
    from billing.webhooks.deliveries import Delivery
    from billing.webhooks.endpoints import WebhookEndpoint


def outbox(shard: int, between: SortKeyRange = EVERYTHING) -> Partition[OutboxEvent]:
    """Returns where the outbox events of one shard are, oldest first."""
    return Partition(f"OB#{shard}", between)


def outbox_event(shard: int, at: datetime, event_id: str) -> Key[OutboxEvent]:
    return Key(f"OB#{shard}", f"{stamp(at)}#{event_id}")


def outbox_ids_of(key: Key[Entity]) -> tuple[int, datetime, str]:
    """Returns shard, instant and id of the outbox event at a key."""
    at, event = key.sk[:STAMP_LENGTH], key.sk[STAMP_LENGTH + 1 :]
    return int(key.pk.removeprefix("OB#")), datetime.fromisoformat(at), event


# The event log.


def event_hour(merchant: str, begins_at: datetime) -> Key[EventHour]:
    return Key(f"M#{merchant}", f"EVENTS#{_hour(begins_at)}")


def event_hours(merchant: str, since: datetime, until: datetime) -> Partition[EventHour]:
    """Returns where the hours are named in which a merchant's log has events."""
    between = SortKeyRange(f"EVENTS#{_hour(since)}", f"EVENTS#{_hour(until)}")
    return Partition(f"M#{merchant}", between)


def logged_event(merchant: str, hour: datetime, event_id: str) -> Key[LoggedEvent]:
    return Key(_log_of(merchant, hour), event_id)


def logged_events(merchant: str, hour: datetime, between: SortKeyRange) -> Partition[LoggedEvent]:
    """Returns where a merchant's events of one hour are, as they were appended."""
    return Partition(_log_of(merchant, hour), between)


def _log_of(merchant: str, hour: datetime) -> str:
    # One shard takes 500 events a second; more of them are for a merchant who needs that.
    return f"M#{merchant}#EV#{_hour(hour)}#0"


def _hour(instant: datetime) -> str:
    return stamp(instant)[: len("2026-01-31T15")]


# Outgoing webhooks.


def webhook_endpoint(merchant: str, endpoint: str) -> Key[WebhookEndpoint]:
    return Key(f"M#{merchant}", f"WEBHOOK#{endpoint}")


def webhook_endpoints(merchant: str) -> Partition[WebhookEndpoint]:
    """Returns where a merchant's endpoints are."""
    return Partition(f"M#{merchant}", SortKeyRange.of("WEBHOOK#"))


def delivery(merchant: str, endpoint: str, event: str) -> Key[Delivery]:
    return Key(f"M#{merchant}#WH#{endpoint}", event)


def deliveries(merchant: str, endpoint: str, between: SortKeyRange) -> Partition[Delivery]:
    """Returns where the deliveries to an endpoint are, by their events."""
    return Partition(f"M#{merchant}#WH#{endpoint}", between)
