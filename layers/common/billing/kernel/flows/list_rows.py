"""Keeps the rows by which lists find subscriptions and customers, from the outbox.

Rows are compared with their item and written with a check that it is as it was read. So it may be
done twice, late, or by two at once: the rows that stand follow from the item that stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from billing.kernel import list_rows
from billing.kernel.errors import Conflict
from billing.kernel.list_rows import ListRow, PlanRow
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.writes import ConditionCheck, Insert, Remove, Write

ATTEMPTS = 8


def on_event(ports: Ports, event: OutboxEvent, _: Merchant, now: datetime) -> None:
    """Renews the rows of the subscription that an outbox event is about."""
    if event.subscription is not None:
        keep_plans(ports, event.merchant, event.customer, event.subscription)


EFFECTS: Mapping[EventKind, Callable[[Ports, OutboxEvent, Merchant, datetime], None]] = {
    EventKind.PURCHASED: on_event,
    EventKind.PLAN_ASKED: on_event,
    EventKind.PLAN_CHANGED: on_event,
}
"""The events after which rows may differ; a renewal is none of them."""


def keep_plans(ports: Ports, merchant: str, customer: str, subscription: str) -> int:
    """Makes the rows of a subscription those of its plans; returns how many were written."""
    for _ in range(ATTEMPTS):
        found = ports.store.subscription(merchant, customer, subscription)
        if found is None:
            return 0
        kept = [
            row
            for row in ports.store.list_rows(merchant, customer)
            if isinstance(row, PlanRow) and row.subscription == subscription
        ]
        wanted = list_rows.of_subscription(found)
        check = ConditionCheck(found, expecting=list_rows.PLANS)
        if _write(ports, difference(kept, wanted), check):
            return len(wanted.symmetric_difference(kept))
    raise Conflict()


def difference(kept: Iterable[ListRow], wanted: Iterable[ListRow]) -> list[Write]:
    """Returns the writes that leave the wanted rows in place of those that are kept."""
    was, becomes = set(kept), set(wanted)
    return [
        *(Remove(row) for row in sorted(was - becomes, key=repr)),
        *(Insert(row) for row in sorted(becomes - was, key=repr)),
    ]


def _write(ports: Ports, writes: list[Write], check: ConditionCheck) -> bool:
    if not writes:
        return True
    try:
        ports.store.commit(*writes, check)
    except Conflict:
        return False
    return True
