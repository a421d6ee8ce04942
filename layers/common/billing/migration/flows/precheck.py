"""The look at each row of an import, as a job: what is fine, what is a warning, what blocks (M-6).

First the file becomes parts of canonical rows; then rows are stored with what was found in them,
some with each write, which counts them too. So a process that dies anywhere repeats nothing that
is written, and nothing is counted twice.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.import_presets import SOURCE_PRICE, FilePreset
from billing.kernel.merchants import Merchant
from billing.kernel.objects import OBJECT_MOST_BYTES
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert
from billing.migration import presets, tables
from billing.migration.agreements import Resolved
from billing.migration.flows import uploads
from billing.migration.flows.resolve import Lookup
from billing.migration.import_rows import (
    ImportedRow,
    Problem,
    Result,
    problem,
    result_of,
)
from billing.migration.imports import Import, ImportState
from billing.migration.parsing import ID_MOST, parse
from billing.migration.tables import Table

JOB = "import_check"
"""The job's kind."""

AT_ONCE = 99
"""The rows that are written at once, with the count of them: a transaction has 100 writes."""

PART = AT_ONCE * 10
"""The rows of one part of the file."""

ROW_MOST = 8_192
"""The most bytes of a row's cells as they are stored."""

SPLIT, CHECK = "split", "check"

Mapped = Mapping[str, Any]
"""A row of a part: its `cells`, and its `problem` if it cannot be read, as the fields of one."""


def look(ports: Ports, merchant: Merchant, asked: Import, *, now: datetime) -> Import:
    """Looks at a whole small import at once; its job then finds nothing left to do."""
    file = _File(ports, merchant, asked)
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
        for part in _File(ports, merchant, asked).split(int(number)):
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


class _File:
    """The uploaded file of an import, which becomes parts."""

    def __init__(self, ports: Ports, merchant: Merchant, asked: Import) -> None:
        self._ports, self._merchant, self._asked = ports, merchant, asked
        self._preset = preset_of(ports, asked)

    def split(self, first: int) -> Iterator[int]:
        """Writes the parts from one on, and yields the number of the next; a file that cannot be
        read refuses the import."""
        if self._asked.state is not ImportState.CHECKING or self._asked.rows:
            return
        table = tables.opened(self._content(self._asked.upload))
        wrong = table if isinstance(table, Problem) else _wrong_columns(table, self._preset)
        if wrong is not None or isinstance(table, Problem):
            assert wrong is not None
            return self._refuse(wrong)
        total = tables.counted(table)
        cards = self._cards()
        if isinstance(total, Problem) or isinstance(cards, Problem):
            return self._refuse(total if isinstance(total, Problem) else cards)
        ids = Counter(_id_in(self._read(cells)) for _, cells in table.rows())
        for number, rows in enumerate(_parts(table)):
            if number >= first:
                self._put(number, [self._mapped(cells, ids, cards) for _, cells in rows])
                yield number + 1
        unknown = tuple(each[:100] for each in table.names if each not in self._preset.columns)
        self._ports.store.commit(
            Change(self._asked, replace(self._asked, rows=total, unknown=unknown))
        )

    def _refuse(self, wrong: Problem | Mapping[str, str] | None) -> None:
        assert isinstance(wrong, Problem)
        refused = replace(
            self._asked,
            state=ImportState.REFUSED,
            refused_for=wrong.reason,
            refused_with=wrong.parameters,
        )
        self._ports.store.commit(Change(self._asked, refused))

    def _content(self, upload: str) -> bytes:
        return uploads.content_of(self._ports, self._merchant.id, upload, "upload")

    def _read(self, cells: Mapping[str, str] | Problem) -> dict[str, str]:
        return {} if isinstance(cells, Problem) else self._preset.read(cells)

    def _mapped(
        self,
        raw: Mapping[str, str] | Problem,
        ids: Mapping[str, int],
        cards: Mapping[str, str] | None,
    ) -> Mapped:
        """Returns a row by canonical columns."""
        if isinstance(raw, Problem):
            return {"cells": {}, "problem": [raw.reason, _told(raw)]}
        cells = self._preset.read(raw)
        cells.setdefault("zone", self._preset.zone or self._merchant.settings.time_zone)
        prices = {each.name: each.value for each in self._asked.prices}
        named = cells.get("price_point") or cells.get(SOURCE_PRICE, "")
        if named in prices:
            cells["price_point"] = prices[named]
        if cards is not None:
            copied = cards.get(cells.get("gateway_customer", ""), "")
            cells["gateway_customer"] = copied
        twice = ids[_id_in(cells)] > 1 and _id_in(cells) != ""
        return {"cells": cells, **({"problem": ["external_id_twice", {}]} if twice else {})}

    def _cards(self) -> dict[str, str] | Problem | None:
        """Reads the second file: which customer the cards of each were copied to."""
        if self._asked.cards is None or self._preset.card_columns is None:
            return None
        old, new = self._preset.card_columns
        table = tables.opened(self._content(self._asked.cards))
        if isinstance(table, Problem):
            return problem("cards_unreadable")
        if not {old, new} <= set(table.names):
            return problem("cards_columns", old=old, new=new)
        found: dict[str, str] = {}
        try:
            for _, cells in table.rows():
                if not isinstance(cells, Problem):
                    found[cells[old].strip()] = cells[new].strip()
        except csv.Error:
            return problem("cards_unreadable")
        return found

    def _put(self, number: int, rows: list[Mapped]) -> None:
        body = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        self._ports.objects.put(self._asked.part(number), body, content_type="application/json")


