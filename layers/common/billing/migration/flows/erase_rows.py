"""Erases a customer from the rows and files of their merchant's imports, as a job (M-8).

A merchant may have imported 100,000 rows several times over, and a row that was never moved is
found by its own texts alone. So each row is looked at, some with each step. An import that is being
checked still writes rows: it is left for another round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.customers import email_hash
from billing.kernel.errors import Conflict, Refused
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.live_sources import row_of
from billing.kernel.ports import Ports
from billing.kernel.walks import Seen
from billing.migration import erasing
from billing.migration.flows.split import PART
from billing.migration.import_rows import ImportedRow
from billing.migration.imports import KEPT, UPLOAD_MOST_BYTES, Import, ImportState, file_key

JOB = "import_erase"
"""The job's kind."""

AT_ONCE = 200
"""The rows of one step."""

EMAILS_MOST = 50
"""The most emails that one person is looked for by."""

_FIRST = "-"
"""The place before the first import, or before the first row."""


def begin(
    ports: Ports,
    merchant: str,
    customer: str,
    emails: Iterable[str],
    subscriptions: Iterable[str],
    *,
    now: datetime,
) -> None:
    """Begins to erase a customer from imports, if there are any.

    They are looked for by these emails, and by those of the rows that became their subscriptions.
    """
    if not ports.store.imports(merchant, limit=1):
        return
    known = {email_hash(merchant, each) for each in emails}
    for place in filter(None, map(row_of, subscriptions)):
        row = ports.store.imported_row(merchant, *place)
        if row is not None and row.customer == customer:
            known |= set(erasing.hashes(merchant, erasing.text_of(row)))
    begins = _cursor(",".join(sorted(known)[:EMAILS_MOST]), _FIRST, _FIRST)
    job = jobs.new(merchant, f"rows_{customer}", JOB, now, begins=begins)
    start.start(ports, job, now=now)


def _cursor(known: str, behind: str, place: str) -> str:
    return f"{known} {behind} {place}"


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Looks at some rows each step; the cursor is the hashes, the last import that is done, and the
    place in the next."""
    hashes, behind, place = job.cursor.split(" ")
    known, customer = frozenset(hashes.split(",")), job.id.partition("_")[2]
    while True:
        before = None if behind == _FIRST else behind
        found = ports.store.imports(job.owner, limit=1, before=before)
        if not found:
            return
        (imported,) = found
        has_files = now - imported.created_at <= KEPT
        if imported.state is ImportState.CHECKING and has_files:
            behind, place = imported.id, _FIRST
            yield Step(_cursor(hashes, behind, place), Seen.LEFT)
            continue
        if place == _FIRST and has_files:
            _forget_files(ports, imported, known)
        after = None if place == _FIRST else place
        rows = ports.store.imported_rows(job.owner, imported.id, limit=AT_ONCE, after=after)
        theirs = [each for each in rows if erasing.is_theirs(each, customer, known)]
        seen = _erase(ports, theirs, now) if theirs else None
        if len(rows) < AT_ONCE:
            behind, place = imported.id, _FIRST
        else:
            place = rows[-1].place
        yield Step(_cursor(hashes, behind, place), seen, count=len(theirs))


def _erase(ports: Ports, rows: list[ImportedRow], now: datetime) -> Seen:
    """Erases rows one by one; one that another writer changes meanwhile is left."""
    seen = Seen.FINISHED
    for row in rows:
        imported = ports.store.import_(row.merchant, row.import_id)
        if imported is None:  # erased with its merchant
            return Seen.FINISHED
        (claim,) = ports.store.import_claims(row.merchant, imported.source, [row.external_id])
        writes = erasing.erase(row, imported, claim, now)
        try:
            if writes:
                ports.store.commit(*writes)
        except Conflict:
            seen = Seen.LEFT
    return seen


def _forget_files(ports: Ports, imported: Import, known: Collection[str]) -> None:
    """Deletes the files of an import that name somebody; what is checked needs them no more."""
    named = [each for each in _uploads(imported) if _names(ports, imported.merchant, each, known)]
    if imported.upload in named:
        for number in range(-(-imported.rows // PART)):
            ports.objects.delete(imported.part(number))
    for each in named:  # last: as long as they are there, a repeat finds them
        ports.objects.delete(file_key(imported.merchant, each))
    if writes := erasing.of_import(imported, known):
        ports.store.commit(*writes)


def forget_all_files(ports: Ports, imported: Import) -> None:
    """Deletes the files of an import, as its merchant is erased."""
    for number in range(-(-imported.rows // PART)):
        ports.objects.delete(imported.part(number))
    for each in _uploads(imported):
        ports.objects.delete(file_key(imported.merchant, each))


def _uploads(imported: Import) -> list[str]:
    uploads = (imported.upload, imported.cards, imported.ended)
    return [each for each in uploads if each is not None]


def _names(ports: Ports, merchant: str, upload: str, known: Collection[str]) -> bool:
    try:
        found = ports.objects.get(file_key(merchant, upload), at_most=UPLOAD_MOST_BYTES)
    except Refused:  # larger than any file that is read
        return True
    return found is not None and erasing.names(merchant, found.content, known)


ERASE_ROWS = Kind(_steps)
