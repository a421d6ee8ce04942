"""Imports: begun with a file, looked at by a job, listed with what was found (M-6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.jobs import Job, JobState
from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from billing.kernel.import_presets import FilePreset
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.writes import Insert
from billing.migration import presets
from billing.migration.flows import precheck, uploads
from billing.migration.import_rows import ImportedRow, Result, places
from billing.migration.imports import Import, ImportMapping, ImportState, Named, import_id

AT_ONCE = 5
"""The imports of one merchant that may be under way."""

IN_LINE = 50
"""The jobs in a merchant's line whose imports are looked up; each one beyond them counts."""

LIST, ROWS = "imports", "imported_rows"

AT_ONCE_ROWS = 198
"""The rows up to which a file is looked at while it is sent."""

_SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Wanted(Value):
    """An import that is asked for: its file by the id of its upload, and how it is read.

    `mapping` is the name of a merchant's own, with the version that they saw, None for any.
    """

    upload: str
    preset: str = presets.CANONICAL
    source: str | None = None
    cards: str | None = None
    mapping: str | None = None
    mapping_version: int | None = None
    quantity_confirmed: bool = False
    mails: bool = False


class Progress(Value):
    """An import with the job that looks at it."""

    found: Import
    job: Job | None


def is_small(found: Import) -> bool:
    """Tests whether an import is so small that it is gone through while somebody waits."""
    return 0 < found.rows <= AT_ONCE_ROWS


def known_presets(ports: Ports) -> Mapping[str, FilePreset]:
    """Returns the kinds of file that can be imported, by name."""
    return {**presets.OWN, **ports.import_presets()}


def begin(ports: Ports, merchant: Merchant, wanted: Wanted, *, by: str, now: datetime) -> Progress:
    """Begins an import; raises `Invalid`, `NotFound` for an unknown file, `Refused`
    (too_many_imports, mapping_changed).

    A small file is looked at here; the job of a larger one does that in the background.
    """
    asked = _asked(ports, merchant, wanted, by, now)
    content = uploads.content_of(ports, merchant.id, wanted.upload, "upload")
    if wanted.cards is not None:
        uploads.content_of(ports, merchant.id, wanted.cards, "cards")
    check_room(ports, merchant.id)
    job = jobs.new(merchant.id, asked.id, precheck.JOB, now)
    job = start.start(ports, job, now=now, also=(Insert(asked),))
    if content.count(b"\n") <= AT_ONCE_ROWS:
        with suppress(Conflict, Unavailable):  # its job does it then
            asked = precheck.look(ports, merchant, asked, now=now)
    return Progress(asked, job)


def _asked(ports: Ports, merchant: Merchant, wanted: Wanted, by: str, now: datetime) -> Import:
    mapping = _mapping(ports, merchant, wanted)
    own = None if mapping is None else presets.mapped(mapping.name, mapping.columns)
    known = known_presets(ports)
    preset = own or known.get(wanted.preset)
    if preset is None:
        names = ", ".join(sorted(known))
        raise Invalid("preset_unknown", field="preset", values=names)
    source = wanted.source or preset.name
    if not _SOURCE.fullmatch(source):
        raise Invalid("source_malformed", field="source")
    if wanted.cards is not None and not presets.card_maps(preset, known):
        raise Invalid("cards_without_preset", field="cards")
    return Import(
        id=import_id(now, ports.new_id("imp")),
        merchant=merchant.id,
        source=source,
        preset=presets.MAPPED if own is not None else preset.name,
        created_at=now,
        upload=wanted.upload,
        by=by,
        mapping=None if mapping is None else mapping.name,
        columns=() if mapping is None else mapping.columns,
        dates=None if mapping is None else mapping.dates,
        prices=prices_of(ports, merchant, mapping, preset.name),
        cards=wanted.cards,
        quantity_confirmed=wanted.quantity_confirmed,
        mails=wanted.mails,
    )


def _mapping(ports: Ports, merchant: Merchant, wanted: Wanted) -> ImportMapping | None:
    if wanted.mapping is None:
        return None
    known = _SOURCE.fullmatch(wanted.mapping)
    found = ports.store.import_mapping(merchant.id, wanted.mapping) if known else None
    if found is None or not found.columns:
        raise Invalid("mapping_unknown", field="mapping")
    if wanted.mapping_version not in {None, found.version}:
        raise Refused("mapping_changed")
    return found


def prices_of(
    ports: Ports, merchant: Merchant, mapping: ImportMapping | None, preset: str
) -> tuple[Named, ...]:
    """Returns the price points of a file's prices; those of a preset are kept under its name."""
    if mapping is None:
        mapping = ports.store.import_mapping(merchant.id, preset)
    return () if mapping is None else mapping.prices


def one(ports: Ports, merchant: str, import_id: str) -> Progress:
    """Returns an import and how far it is; raises `NotFound`."""
    found = ports.store.import_(merchant, import_id)
    if found is None:
        raise NotFound("import_unknown")
    job = ports.store.job(merchant, found.id) if found.state is ImportState.CHECKING else None
    return Progress(found, job)


def page(ports: Ports, merchant: str, *, limit: int, cursor: str | None) -> Page[Import]:
    """Lists imports, newest first."""
    before = None if cursor is None else position_in(cursor, merchant, LIST)
    found = ports.store.imports(merchant, limit=limit + 1, before=before)
    shown = tuple(found[:limit])
    return Page(shown, seal(shown[-1].id, merchant, LIST) if len(found) > limit else None)


def rows(
    ports: Ports,
    merchant: str,
    import_id: str,
    *,
    result: Result | None,
    limit: int,
    cursor: str | None,
) -> Page[ImportedRow]:
    """Lists the rows of an import: those that block first; raises `NotFound`."""
    found = one(ports, merchant, import_id).found
    within = "" if result is None else places(result)
    after = None if cursor is None else position_in(cursor, found.id, within, ROWS)
    read = ports.store.imported_rows(
        merchant, found.id, limit=limit + 1, after=after, within=within
    )
    shown = tuple(read[:limit])
    more = len(read) > limit
    return Page(shown, seal(shown[-1].place, found.id, within, ROWS) if more else None)


def check_room(ports: Ports, merchant: str) -> None:
    """Raises `Refused` (too_many_imports) where as many are being checked as may be.

    A small one that is checked already may still have its job in the line.
    """
    line = ports.store.job_line(merchant)
    waiting = () if line is None else line.waiting
    # A dry run or a comparison is named after its import, with a dot.
    names = [each.job for each in waiting if each.job.startswith("imp_") and "." not in each.job]
    if len(names) < AT_ONCE:
        return
    found = [ports.store.import_(merchant, name) for name in names[:IN_LINE]]
    checking = sum(each is not None and each.state is ImportState.CHECKING for each in found)
    if checking + len(names[IN_LINE:]) >= AT_ONCE:
        raise Refused("too_many_imports", most=AT_ONCE)


def stuck(progress: Progress) -> bool:
    """Tests whether the job has stopped, and an operator must look."""
    job = progress.job
    return job is not None and job.state in {JobState.FAILED, JobState.PAUSED, JobState.STOPPED}
