"""Reads a file of comma-, semicolon- or tab-separated values, row by row.

The file is held as bytes once, and decoded as it is read, so that 100,000 rows take no more.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator, Mapping

from billing.kernel.values import Value
from billing.migration.import_rows import Problem, problem
from billing.migration.imports import ROWS_MOST

SEPARATORS = (",", ";", "\t")
COLUMNS_MOST = 200
LINE_MOST = 64 * 1024
"""The longest line of names, in bytes."""

_AT_ONCE = 2**20
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Table(Value):
    """A file whose encoding, separator and names of columns are known."""

    content: bytes
    separator: str
    names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Table({len(self.content)} bytes, {self.names})"

    def rows(self) -> Iterator[tuple[int, Mapping[str, str] | Problem]]:
        """Yields rows by their numbers, from 1; raises `csv.Error` for a file that breaks off."""
        lines = csv.reader(_lines(self.content), delimiter=self.separator, strict=True)
        next(lines)
        number = 0
        for cells in lines:
            if not any(map(str.strip, cells)):
                continue
            number += 1
            more = cells[len(self.names) :]
            if len(cells) < len(self.names) or any(map(str.strip, more)):
                yield number, problem("cells_count", found=len(cells), names=len(self.names))
            else:
                yield number, dict(zip(self.names, cells, strict=False))


def opened(content: bytes) -> Table | Problem:
    """Returns a file as a table, or what is wrong with it."""
    if content[:2] in {BOM_UTF16_LE, BOM_UTF16_BE} or b"\0" in content[:4096]:
        return problem("file_utf16")
    if (line := _not_utf8(content)) is not None:
        return problem("file_not_utf8", line=line)
    first = content.removeprefix(BOM_UTF8).lstrip(b"\r\n")[:LINE_MOST].splitlines()
    if not first:
        return problem("file_empty")
    separator = max(SEPARATORS, key=first[0].decode("utf-8", "ignore").count)
    try:
        names = next(csv.reader(_lines(content), delimiter=separator, strict=True), [])
    except csv.Error:
        return problem("file_broken", line=1)
    names = [each.strip() for each in names]
    while names and not names[-1]:
        names.pop()
    twice = next((each for each in names if names.count(each) > 1), None)
    if len(names) > COLUMNS_MOST:
        return problem("file_too_many_columns", most=COLUMNS_MOST)
    if not all(names):
        return problem("column_unnamed", number=names.index("") + 1)
    if twice is not None:
        return problem("column_twice", name=twice[:100])
    return Table(content, separator, tuple(names))


def counted(table: Table) -> int | Problem:
    """Returns the number of rows, or what is wrong with the file."""
    rows = 0
    try:
        for number, _ in table.rows():
            rows = number
            if rows > ROWS_MOST:
                return problem("file_too_many_rows", most=ROWS_MOST)
    except csv.Error:
        return problem("file_broken", line=rows + 2)
    return rows or problem("file_empty")


def _lines(content: bytes) -> Iterator[str]:
    """Yields the lines of a file with their ends, decoded one by one."""
    for line in _LINE.finditer(content, len(BOM_UTF8) if content.startswith(BOM_UTF8) else 0):
        yield line[0].decode("utf-8")


def _not_utf8(content: bytes) -> int | None:
    """Returns the first line that is not UTF-8, None if all is."""
    decoder = getincrementaldecoder("utf-8")()
    for start in range(0, len(content), _AT_ONCE):
        try:
            decoder.decode(content[start : start + _AT_ONCE], start + _AT_ONCE >= len(content))
        except UnicodeDecodeError as error:
            bad = max(0, start + error.start)
            return content.count(b"\n", 0, bad) + 1
    return None
