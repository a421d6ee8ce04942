"""Keeps the rows by which lists find subscriptions and customers, from the outbox.

Rows are compared with their item and written with a check that it is as it was read. So it may be
done twice, late, or by two at once: the rows that stand follow from the item that stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing.kernel import list_rows
from billing.kernel.customers import Customer
from billing.kernel.errors import Conflict
from billing.kernel.list_rows import ListRow, PlanRow, WordRow
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.writes import ConditionCheck, Insert, Remove, Write

ATTEMPTS = 8


def on_event(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Renews the rows of the customer, and of the subscription, that an event is about."""
    if event.kind in _NEW or event.code == EMAIL:
        keep_words(ports, event.merchant, event.customer)
    if event.kind is not EventKind.DETAILS_CHANGED and event.subscription is not None:
        keep_plans(ports, event.merchant, event.customer, event.subscription)


EMAIL = "email"
"""The code of an event that a customer's email was changed."""

_NEW = frozenset({EventKind.PURCHASED, EventKind.IMPORTED})
"""The kinds of events with which a customer may be new."""

KINDS = frozenset(
    {
        *_NEW,
        EventKind.PLAN_ASKED,
        EventKind.PLAN_CHANGED,
        EventKind.DETAILS_CHANGED,
    }
)
"""The kinds of events after which rows may differ; a renewal's is none of them."""


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


def keep_words(ports: Ports, merchant: str, customer: str) -> int:
    """Makes the rows of a customer those of their name and email; returns how many were written.

    One that was erased keeps none (M-8).
    """
    for _ in range(ATTEMPTS):
        found = ports.store.customer(merchant, customer)
        if found is None:
            return 0
        kept = _words(ports, merchant, customer)
        wanted = list_rows.of_customer(found)
        check = ConditionCheck(found, expecting=list_rows.WORDS)
        if _write(ports, difference(kept, wanted), check):
            return len(wanted.symmetric_difference(kept))
    raise Conflict()


def renamed(ports: Ports, before: Customer, after: Customer) -> list[Write]:
    """Returns the writes of a new name's rows, for the write that changes it: there is no event.

    That write must expect name and email as read.
    """
    if after.name == before.name:
        return []
    return difference(_words(ports, before.merchant, before.id), list_rows.of_customer(after))


def _words(ports: Ports, merchant: str, customer: str) -> list[WordRow]:
    rows = ports.store.list_rows(merchant, customer)
    return [row for row in rows if isinstance(row, WordRow)]


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
