"""The shadow of an import: its rows compared with what their source charges, by a job (M-6).

The rows that are not moved are compared from the moment they were checked: with the source's own
list of charges where it has an API, else with a file of them. Nothing is charged or changed at
either side. A step compares some rows and writes what it found with what was found before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import Invalid, NotFound, Refused, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.objects import OBJECT_MOST_BYTES, ObjectKey
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.walks import Seen
from billing.migration import shadow_reports, source_charges
from billing.migration.exports import AREA
from billing.migration.flows import imports, live_rows, split, uploads
from billing.migration.flows.shadow_rows import END, Comparison
from billing.migration.import_rows import Problem
from billing.migration.imports import BODY_MOST_BYTES, Import, ImportState
from billing.migration.shadow_reports import Part
from billing.migration.shadows import Totals
from billing.migration.source_charges import Charges

JOB = "import_shadow"
"""The job's kind."""

PARTS_MOST = 1_000_000
LIVE = "-"
"""Stands in a cursor for the upload of a comparison with a source's API."""

_COMPARED = frozenset({ImportState.CHECKED, ImportState.MOVING, ImportState.MOVED})


class Shadow(Value):
    """A comparison: its job, and its counts once that is done. `charges` is the file's upload."""

    job: Job
    charges: str | None
    totals: Totals | None


def begin(
    ports: Ports, merchant: Merchant, import_id: str, *, charges: str | None, now: datetime
) -> Shadow:
    """Begins a comparison, unless one is under way: with a file of charges, or the source's API.

    Raises `NotFound`, `Invalid` for a file that is none of charges, `Refused` (import_not_checked,
    shadow_without_source).
    """
    found = imports.one(ports, merchant.id, import_id).found
    if found.state not in _COMPARED:
        raise Refused("import_not_checked")
    is_small = False
    if charges is not None:
        is_small = _checked_file(ports, found, charges) and imports.is_small(found)
    elif not live_rows.has_source(ports, merchant, found):
        raise Refused("shadow_without_source")
    cursor = f"{charges or LIVE} 0 "
    job = jobs.new(merchant.id, _job_id(found.id), JOB, now, begins=cursor)
    job = start.start(ports, job, now=now)
    if is_small and job.begins == cursor and _sums(ports, job) is None:
        parts = sum(1 for _ in _parts(ports, merchant, found, job, now, lambda: True))
        _close(ports, job, _place(job.cursor)[1] + parts)
    return _shadow(ports, job)


def _checked_file(ports: Ports, found: Import, upload: str) -> bool:
    """Tests whether a file of charges is small; raises `NotFound`, `Invalid` for another file."""
    content = uploads.content_of(ports, found.merchant, upload, "charges")
    table = source_charges.table_of(content, split.preset_of(ports, found))
    if isinstance(table, Problem):
        needed = ", ".join(sorted(source_charges.NEEDED))
        raise Invalid("charges_unreadable", field="charges", values=needed)
    return len(content) <= BODY_MOST_BYTES


def one(ports: Ports, merchant: str, import_id: str) -> Shadow:
    """Returns the last comparison of an import; raises `NotFound`."""
    found = imports.one(ports, merchant, import_id).found
    job = ports.store.job(merchant, _job_id(found.id))
    if job is None:
        raise NotFound("shadow_unknown")
    return _shadow(ports, job)


def _shadow(ports: Ports, job: Job) -> Shadow:
    upload, _, _ = _place(job.begins)
    return Shadow(job, upload, _sums(ports, job))


def _job_id(import_id: str) -> str:
    return f"{import_id}.shadow"


def _place(cursor: str) -> tuple[str | None, int, str]:
    """Returns the upload of a cursor, the number of its next part and the place of its rows."""
    upload, number, place = cursor.split(" ", 2)
    return None if upload == LIVE else upload, int(number), place


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Writes a part each step; the cursor is `<upload> <number of the next part> <place>`."""
    merchant = ports.store.merchant(job.owner)
    found = ports.store.import_(job.owner, job.id.removesuffix(".shadow"))
    assert merchant is not None and found is not None, "neither is removed before its jobs"
    yield from _parts(ports, merchant, found, job, now, keep_going)


def _parts(
    ports: Ports,
    merchant: Merchant,
    found: Import,
    job: Job,
    now: datetime,
    keep_going: KeepGoing,
) -> Iterator[Step]:
    upload, first, place = _place(job.cursor)
    if place == END:
        return
    charges = None if upload is None else _charges(ports, merchant, found, upload)
    compare = Comparison(ports, merchant, found, charges, now)
    before = read(ports, job, _name(first - 1)) if first else Part()
    if before is None:
        # It is gone, or an earlier version of the code wrote it in another form.
        first, place, before = 0, "", Part()
    for number in range(first, PARTS_MOST):
        part = read(ports, job, _name(number))
        if part is None:
            part = before.then(compare.part(place, keep_going, is_first=number == 0))
            # Another process with the same rows may have written it meanwhile, up to another place.
            if not _put(ports, job, _name(number), part):
                part = _part(ports, job, number)
        for page, differences in enumerate(part.full_pages, part.pages):
            _put(ports, job, f"page-{page:06d}", Part(differences=differences))
        before, place = part, part.place
        yield Step(f"{upload or LIVE} {number + 1} {place}", count=part.rows)
        if place == END:
            return
    raise AssertionError("no import has more rows")


def _charges(ports: Ports, merchant: Merchant, found: Import, upload: str) -> Charges:
    """Reads the file of charges: once for each slice of the job."""
    content = uploads.content_of(ports, merchant.id, upload, "charges")
    preset = split.preset_of(ports, found)
    table = source_charges.table_of(content, preset)
    assert not isinstance(table, Problem), "it was looked at when the job began"
    zone = preset.zone or merchant.settings.time_zone
    return source_charges.read(table, preset, zone=zone)


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    _close(ports, job, _place(job.cursor)[1])
    return Seen.FINISHED


def _close(ports: Ports, job: Job, parts: int) -> None:
    """Writes the last page, then the counts: the last part has both."""
    last = _part(ports, job, parts - 1)
    page = last.pages + len(last.full_pages)
    _put(ports, job, f"page-{page:06d}", Part(differences=last.last_page))
    _put(ports, job, "sums", Part(last.totals))


def _name(number: int) -> str:
    return f"up-to-part-{number:06d}"


def _put(ports: Ports, job: Job, name: str, part: Part) -> bool:
    content = shadow_reports.written(part)
    return ports.objects.put(_key(job, name), content, content_type="application/json")


def _part(ports: Ports, job: Job, number: int) -> Part:
    found = read(ports, job, _name(number))
    if found is None:
        raise Unavailable("A part of the comparison is not there.")
    return found


def _sums(ports: Ports, job: Job) -> Totals | None:
    found = read(ports, job, "sums")
    return None if found is None else found.totals


def read(ports: Ports, job: Job, name: str) -> Part | None:
    """Returns an object of a comparison; None where it is not written, or gone."""
    found = ports.objects.get(_key(job, name), at_most=OBJECT_MOST_BYTES)
    return None if found is None else shadow_reports.read(found.content)


def _key(job: Job, name: str) -> ObjectKey:
    run = shadow_reports.name_of(job.id.removesuffix(".shadow"), job.created_at)
    return ObjectKey(AREA, job.owner, f"{run}/{name}")


SHADOW = Kind(_steps, _finish)
