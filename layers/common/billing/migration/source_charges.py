"""A file of what a source has charged, for a comparison with what we would have (M-6, IMPORT.md).

Its columns are `external_id, charged_at, amount, currency, status, payment_method`, or those of the
export of a gateway's company. A line that cannot be read is named, and holds up no other.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from billing.kernel.import_presets import FilePreset
from billing.kernel.live_sources import Collected, SourceCharge
from billing.kernel.money import MINOR_DIGITS
from billing.kernel.values import Value
from billing.migration.import_rows import Problem, problem
from billing.migration.instants import instant
from billing.migration.parsing import unguarded
from billing.migration.shadows import Compared, Difference, Kind, Side
from billing.migration.tables import Table, opened

NEEDED = frozenset({"external_id", "charged_at", "amount", "currency"})
"""The columns without which it is another file."""

STATUSES: Mapping[str, Collected] = {
    "": Collected.PAID,
    **dict.fromkeys(("paid", "succeeded", "completed"), Collected.PAID),
    **dict.fromkeys(("open", "draft", "pending", "past_due", "processing"), Collected.OPEN),
    **dict.fromkeys(
        ("void", "failed", "uncollectible", "canceled", "cancelled", "deleted"), Collected.VOID
    ),
}

UNREADABLE_MOST = 1_000
"""The most lines that are named one by one."""

_AMOUNT = re.compile(r"[0-9]{1,9}([.,][0-9]{1,2})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


class Charges(Value):
    """The charges of a file by external id, and its lines that cannot be read."""

    of: Mapping[str, Compared]
    unreadable: tuple[Difference, ...] = ()


def table_of(content: bytes, preset: FilePreset) -> Table | Problem:
    """Returns a file of charges as a table, or what is wrong with it."""
    table = opened(content)
    if isinstance(table, Problem):
        return table
    names = set(table.names)
    if names >= NEEDED or (preset.charges is not None and names >= preset.charges_needed):
        return table
    return problem("columns_missing", names=", ".join(sorted(NEEDED - names)))


def read(table: Table, preset: FilePreset, *, zone: str) -> Charges:
    """Reads the charges of a file; times without an offset are wall time in `zone`."""
    found: dict[str, Compared] = {}
    unreadable: list[Difference] = []
    for line, cells, charge in _lines(table, preset, zone):
        name = cells.get("external_id", "").strip()
        if isinstance(charge, Problem):
            if len(unreadable) < UNREADABLE_MOST:
                there = Side(text=cells.get(charge.column or "", "").strip()[:40])
                kind = Kind.CHARGE_UNREADABLE
                unreadable.append(Difference(line, name, kind, there=there, column=charge.column))
            continue
        before = found.get(name)
        card = unguarded(cells.get("payment_method", "").strip()) or None
        charges = (charge,) if before is None else (*before.charges, charge)
        found[name] = Compared(charges, card or (None if before is None else before.card))
    return Charges(found, tuple(unreadable))


def _lines(
    table: Table, preset: FilePreset, zone: str
) -> Iterator[tuple[int, Mapping[str, str], SourceCharge | Problem]]:
    is_ours = set(table.names) >= NEEDED
    number = 0
    try:
        for number, raw in table.rows():
            if isinstance(raw, Problem):
                yield number, {}, raw
                continue
            cells = raw if is_ours or preset.charges is None else preset.charges(raw)
            yield number, cells, _charge(cells, zone)
    except csv.Error:
        yield number + 1, {}, problem("file_broken", line=number + 2)


def _charge(cells: Mapping[str, str], zone: str) -> SourceCharge | Problem:
    values = {name: unguarded(value.strip()) for name, value in cells.items()}
    for name in sorted(NEEDED):
        if not values.get(name):
            return problem("cell_missing", name)
    at = instant(values["charged_at"], "charged_at", zone=zone, key=values["external_id"])
    if isinstance(at, Problem):
        return at
    if not _AMOUNT.fullmatch(values["amount"]):
        return problem("amount_malformed", "amount", value=values["amount"][:40])
    if not _CURRENCY.fullmatch(values["currency"]):
        return problem("currency_unknown", "currency", value=values["currency"][:40])
    collected = STATUSES.get(values.get("status", "").lower())
    if collected is None:
        known = ", ".join(filter(None, STATUSES))
        return problem("status_unknown", "status", value=values["status"][:40], known=known)
    minor = int(Decimal(values["amount"].replace(",", ".")).scaleb(MINOR_DIGITS))
    return SourceCharge(at, minor, values["currency"].upper(), collected)
