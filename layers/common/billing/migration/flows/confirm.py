"""Cancels a subscription at its source once it was charged here, or has ended here (M-6).

Not before: a site that listens to its source would revoke access with the cancellation, and until
the first charge an import can be undone. It is a consumer of the outbox, which tries again where a
source does not answer; a source that is late with it charges nothing meanwhile.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel.errors import Conflict, NotFound
from billing.kernel.live_sources import row_of
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.migration import moving
from billing.migration.flows import live_rows
from billing.migration.import_rows import RowState

NAME = "sources"
KINDS = frozenset({EventKind.RENEWED, EventKind.ENDED})

ATTEMPTS = 8


def on_event(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Cancels what an event of an imported subscription leaves at its source."""
    place = row_of(event.subscription or "")
    if place is None:
        return
    import_id, number = place
    row = ports.store.imported_row(event.merchant, import_id, number)
    imported = ports.store.import_(event.merchant, import_id)
    if row is None or imported is None or row.state is not RowState.ACTIVE:
        return
    if row.reason in {moving.UNDOING, moving.UNDOING_VOID}:
        return
    reason = None if event.kind is EventKind.RENEWED else "ended_here"
    try:
        source = live_rows.source_of(ports, merchant, imported, row)
        if source is not None:
            source.cancel(row.external_id)
    except NotFound:
        reason = "source_gone"
    for _ in range(ATTEMPTS):
        found = ports.store.import_(event.merchant, import_id)
        assert found is not None, "an import is never removed"
        _, writes = moving.settle(row, found, RowState.CONFIRMED, reason, now)
        try:
            ports.store.commit(*writes)
        except Conflict:
            again = ports.store.imported_row(event.merchant, import_id, number)
            if again != row:
                return
            continue
        return
    raise Conflict()
