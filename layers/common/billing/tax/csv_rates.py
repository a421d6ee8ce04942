"""A table of rates as CSV: read with every wrong row named, written as it is read (C-7)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date

from billing.kernel import states
from billing.kernel.countries import COUNTRIES
from billing.kernel.csv_lines import guarded, line
from billing.kernel.errors import Invalid
from billing.kernel.values import Value
from billing.tax.countries import WITH_STATES
from billing.tax.rates import (
    NAME_MOST,
    POSTAL_CODE_MOST,
    DatedRate,
    Place,
    TaxPlace,
    decimal_of,
    normal_postal_code,
    parsed_ppm,
)

COLUMNS = ("country", "state", "postal_code", "name", "rate", "from")
NEEDED = ("country", "name", "rate")
WRONG_ROWS_MOST = 20
"""So many wrong rows are named at once."""


class WrongRow(Value):
    """A row that cannot be taken: its line in the file, and why."""

    line: int
    error: Invalid


def read(text: str) -> tuple[list[tuple[Place, DatedRate]], list[WrongRow]]:
    """Reads a table: its rows, or those that are wrong.

    Columns are found by their names in the first line, in any order; commas or semicolons part
    them. Raises `Invalid` for a file without them.
    """
    stripped = text.removeprefix("\ufeff")
    first = stripped.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(stripped.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        rows, wrong = [], []
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            try:
                rows.append(_row(dict(zip(header, fields, strict=False))))
            except Invalid as error:
                wrong.append(WrongRow(reader.line_num, error))
                if len(wrong) == WRONG_ROWS_MOST:
                    break
    except csv.Error:
        raise Invalid("csv_malformed", field="csv", line=reader.line_num) from None
    return rows, wrong


def _check_header(header: list[str]) -> None:
    for name in NEEDED:
        if name not in header:
            raise Invalid("csv_column_missing", field="csv", column=name)
    for name in header:
        if name not in COLUMNS:
            raise Invalid("csv_column_unknown", field="csv", column=name or "?")


def _row(row: dict[str, str]) -> tuple[Place, DatedRate]:
    given = {name: value.strip() for name, value in row.items()}
    where = place(given.get("country", ""), given.get("state"), given.get("postal_code"))
    return where, rate(given.get("name", ""), given.get("rate", ""), given.get("from"))


def place(country: str, state: str | None, postal_code: str | None) -> Place:
    """Returns the place that a rate is for; raises `Invalid` for one that does not exist."""
    country = country.upper()
    if country not in COUNTRIES:
        raise Invalid("country_unknown", field="country")
    code = None
    if state:
        code = states.code(country, state)
        if code is None:
            raise Invalid("tax_state_unknown", field="state")
    if postal_code and len(postal_code) > POSTAL_CODE_MOST:
        raise Invalid("too_long", field="postal_code", count=POSTAL_CODE_MOST)
    local = normal_postal_code(postal_code or "")
    if local and code is None and country in WITH_STATES:
        raise Invalid("tax_state_needed", field="state")
    return Place(country, code, local or None)


def rate(name: str, written: str, begins: str | None) -> DatedRate:
    """Returns a rate; raises `Invalid` for a name, a number or a day that is none."""
    if not name or len(name) > NAME_MOST or not name.isprintable():
        raise Invalid("tax_name_malformed", field="name", count=NAME_MOST)
    try:
        begins_on = date.fromisoformat(begins) if begins else None
    except ValueError:
        raise Invalid("no_such_time", field="from") from None
    return DatedRate(name, parsed_ppm(written), begins_on)


def written(places: Iterable[TaxPlace]) -> Iterator[str]:
    """Yields a table line by line, as `read` reads it."""
    yield line(COLUMNS)
    for each in places:
        for dated in each.rates:
            begins = dated.begins_on.isoformat() if dated.begins_on else ""
            where = (each.country, each.state or "", each.postal_code or "")
            yield line((*where, guarded(dated.name), decimal_of(dated.ppm), begins))
