"""Rows as text: CSV that no spreadsheet takes for formulas, or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from billing.kernel.csv_lines import guarded, line
from billing.migration.exports import ExportFormat
from billing.migration.rows import Cell, Row


def head(columns: Sequence[str], form: ExportFormat) -> bytes:
    """Returns the line of names that a CSV begins with."""
    return line(columns).encode() if form is ExportFormat.CSV else b""


def rows(found: Iterable[Row], columns: Sequence[str], form: ExportFormat) -> bytes:
    """Returns rows, one on each line; a cell that a row does not name is empty."""
    if form is ExportFormat.CSV:
        lines = [line(_cell(row.get(name)) for name in columns) for row in found]
    else:
        lines = [_object(row, columns) for row in found]
    return "".join(lines).encode()


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return _instant(value)
        case str():
            return guarded(value)
    return str(value)


def _object(row: Row, columns: Sequence[str]) -> str:
    values = {name: _json(row.get(name)) for name in columns}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def _json(value: Cell) -> str | int | bool | None:
    """Returns a cell for JSON; an amount as text, which no reader rounds."""
    match value:
        case Decimal():
            return str(value)
        case datetime():
            return _instant(value)
    return value


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
