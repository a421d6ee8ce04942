"""The rows of an import for a file: as many as one answer holds."""

from __future__ import annotations

from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.migration.flows import imports
from billing.migration.import_rows import ImportedRow, Result, places

PART, PARTS_MOST = 500, 20
"""The rows of one read, and the most reads: an answer has at most 6 MB."""


class Report(Value):
    """The first rows of an import; `name` is its file's, which says if there are more."""

    rows: tuple[ImportedRow, ...]
    name: str


def first(ports: Ports, merchant: str, import_id: str, *, result: Result | None) -> Report:
    """Returns the first rows of an import, those that block first; raises `NotFound`."""
    found = imports.one(ports, merchant, import_id).found
    within = "" if result is None else places(result)
    rows: list[ImportedRow] = []
    after: str | None = None
    for _ in range(PARTS_MOST):
        part = ports.store.imported_rows(
            merchant, found.id, limit=PART + 1, after=after, within=within
        )
        rows += part[:PART]
        if len(part) <= PART:
            return Report(tuple(rows), f"{found.id}.csv")
        after = rows[-1].place
    return Report(tuple(rows), f"{found.id}-first-{len(rows)}.csv")
