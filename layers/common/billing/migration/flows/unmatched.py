"""The prices of an import for which the merchant must choose a price point (M-6)."""

from __future__ import annotations

from billing.kernel.import_presets import SOURCE_PRICE
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.migration.import_rows import ImportedRow, Result, places
from billing.migration.imports import Import

LOOKED_AT = 500
"""The blocking rows in which prices are looked for; the next check shows what is left."""

REASONS = frozenset(
    {
        *("price_unmatched", "price_matches_many", "price_point_unknown", "price_missing"),
        *("price_point_differs", "price_among_too_many"),
        "price_unnamed",
    }
)


class Unmatched(Value):
    """A price of the file: its name there, what a row of it says, and how many rows were seen."""

    name: str
    shown: str
    rows: int


def prices(ports: Ports, asked: Import) -> tuple[Unmatched, ...]:
    """Returns the prices of the first blocking rows that have a name in the file."""
    rows = ports.store.imported_rows(
        asked.merchant, asked.id, limit=LOOKED_AT, within=places(Result.BLOCKING)
    )
    found: dict[str, Unmatched] = {}
    for row in rows:
        cells = row.columns
        name = cells.get(SOURCE_PRICE) or cells.get("price_point", "")
        if name and _is_about_price(row):
            seen = found.get(name)
            shown = " ".join(filter(None, map(cells.get, ("price", "currency", "period"))))
            found[name] = Unmatched(name, shown, 1 if seen is None else seen.rows + 1)
    return tuple(found.values())


def _is_about_price(row: ImportedRow) -> bool:
    return any(each.reason in REASONS for each in row.problems)
