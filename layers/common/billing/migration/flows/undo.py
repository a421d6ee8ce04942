"""Takes an import back: what was moved is its source's again, as long as nothing was charged (M-6).

A subscription ends here first, without money, mail or event, and is resumed at its source then: so
there is no moment at which both charge it. It must be so long before its next date that the source
can still make that charge.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.jobs import jobs
from billing.jobs.flows import start as jobs_start
from billing.jobs.flows.steps import Kind, each, place_in
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import NotFound, Refused
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.live_sources import Collected, LiveSource, SourceState
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Remove
from billing.migration import moving
from billing.migration.flows import cut_over, live_rows
from billing.migration.flows import ready as ready_rows
from billing.migration.flows.cut_over import Moving
from billing.migration.import_rows import ImportedRow, RowState
from billing.migration.imports import Import, ImportState

AHEAD = timedelta(hours=2)
"""The least time before a charge at which a subscription goes back to its source."""

BEGINS = frozenset({ImportState.MOVING, ImportState.MOVED, ImportState.UNDOING, ImportState.UNDONE})


def start(
    ports: Ports, seller: Merchant, import_id: str, *, by: str | None, now: datetime
) -> Moving:
    """Begins to take an import back, and stops moving its rows.

    Raises `NotFound`, `Refused` (import_not_moved).
    """
    before = ports.store.import_(seller.id, import_id)
    if before is None:
        raise NotFound("import_unknown")
    if before.state not in BEGINS:
        raise Refused("import_not_moved")
    after = replace(before, state=ImportState.UNDOING, by=by or before.by)
    job = jobs.new(seller.id, f"undo_{import_id}", moving.UNDO, now)
    # From this write on no row is made ready or activated: their writes rest on the state.
    job = jobs_start.start(ports, job, now=now, also=(Change(before, after, ("state",)),))
    return Moving(ports.store.import_(seller.id, import_id) or after, job)


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Takes a row back each step; the cursor is `rows <place>`."""
    imported, seller = cut_over.of_job(ports, job)
    _, place = place_in(job.cursor)
    for row in cut_over.walk(ports, imported, place):

        def act(found: ImportedRow) -> Seen:
            return take_back(ports, seller, imported.id, found.number, now)

        yield from each(cut_over.ROWS, [(row, row.place)], act)


def take_back(ports: Ports, seller: Merchant, import_id: str, number: int, now: datetime) -> Seen:
    """Takes one row back as far as it comes, by what is stored of it now."""
    imported = ports.store.import_(seller.id, import_id)
    row = ports.store.imported_row(seller.id, import_id, number)
    assert imported is not None and row is not None, "neither is ever removed"
    source = live_rows.source_of(ports, seller, imported, row)
    match row.state:
        case RowState.READY:
            return _unready(ports, source, imported, row, now)
        case RowState.ACTIVE if source is not None:
            return _end(ports, source, imported, row, now)
        case RowState.ACTIVE:
            return _kept(ports, row, "undo_without_source", now)
    return Seen.SKIPPED


def _kept(ports: Ports, row: ImportedRow, reason: str, now: datetime) -> Seen:
    """Leaves a row active here, and notes why."""
    if row.reason != reason:
        noted = replace(row, reason=reason, changed_at=now)
        ports.store.commit(Change(row, noted, expecting=("state", "reason")))
    return Seen.SKIPPED


def _unready(
    ports: Ports, source: LiveSource | None, imported: Import, row: ImportedRow, now: datetime
) -> Seen:
    """Leaves a row with its source that was ready, and perhaps stopped there."""
    ready = live_rows.ready_of(ports, row)
    if source is None:
        ready_rows.drop(ports, imported, row, ready, RowState.UNDONE, None, now)
        return Seen.FINISHED
    if moving.leaving(row) is None:
        row, writes = moving.leave(row, "undone", now)
        ports.store.commit(*writes)
    resumed = _resumed(source, imported, row)
    if resumed and moving.leaving(row) != moving.VOID:
        _, writes = moving.leave(row, moving.VOID, now)
        ports.store.commit(*writes)
    if resumed is not None or not moving.has_settled(row, now):
        return Seen.LEFT
    reason = moving.VOID if moving.leaving(row) == moving.VOID else None
    ready_rows.drop(ports, imported, row, ready, RowState.UNDONE, reason, now)
    return Seen.FINISHED


def _resumed(source: LiveSource, imported: Import, row: ImportedRow) -> bool | None:
    """Resumes what is stopped for this import; None where nothing was, True where its running
    period was not charged."""
    live = source.find(row.external_id)
    if live is None or live.state is SourceState.ENDED or not live.stopped:
        return None
    if live.mark != imported.id:
        return None
    void = live.collected is Collected.VOID
    source.resume(row.external_id)
    return void


def _end(
    ports: Ports, source: LiveSource, imported: Import, row: ImportedRow, now: datetime
) -> Seen:
    active = live_rows.ready_of(ports, row)
    if row.reason not in {moving.UNDOING, moving.UNDOING_VOID}:
        reason = stays(active, now)
        if reason is not None:
            return _kept(ports, row, reason, now)
        row, active, writes = moving.end(row, active, now)
        ports.store.commit(*writes)
    resumed = _resumed(source, imported, row)
    if resumed is not None:
        # Once more, after a while: a stop whose answer was lost may be carried out late.
        if resumed and row.reason == moving.UNDOING:
            missed = replace(row, reason=moving.UNDOING_VOID)
            ports.store.commit(Change(row, missed, expecting=("state", "reason")))
        return Seen.LEFT
    if not moving.has_settled(row, now):
        return Seen.LEFT
    reason = moving.VOID if row.reason == moving.UNDOING_VOID else None
    _, writes = moving.settle(row, imported, RowState.UNDONE, reason, now)
    (claim,) = ports.store.import_claims(row.merchant, imported.source, [row.external_id])
    ports.store.commit(*writes, *(() if claim is None else (Remove(claim),)))
    return Seen.FINISHED


def stays(active: Subscription, now: datetime) -> str | None:
    """Returns why a subscription cannot go back to its source, or None."""
    if not active.is_live:
        return "undo_ended_here"
    if active.state is State.CANCEL_PENDING or active.cancelling is not None:
        return "undo_cancelled_here"
    if active.held:
        return "undo_held_here"  # its source would charge who has asked to end it
    if active.state is State.PAUSED:
        return "undo_paused_here"  # its source would charge it
    if active.last_charged_on is not None or active.open_invoice is not None or active.seq:
        return "undo_charged_here"
    if active.period_at is None or active.period_at - now <= AHEAD:
        return "undo_too_late"
    return None


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    imported, _ = cut_over.of_job(ports, job)
    if imported.state is ImportState.UNDOING:
        after = replace(imported, state=ImportState.UNDONE)
        ports.store.commit(Change(imported, after, expecting=("state",)))
    return Seen.FINISHED


UNDO = Kind(_steps, _finish)
