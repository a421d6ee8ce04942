"""The rows of an import as CSV, with what was found in them in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from billing.api.web.json_shapes import instant
from billing.kernel.csv_lines import guarded, line
from billing.migration.import_rows import ImportedRow
from billing.migration.rows import units
from billing.migration.shadows import Difference, Side
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


_SIDES = tuple(
    f"{side}_{name}" for side in ("here", "there") for name in ("at", "amount", "currency", "value")
)
DIFFERENCES = ("row", "external_id", "difference", "text", "column", *_SIDES)


def of_differences(found: Iterable[Difference]) -> Iterator[str]:
    """Yields the lines of a file of differences; amounts are in units of their currency."""
    yield line(DIFFERENCES)
    for each in found:
        cells = (
            *(str(each.number), each.external_id, each.kind, words.of_difference(each)),
            *(each.column or "", *_side(each.here), *_side(each.there)),
        )
        yield line(map(guarded, cells))


def _side(side: Side) -> tuple[str, str, str, str]:
    amount = "" if side.minor is None else str(units(side.minor))
    return (instant(side.at) or "", amount, side.currency, side.text)
