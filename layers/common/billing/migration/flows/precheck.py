"""The look at each row of an import, as a job: what is fine, what is a warning, what blocks (M-6).

First the file becomes parts of canonical rows; then rows are stored with what was found in them,
some with each write, which counts them too. So a process that dies anywhere repeats nothing that
is written, and nothing is counted twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.objects import OBJECT_MOST_BYTES
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert
from billing.migration.agreements import Resolved
from billing.migration.flows.resolve import Lookup
from billing.migration.flows.split import AT_ONCE, PART, Mapped, SourceFile, id_in
from billing.migration.import_rows import (
    ImportedRow,
    Problem,
    Result,
    problem,
    result_of,
)
from billing.migration.imports import Import, ImportState
from billing.migration.parsing import ID_MOST, parse

JOB = "import_check"
"""The job's kind."""

ROW_MOST = 8_192
"""The most bytes of a row's cells as they are stored."""

SPLIT, CHECK = "split", "check"


def look(ports: Ports, merchant: Merchant, asked: Import, *, now: datetime) -> Import:
    """Looks at a whole small import at once; its job then finds nothing left to do."""
    file = SourceFile(ports, merchant, asked)
    for _ in file.split(0):
        pass
    for _ in _check(ports, merchant, asked.id, 0, now):
        pass
    return _ended(ports, asked)


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Splits the file, then checks its rows; the cursor is the phase and the next number."""
    merchant = ports.store.merchant(job.owner)
    assert merchant is not None, "it is never removed before its jobs"
    asked = _import(ports, job.owner, job.id)
    phase, _, number = (job.cursor or f"{SPLIT} 0").partition(" ")
    if phase == SPLIT:
        for part in SourceFile(ports, merchant, asked).split(int(number)):
            yield Step(f"{SPLIT} {part}", seen=None)
        phase, number = CHECK, "0"
        yield Step(f"{CHECK} 0", seen=None)
    for done, rows in _check(ports, merchant, asked.id, int(number), now):
        yield Step(f"{CHECK} {done}", count=rows)


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    _ended(ports, _import(ports, job.owner, job.id))
    return Seen.FINISHED


def _ended(ports: Ports, asked: Import) -> Import:
    found = _import(ports, asked.merchant, asked.id)
    if found.state is not ImportState.CHECKING:
        return found
    checked = replace(found, state=ImportState.CHECKED)
    ports.store.commit(Change(found, checked, expecting=("checked",)))
    return checked


CHECK_FILE = Kind(_steps, _finish)


def _import(ports: Ports, merchant: str, import_id: str) -> Import:
    found = ports.store.import_(merchant, import_id)
    assert found is not None, "it is written with its job"
    return found


def _check(
    ports: Ports, merchant: Merchant, import_id: str, first: int, now: datetime
) -> Iterator[tuple[int, int]]:
    """Stores the rows from a number on; yields how many are stored, and how many of them now."""
    asked = _import(ports, merchant.id, import_id)
    if asked.state is not ImportState.CHECKING:
        return
    lookup = Lookup(ports, merchant, now)
    part, held = -1, []
    for number in range(first, asked.rows, AT_ONCE):
        if number // PART != part:
            part = number // PART
            held = _part(ports, asked, part)
        begins = number - part * PART
        rows = held[begins : begins + AT_ONCE]
        if asked.checked <= number:
            asked = _store(ports, asked, lookup, number, rows)
        yield number + len(rows), len(rows)


def _store(ports: Ports, asked: Import, lookup: Lookup, number: int, rows: list[Mapped]) -> Import:
    """Stores rows with what was found in them, and counts them with the same write."""
    names = [id_in(each["cells"])[:ID_MOST] or "-" for each in rows]
    claims = ports.store.import_claims(asked.merchant, asked.source, names)
    lookup.expect(each["cells"] for each in rows)
    made = [
        row_of(asked, lookup, number + n, row, is_known=claim is not None)
        for n, (row, claim) in enumerate(zip(rows, claims, strict=True), 1)
    ]
    counted = counted_with(asked, made)
    try:
        ports.store.commit(*map(Insert, made), Change(asked, counted, expecting=("state",)))
    except Conflict:
        # Its own try, whose answer was lost, or another process with the same rows.
        found = _import(ports, asked.merchant, asked.id)
        if found.checked < counted.checked:
            raise
        return found
    return counted


def counted_with(asked: Import, made: list[ImportedRow]) -> Import:
    """Returns an import with rows that are checked now."""
    results = Counter(each.result for each in made)
    return replace(
        asked,
        checked=asked.checked + len(made),
        ok=asked.ok + results[Result.OK],
        warnings=asked.warnings + results[Result.WARNING],
        blocking=asked.blocking + results[Result.BLOCKING],
    )


def row_of(
    asked: Import,
    lookup: Lookup,
    number: int,
    mapped: Mapped,
    *,
    is_known: bool,
    seen: tuple[Problem, ...] = (),
) -> ImportedRow:
    """Returns a row as it is stored, with what is found in it; `seen` was found before."""
    cells: dict[str, str] = mapped["cells"]
    problems = [*seen, *_problems(asked, lookup, mapped, cells, is_known=is_known)]
    body = json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > ROW_MOST:
        problems, body = [problem("row_too_long", most=ROW_MOST)], "{}"
    found = tuple(problems)
    return ImportedRow(
        merchant=asked.merchant,
        import_id=asked.id,
        number=number,
        external_id=id_in(cells)[:ID_MOST] or "-",
        cells=body,
        result=result_of(found),
        problems=found,
    )


def _problems(
    asked: Import, lookup: Lookup, mapped: Mapped, cells: dict[str, str], *, is_known: bool
) -> Iterator[Problem]:
    """Yields what is found in a row; fills in what it names once that is certain."""
    if "problem" in mapped:
        reason, parameters = mapped["problem"]
        yield problem(reason, None, **parameters)
        return
    if is_known:
        yield problem("imported_before", "external_id")
        return
    parsed = parse(cells, zone=cells.get("zone", "UTC"))
    yield from parsed.problems
    if parsed.row is None:
        return
    found = lookup.checked(asked, parsed.row)
    if not isinstance(found, Resolved):
        yield from found
        return
    cells |= {
        "price_point": found.plan.price_point,
        "gateway": found.gateway,
        "gateway_account": found.gateway_account,
    }
    yield from lookup.warnings(parsed.row, found)


def _part(ports: Ports, asked: Import, number: int) -> list[Mapped]:
    found = ports.objects.get(asked.part(number), at_most=OBJECT_MOST_BYTES)
    if found is None:
        raise Unavailable("A part of the file is not there.")
    rows: list[Mapped] = json.loads(found.content)
    return rows
