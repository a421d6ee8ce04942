"""Moves the subscriptions of an import, one after the other, each exactly once (M-6).

A row is read again at its source, made ready here, stopped at its source under the import's mark,
and activated here. Everything that can fail is behind it before its source is touched. A process
that dies anywhere finds on the row, or on the mark, where it was. What a source charged meanwhile
is counted by its own list of charges: no date is charged by both, and none by neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from billing.jobs import jobs
from billing.jobs.flows import start as jobs_start
from billing.jobs.flows.steps import Kind, each, place_in
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import NotFound, Refused
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change
from billing.migration import erasing, moving
from billing.migration.flows import live_rows, rows_without_api
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import IMPORTABLE, ImportedRow, RowState
from billing.migration.imports import Import, ImportState

AT_ONCE = 50
"""The rows that are read together."""

ROWS = "rows"

BEGINS = frozenset({ImportState.CHECKED, ImportState.MOVED, ImportState.MOVING})
"""The states of an import in which its rows may be moved; those of one that was, once more."""


class Moving(Value):
    """An import that is being moved, with its job."""

    imported: Import
    job: Job


def start(
    ports: Ports,
    seller: Merchant,
    import_id: str,
    *,
    by: str | None,
    now: datetime,
    ended: str | None = None,
    mails: bool | None = None,
) -> Moving:
    """Begins to move an import's rows; again, those that were skipped or failed are tried again.

    `ended` is the upload of a second export that shows which subscriptions have ended at a source
    without an API; `mails` tells imported customers. Raises `NotFound`, `Refused`
    (import_not_checked, import_undone, billing_stopped).
    """
    before = ports.store.import_(seller.id, import_id)
    if before is None:
        raise NotFound("import_unknown")
    if before.state not in BEGINS:
        was_undone = before.state in {ImportState.UNDOING, ImportState.UNDONE}
        raise Refused("import_undone" if was_undone else "import_not_checked")
    if ports.as_switched().stopped(seller.as_of(now)) is not None:
        raise Refused("import_while_stopped")
    after = replace(
        before,
        state=ImportState.MOVING,
        by=by or before.by,
        ended=ended or before.ended,
        mails=before.mails if mails is None else mails,
    )
    new = jobs.new(seller.id, f"move_{import_id}", moving.JOB, now)
    job = jobs_start.start(ports, new, now=now, also=(Change(before, after, ("state",)),))
    if job is not new:
        _choose(ports, before, after)
    return Moving(ports.store.import_(seller.id, import_id) or after, job)


def _choose(ports: Ports, before: Import, after: Import) -> None:
    """Keeps what was chosen for a move that is under way: for the rows that it has not come to, and
    for the next one."""
    chosen = replace(after, state=before.state)
    if chosen != before:
        ports.store.commit(Change(before, chosen, expecting=("state",)))


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Moves a row each step; the cursor is `rows <place>`."""
    imported, seller = of_job(ports, job)
    _, place = place_in(job.cursor)
    if ports.as_switched().stopped(seller.as_of(now)) is not None:
        yield Step(job.cursor, Seen.MORE)
        return
    if imported.state is not ImportState.MOVING:
        return
    lookup = Lookup(ports, seller, now)
    ended = rows_without_api.ended_in(ports, imported)

    def act(row: ImportedRow) -> Seen:
        return move(ports, seller, lookup, ended, row, now)

    rows = walk(ports, imported, place)
    yield from each(ROWS, ((row, row.place) for row in rows), act)


def walk(ports: Ports, imported: Import, place: str) -> Iterator[ImportedRow]:
    """Yields the rows of an import that do not block, from behind a place on."""
    after = place or IMPORTABLE
    while found := ports.store.imported_rows(
        imported.merchant, imported.id, limit=AT_ONCE, after=after
    ):
        yield from found
        after = found[-1].place


def move(
    ports: Ports,
    seller: Merchant,
    lookup: Lookup,
    ended: Collection[str],
    listed: ImportedRow,
    now: datetime,
) -> Seen:
    """Moves one row as far as it comes, by what is stored of it now."""
    imported = ports.store.import_(seller.id, listed.import_id)
    row = ports.store.imported_row(seller.id, listed.import_id, listed.number)
    assert imported is not None and row is not None, "neither is ever removed"
    if imported.state is not ImportState.MOVING:
        return Seen.SKIPPED
    if row.state in DONE:
        return Seen.FINISHED
    if row.reason == erasing.REASON:
        return Seen.SKIPPED
    if row.state is not RowState.READY and row.subscription is not None:
        return Seen.SKIPPED  # it was ended here before it was activated
    source = live_rows.source_of(ports, seller, imported, row)
    if source is None:
        return rows_without_api.move(ports, seller, lookup, ended, imported, row, now)
    return live_rows.move(ports, seller, lookup, source, imported, row, now)


DONE = frozenset({RowState.ACTIVE, RowState.CONFIRMED, RowState.UNDONE})
"""The states of a row that is not moved any more."""


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Ends the move; rows that were skipped or failed can be tried again."""
    imported, _ = of_job(ports, job)
    if imported.state is ImportState.MOVING:
        after = replace(imported, state=ImportState.MOVED)
        ports.store.commit(Change(imported, after, expecting=("state",)))
    return Seen.FINISHED


MOVE = Kind(_steps, _finish)


def of_job(ports: Ports, job: Job) -> tuple[Import, Merchant]:
    """Returns the import of a job, and its merchant."""
    imported = ports.store.import_(job.owner, job.id.partition("_")[2])
    seller = ports.store.merchant(job.owner)
    assert imported is not None and seller is not None, "neither is ever removed before its job"
    return imported, seller
