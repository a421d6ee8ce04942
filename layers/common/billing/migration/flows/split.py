"""The uploaded file of an import, which becomes parts of canonical rows (M-6)."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from billing.kernel.import_presets import SOURCE_PRICE, FilePreset
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.migration import instants, presets, tables
from billing.migration.canonical import DATES
from billing.migration.flows import uploads
from billing.migration.import_rows import Problem, problem
from billing.migration.imports import Import, ImportState
from billing.migration.tables import Table

AT_ONCE = 99
"""The rows that are written at once, with the count of them: a transaction has 100 writes."""

PART = AT_ONCE * 10
"""The rows of one part of the file."""

Mapped = Mapping[str, Any]
"""A row of a part: its `cells`, and its `problem` if it cannot be read, as the fields of one."""


class SourceFile:
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
        ids = Counter(id_in(self._read(cells)) for _, cells in table.rows())
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
        if self._asked.dates is not None:
            dates = {name: cells[name] for name in DATES if name in cells}
            cells |= {n: instants.ordered(text, self._asked.dates) for n, text in dates.items()}
        prices = {each.name: each.value for each in self._asked.prices}
        named = cells.get("price_point") or cells.get(SOURCE_PRICE, "")
        if named in prices:
            cells["price_point"] = prices[named]
        if cards is not None:
            copied = cards.get(cells.get("gateway_customer", ""), "")
            cells["gateway_customer"] = copied
        twice = ids[id_in(cells)] > 1 and id_in(cells) != ""
        return {"cells": cells, **({"problem": ["external_id_twice", {}]} if twice else {})}

    def _cards(self) -> dict[str, str] | Problem | None:
        """Reads the second file: which customer the cards of each were copied to."""
        maps = presets.card_maps(self._preset, self._ports.import_presets())
        if self._asked.cards is None or not maps:
            return None
        table = tables.opened(self._content(self._asked.cards))
        if isinstance(table, Problem):
            return problem("cards_unreadable")
        there = [each for each in maps if set(each) <= set(table.names)]
        if not there:
            return problem("cards_columns", old=maps[0][0], new=maps[0][1])
        old, new = there[0]
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


def id_in(cells: Mapping[str, str]) -> str:
    return cells.get("external_id", "").strip()


def _told(found: Problem) -> dict[str, str]:
    return {each.name: each.value for each in found.parameters}
