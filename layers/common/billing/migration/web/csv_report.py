"""The rows of an import as CSV, with what was found in them in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from billing.kernel.csv_lines import guarded, line
from billing.migration.import_rows import ImportedRow
from billing.migration.web import words

COLUMNS = ("row", "external_id", "result", "state", "reasons", "text", "email", "subscription")


def written(rows: Iterable[ImportedRow]) -> Iterator[str]:
    """Yields the lines of the file."""
    yield line(COLUMNS)
    for each in rows:
        reasons = " ".join(found.reason for found in each.problems)
        cells = (
            *(str(each.number), each.external_id, each.result, each.state, reasons),
            *(words.all_of(each), each.columns.get("email", ""), each.subscription or ""),
        )
        yield line(map(guarded, cells))