def preset_of(ports: Ports, asked: Import) -> FilePreset:
    """Returns how the columns of an import are read."""
    if asked.preset == presets.MAPPED:
        return presets.mapped(asked.source, asked.columns)
    return {**presets.OWN, **ports.import_presets()}[asked.preset]


def _parts(table: Table) -> Iterator[list[tuple[int, Mapping[str, str] | Problem]]]:
    part: list[tuple[int, Mapping[str, str] | Problem]] = []
    for row in table.rows():
        part.append(row)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


def _wrong_columns(table: Table, preset: FilePreset) -> Problem | None:
    missing = sorted(preset.needed - set(table.names))
    return problem("columns_missing", names=", ".join(missing)) if missing else None


def _id_in(cells: Mapping[str, str]) -> str:
    return cells.get("external_id", "").strip()


def _told(found: Problem) -> dict[str, str]:
    return {each.name: each.value for each in found.parameters}


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
    names = [_id_in(each["cells"])[:ID_MOST] or "-" for each in rows]
    claims = ports.store.import_claims(asked.merchant, asked.source, names)
    made = [
        _row(asked, lookup, number + n, row, is_known=claim is not None)
        for n, (row, claim) in enumerate(zip(rows, claims, strict=True), 1)
    ]
    results = Counter(each.result for each in made)
    counted = replace(
        asked,
        checked=number + len(rows),
        ok=asked.ok + results[Result.OK],
        warnings=asked.warnings + results[Result.WARNING],
        blocking=asked.blocking + results[Result.BLOCKING],
    )
    try:
        ports.store.commit(*map(Insert, made), Change(asked, counted, expecting=("state",)))
    except Conflict:
        # Its own try, whose answer was lost, or another process with the same rows.
        found = _import(ports, asked.merchant, asked.id)
        if found.checked < counted.checked:
            raise
        return found
    return counted


def _row(
    asked: Import, lookup: Lookup, number: int, mapped: Mapped, *, is_known: bool
) -> ImportedRow:
    cells: dict[str, str] = mapped["cells"]
    problems = list(_problems(asked, lookup, mapped, cells, is_known=is_known))
    body = json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > ROW_MOST:
        problems, body = [problem("row_too_long", most=ROW_MOST)], "{}"
    found = tuple(problems)
    return ImportedRow(
        merchant=asked.merchant,
        import_id=asked.id,
        number=number,
        external_id=_id_in(cells)[:ID_MOST] or "-",
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
