"""The keys of the items that due dates belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from billing.kernel.due import DueKind
from billing.kernel.storage import Due
from billing.storage import declaration_keys, event_keys, keys, notice_keys
from billing.storage.addresses import Key

if TYPE_CHECKING:
    from billing.storage.keys import WithDueDate


def owner_key(due: Due) -> Key[WithDueDate]:
    """Returns the key of the item that a due date belongs to."""
    return _OWNERS.get(due.kind, keys.subscription)(*due.owner)


def _a_persons(merchant: str, item: str) -> Key[WithDueDate]:
    """Returns the key of what waits for a person: a missed notice, by its id, or a declaration."""
    from billing.notices.records import MISSED_PREFIX

    missed = item.startswith(MISSED_PREFIX)
    return (
        notice_keys.missed(merchant, item)
        if missed
        else declaration_keys.declaration(merchant, item)
    )


_OWNERS: dict[DueKind, Callable[..., Key[WithDueDate]]] = {
    DueKind.CHECKOUT: keys.checkout,
    DueKind.ERASE: keys.checkout,
    DueKind.REFUND: keys.refund,
    DueKind.NOTICE: keys.reminder,
    DueKind.ACCOUNT: keys.account,
    DueKind.TICKET: keys.ticket,
    DueKind.JOB: keys.job_line,
    DueKind.DECLARATION: declaration_keys.declaration,
    DueKind.DECIDE: _a_persons,
    DueKind.WEBHOOK: event_keys.delivery,
    DueKind.ENDPOINT: event_keys.webhook_endpoint,
}
