"""Dry runs: a forecast of what an import would charge in the next 90 days, by a job (M-6).

A step forecasts some rows and writes their sums as a part, once; its end adds the parts up. Nothing
of it is charged, and no subscription is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.objects import OBJECT_MOST_BYTES, ObjectKey
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.kernel.walks import Seen
from billing.migration import dry_runs, source_dates
from billing.migration.agreements import Resolved, agreement, schedule_of
from billing.migration.dry_runs import DAYS, Sums, Tally
from billing.migration.exports import AREA
from billing.migration.flows import imports
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import IMPORTABLE, ImportedRow, ImportRow, Problem
from billing.migration.imports import Import, ImportState
from billing.migration.parsing import parse
from billing.rebill.flows import forecast
from billing.tax.flows import upcoming

JOB = "import_dry_run"
"""The job's kind."""

AT_ONCE = 200
"""The rows of one part."""

PARTS_MOST = 100_000
END = "end"
_JSON = "application/json"

_BEFORE = frozenset({ImportState.CHECKED, ImportState.MOVING, ImportState.MOVED})


class DryRun(Value):
    """A dry run: the job that makes it, and its sums once it is done.

    `until` is the end of what it forecasts.
    """

    job: Job
    until: datetime
    sums: Sums | None


class Row(Value):
    """A row that can be imported, as the subscription it would become."""

    row: ImportRow
    resolved: Resolved
    made: Subscription


def begin(ports: Ports, merchant: Merchant, import_id: str, *, now: datetime) -> DryRun:
    """Begins a dry run, unless one is under way; raises `NotFound`, `Refused`
    (import_not_checked)."""
    found = imports.one(ports, merchant.id, import_id).found
    if found.state not in _BEFORE:
        raise Refused("import_not_checked")
    job = jobs.new(merchant.id, _job_id(import_id), JOB, now, begins="0 ")
    job = start.start(ports, job, now=now)
    if imports.is_small(found) and _sums(ports, job) is None:
        parts = sum(1 for _ in _parts(ports, merchant, found, job, 0, ""))
        _merge(ports, job, parts)
    return _run(ports, job)


def one(ports: Ports, merchant: str, import_id: str) -> DryRun:
    """Returns the last dry run of an import; raises `NotFound`, also once its file is gone."""
    found = imports.one(ports, merchant, import_id).found
    job = ports.store.job(merchant, _job_id(found.id))
    if job is None:
        raise NotFound("dry_run_unknown")
    return _run(ports, job)


def _run(ports: Ports, job: Job) -> DryRun:
    return DryRun(job, job.created_at + timedelta(days=DAYS), _sums(ports, job))


def _job_id(import_id: str) -> str:
    return f"{import_id}.dry"


def _import_of(job: Job) -> str:
    return job.id.removesuffix(".dry")


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Writes a part each step; the cursor is `<number of the next part> <place of its rows>`."""
    merchant = ports.store.merchant(job.owner)
    found = ports.store.import_(job.owner, _import_of(job))
    assert merchant is not None and found is not None, "neither is removed before its jobs"
    number, _, place = job.cursor.partition(" ")
    yield from _parts(ports, merchant, found, job, int(number), place)


def _parts(
    ports: Ports, merchant: Merchant, found: Import, job: Job, first: int, place: str
) -> Iterator[Step]:
    lookup = Lookup(ports, merchant, job.created_at)
    for number in range(first, PARTS_MOST):
        if place == END:
            return
        place, rows = _part(ports, merchant, found, job, lookup, number, place)
        yield Step(f"{number + 1} {place}", count=rows)
    raise AssertionError("no import has more rows")


def _part(
    ports: Ports,
    merchant: Merchant,
    found: Import,
    job: Job,
    lookup: Lookup,
    number: int,
    place: str,
) -> tuple[str, int]:
    """Writes the sums of some rows, unless they are there; returns the place after them."""
    rows = ports.store.imported_rows(
        merchant.id, found.id, limit=AT_ONCE, after=place or IMPORTABLE
    )
    after = rows[-1].place if len(rows) == AT_ONCE else END
    sums = _forecast(ports, merchant, found, lookup, rows, job.created_at)
    key = _key(job, f"part-{number:06d}")
    ports.objects.put(key, dry_runs.written(sums), content_type=_JSON)
    return after, len(rows)


def _forecast(
    ports: Ports,
    merchant: Merchant,
    found: Import,
    lookup: Lookup,
    rows: list[ImportedRow],
    now: datetime,
) -> Sums:
    """Adds up what rows would be charged, here and by their own dates."""
    tally = Tally()
    lookup.expect(each.columns for each in rows)
    made = [made_of(merchant, found, lookup, each, now) for each in rows]
    fine = [each for each in made if each is not None]
    tally.rows, tally.blocked = len(fine), len(made) - len(fine)
    buyers = [each.row.bill_to for each in fine]
    until = now + timedelta(days=DAYS)
    for each, taxes_on in zip(fine, upcoming.of_buyers(ports, merchant, buyers), strict=True):
        for day, minor in forecast.charges_taxed(
            ports, merchant, each.made, taxes_on, until=until, now=now
        ):
            tally.here(day, minor)
        terms = each.resolved.plan.terms
        scheduled = schedule_of(each.row, terms, now)
        assert not isinstance(scheduled, Problem), "it was made with it"
        for at, amount in source_dates.charges(each.row, terms, scheduled, until):
            local = _day(merchant, at)
            tally.there((local, amount.currency, each.resolved.test), amount.amount_minor)
    return tally.sums()


def made_of(
    merchant: Merchant,
    found: Import,
    lookup: Lookup,
    imported: ImportedRow,
    now: datetime,
) -> Row | None:
    """Returns the subscription that a row would become; None where it cannot any more."""
    row = parse(imported.columns, zone=merchant.settings.time_zone).row
    if row is None:
        return None
    resolved = lookup.of(found, row)
    if not isinstance(resolved, Resolved):
        return None
    made = agreement(
        row,
        resolved,
        merchant=merchant.id,
        customer=f"row-{imported.number}",
        subscription=f"row-{imported.number}",
        payment_method="none",
        shard=0,
        language=merchant.settings.language_for("en"),
        now=now,
    )
    return None if isinstance(made, Problem) else Row(row, resolved, made)


def _day(merchant: Merchant, at: datetime) -> date:
    return Anchor.at(at, merchant.settings.time_zone).wall.date()


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    _merge(ports, job, int(job.cursor.partition(" ")[0]))
    return Seen.FINISHED


def _merge(ports: Ports, job: Job, parts: int) -> None:
    """Writes the sums of all parts, unless they are there."""
    found = [_read(ports, _key(job, f"part-{number:06d}")) for number in range(parts)]
    if None in found:
        raise Unavailable("A part of the dry run is not there.")
    sums = dry_runs.merged(each for each in found if each is not None)
    ports.objects.put(_key(job, "sums"), dry_runs.written(sums), content_type=_JSON)


def _sums(ports: Ports, job: Job) -> Sums | None:
    return _read(ports, _key(job, "sums"))


def _read(ports: Ports, key: ObjectKey) -> Sums | None:
    found = ports.objects.get(key, at_most=OBJECT_MOST_BYTES)
    return None if found is None else dry_runs.read(found.content)


def _key(job: Job, name: str) -> ObjectKey:
    run = dry_runs.name_of(_import_of(job), job.created_at)
    return ObjectKey(AREA, job.owner, f"{run}/{name}")


DRY_RUN = Kind(_steps, _finish)
