"""Exports: asked for, made by a job page by page, downloaded (M-6).

The job writes each page of a list as a part under its number. A part is written once: where a
process died behind it, its next step finds the part there, with the place that follows. So no row
is there twice, and none is missing. At the end the parts become the files that are downloaded, one
with each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, JobState, Step
from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.objects import LINK_MOST, OBJECT_MOST_BYTES, ObjectKey, StoredObject
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert
from billing.migration import canonical, rows, written
from billing.migration.exports import (
    FILE_MOST_BYTES,
    Export,
    Exported,
    ExportFormat,
    Span,
    export_id,
)
from billing.migration.flows import contents

JOB = "export"
"""The job's kind."""

AT_ONCE = 5
"""The exports of one merchant that may be under way."""

LIST = "exports"
FILES = "files"
"""Begins the cursor of an export whose parts are written."""

_NEXT, _ROWS = "next", "rows"
"""The metadata of a part: the place after it, and how many rows it has. Of a file: the part behind
it."""


class Progress(Value):
    """An export with its job, and the addresses of its files once it is done."""

    export: Export
    job: Job
    urls: tuple[str, ...] = ()


def ask(
    ports: Ports,
    merchant: Merchant,
    what: Exported,
    form: ExportFormat,
    span: Span,
    *,
    now: datetime,
) -> Progress:
    """Asks for an export; raises `Refused` (too_many_exports) while others are under way."""
    if _under_way(ports, merchant.id) >= AT_ONCE:
        raise Refused("too_many_exports", most=AT_ONCE)
    export = Export(
        id=export_id(now, ports.new_id("exp")),
        merchant=merchant.id,
        what=what,
        format=form,
        created_at=now,
        since=span.since,
        until=span.until,
    )
    job = jobs.new(merchant.id, export.id, JOB, now, begins="0 ")
    job = start.start(ports, job, now=now, also=(Insert(export),))
    return Progress(export, job)


def one(ports: Ports, merchant: str, export: str, *, now: datetime) -> Progress:
    """Returns an export and how far it is; raises `NotFound`, also once its files are gone."""
    found = ports.store.export(merchant, export)
    if found is None or now >= found.expires_at:
        raise NotFound("export_unknown")
    return _progress(ports, found, ports.store.job(merchant, export), now)


def page(
    ports: Ports, merchant: str, *, limit: int, cursor: str | None, now: datetime
) -> Page[Progress]:
    """Lists the exports whose files are not gone, newest first."""
    before = None if cursor is None else position_in(cursor, merchant, LIST)
    found = ports.store.exports(merchant, limit=limit + 1, before=before)
    shown = [each for each in found[:limit] if now < each.expires_at]
    more = len(found) > limit and len(shown) == limit
    found_jobs = ports.store.jobs_of([(merchant, each.id) for each in shown])
    return Page(
        tuple(_progress(ports, *pair, now) for pair in zip(shown, found_jobs, strict=True)),
        seal(shown[-1].id, merchant, LIST) if more else None,
    )


def _progress(ports: Ports, export: Export, job: Job | None, now: datetime) -> Progress:
    assert job is not None, "an export is committed with its job"
    if job.state is not JobState.DONE:
        return Progress(export, job)
    lasts = min(LINK_MOST, export.expires_at - now)
    return Progress(
        export,
        job,
        tuple(
            ports.objects.link(
                export.file(number), filename=export.filename(number), expires_in=lasts
            )
            for number in range(export.files)
        ),
    )


def _under_way(ports: Ports, merchant: str) -> int:
    line = ports.store.job_line(merchant)
    return 0 if line is None else sum(each.job.startswith("exp_") for each in line.waiting)


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Writes a part each step, then makes files of them.

    The cursor is `<number of the next part> <place in the list>`, and behind the last part
    `files <number of parts> <number of files> <next part for a file>`.
    """
    export, seller = _of(ports, job)
    first, _, place = job.cursor.partition(" ")
    if first == FILES:
        yield from _files(ports, export, *map(int, place.split()), keep_going=keep_going)
        return
    for number in range(int(first), contents.PARTS_MOST):
        if place == contents.END:
            yield from _files(ports, export, number, 0, 0, keep_going=keep_going)
            return
        place, count = _part(ports, seller, export, number, place)
        yield Step(f"{number + 1} {place}", count=count)
    raise AssertionError("no list is longer")


def _part(
    ports: Ports, seller: Merchant, export: Export, number: int, place: str
) -> tuple[str, int]:
    """Writes a part, unless it is there; returns the place after it, and the count of its rows."""
    key = export.part(number)
    part = contents.READS[export.what](ports, seller, export.span, place, export.created_at)
    body = written.rows(part.rows, columns(export.what), export.format)
    facts = {_NEXT: part.next, _ROWS: str(len(part.rows))}
    if ports.objects.put(key, body, content_type=export.format.content_type, metadata=facts):
        return part.next, len(part.rows)
    there = _object(ports, key).metadata
    return there[_NEXT], int(there[_ROWS])


def _files(
    ports: Ports, export: Export, parts: int, files: int, at: int, *, keep_going: KeepGoing
) -> Iterator[Step]:
    """Makes files of the parts, one each step, as few as their sizes and the time allow."""
    while at < parts:
        body, behind = _gathered(ports, export, at, parts, keep_going)
        key, facts = export.file(files), {_NEXT: str(behind)}
        kind = export.format.content_type
        if not ports.objects.put(key, body, content_type=kind, metadata=facts):
            behind = _behind(ports, export, files, at, parts)
        files, at = files + 1, behind
        yield Step(f"{FILES} {parts} {files} {at}", None)


def _gathered(
    ports: Ports, export: Export, at: int, parts: int, keep_going: KeepGoing
) -> tuple[bytes, int]:
    """Returns the body of a file of some parts, at least of one, and the number of the next."""
    names = written.head(columns(export.what), export.format)
    body, number = bytearray(names), at
    while number < parts and (number == at or keep_going()):
        part = _object(ports, export.part(number)).content
        if len(body) + len(part) > FILE_MOST_BYTES and number > at:
            break
        body += part
        number += 1
    return bytes(body), number


def _behind(ports: Ports, export: Export, file: int, at: int, parts: int) -> int:
    """Returns the number of the part behind a file that a process wrote which then died.

    An older version noted none, and went by sizes alone.
    """
    noted = _object(ports, export.file(file)).metadata.get(_NEXT)
    return int(noted) if noted else _gathered(ports, export, at, parts, lambda: True)[1]


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Notes how many files there are."""
    export, _ = _of(ports, job)
    if not export.files:
        files = int(job.cursor.split()[2])
        ports.store.commit(Change(export, replace(export, files=files)))
    return Seen.FINISHED


EXPORT = Kind(_steps, _finish)


def columns(what: Exported) -> Sequence[str]:
    """Returns the columns of an export in their order."""
    return canonical.COLUMNS if what is Exported.SUBSCRIPTIONS else rows.COLUMNS[what]


def _of(ports: Ports, job: Job) -> tuple[Export, Merchant]:
    export, seller = ports.store.export(job.owner, job.id), ports.store.merchant(job.owner)
    assert export is not None and seller is not None, "neither is ever removed before its job"
    return export, seller


def _object(ports: Ports, key: ObjectKey) -> StoredObject:
    found = ports.objects.get(key, at_most=OBJECT_MOST_BYTES)
    if found is None:
        raise Unavailable()
    return found
