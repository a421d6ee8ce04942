"""The record of all fresh seeds that were ever run, in `RECORD.md`: a row a run, and their sum."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).with_name("RECORD.md")

_ROW = "| "
_COLUMNS = "| date | commit | seeds | subscription-years | violations |"
_TOTAL = "In all: "


def fresh_seed() -> int:
    """Returns a seed from which on none was recorded: the clock's milliseconds, mostly."""
    recorded = [_last_seed(row) for row in _rows(_text())]
    return max(time.time_ns() // 1_000_000, *(last + 1 for last in recorded), 0)


def changed_files() -> list[str]:
    """Returns the files that differ from the commit, other than the record."""
    lines = _git("status", "--porcelain").splitlines()
    return [name for name in (line[3:] for line in lines) if name != f"sim/{FILE.name}"]


def add(first: int, last: int, sub_years: float, violations: int) -> None:
    """Adds the row of a run, and counts the sum anew."""
    commit, today = _git("rev-parse", "--short", "HEAD").strip(), datetime.now(UTC).date()
    row = f"| {today} | {commit} | {first}–{last} | {sub_years:,.1f} | {violations} |"
    FILE.write_text(with_row(_text(), row), encoding="utf-8")


def with_row(text: str, row: str) -> str:
    """Returns the record with one more row."""
    kept = [line for line in text.rstrip().splitlines() if not line.startswith(_TOTAL)]
    rows = [*_rows(text), row]
    years = sum(float(_cells(each)[3].replace(",", "")) for each in rows)
    violations = sum(int(_cells(each)[4]) for each in rows)
    total = f"{_TOTAL}{years:,.1f} subscription-years, {violations} violations."
    at = next(number for number, line in enumerate(kept) if line == _COLUMNS)
    before = "\n".join(kept[:at]).rstrip()
    return "\n".join((before, "", total, "", *kept[at:], row)) + "\n"


def _text() -> str:
    return FILE.read_text(encoding="utf-8")


def _rows(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(_ROW)]
    return [line for line in lines if line != _COLUMNS]


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _last_seed(row: str) -> int:
    return int(_cells(row)[2].partition("–")[2])


def _git(*words: str) -> str:
    return subprocess.run(
        ("git", *words), cwd=FILE.parent.parent, capture_output=True, text=True, check=True
    ).stdout
