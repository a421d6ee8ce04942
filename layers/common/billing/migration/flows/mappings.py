"""Mappings: the columns and prices of a merchant's own kind of file, saved by name (M-6)."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice

from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.migration import presets, tables
from billing.migration.flows import imports, uploads
from billing.migration.flows.price_points import PricePoints
from billing.migration.import_rows import Problem
from billing.migration.imports import DateOrder, Import, ImportMapping, Named

SAMPLES, SAMPLE_MOST = 3, 40
"""The rows whose values are shown beside the names of columns, and the most characters of each."""

PRICES_MOST = 500
"""The most prices of one kind of file."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def columns_of(ports: Ports, merchant: str, upload: str) -> dict[str, str] | Problem:
    """Returns the columns of an uploaded file by name, each with its first values; raises
    `NotFound` for an unknown file."""
    table = tables.opened(uploads.content_of(ports, merchant, upload, "upload"))
    if isinstance(table, Problem):
        return table
    values: dict[str, list[str]] = {name: [] for name in table.names}
    try:
        for _, cells in islice(table.rows(), SAMPLES):
            for name, cell in {} if isinstance(cells, Problem) else cells.items():
                values[name] += [cell.strip()[:SAMPLE_MOST]] if cell.strip() else []
    except csv.Error:  # its check says so
        pass
    return {name: ", ".join(dict.fromkeys(each)) for name, each in values.items()}


def save_columns(
    ports: Ports,
    merchant: Merchant,
    name: str,
    columns: Mapping[str, str],
    *,
    version: int | None,
    now: datetime,
    dates: DateOrder | None = None,
) -> ImportMapping:
    """Saves which column of a file is which canonical one, and how its dates are read.

    Raises `Invalid`, `Refused` (mapping_changed) where it has changed since `version`.
    """
    if not _NAME.fullmatch(name) or name in imports.known_presets(ports):
        raise Invalid("source_malformed", field="name")
    for target in columns.values():
        if target not in presets.TARGETS:
            raise Invalid("mapping_column_unknown", field="columns", name=target[:100])
    if len(set(columns.values())) < len(columns):
        raise Invalid("mapping_column_twice", field="columns")
    if "external_id" not in columns.values():
        raise Invalid("mapping_needs_id", field="columns")
    named = tuple(Named(theirs, ours) for theirs, ours in columns.items())
    return _saved(ports, merchant, name, version, now, columns=named, dates=dates)


def save_prices(
    ports: Ports, merchant: Merchant, asked: Import, prices: Mapping[str, str], *, now: datetime
) -> ImportMapping:
    """Adds which price point each price of an import's file is; raises `Invalid` for one that is
    not the merchant's, and for too many at once."""
    if len(prices) > PRICES_MOST:
        raise Invalid("too_many_entries", field="price_point", count=PRICES_MOST)
    points = PricePoints(ports, merchant)
    points.read(prices.values())
    if any(points.named(each) is None for each in prices.values()):
        raise Invalid("not_a_price_point", field="price_point")
    name = asked.mapping or asked.preset
    found = ports.store.import_mapping(merchant.id, name)
    kept = {} if found is None else {each.name: each.value for each in found.prices}
    every = {**kept, **prices}
    if len(every) > PRICES_MOST:
        raise Invalid("too_many_entries", field="price_point", count=PRICES_MOST)
    named = tuple(Named(theirs, ours) for theirs, ours in every.items())
    return _saved(ports, merchant, name, None, now, prices=named)


def _saved(
    ports: Ports,
    merchant: Merchant,
    name: str,
    version: int | None,
    now: datetime,
    *,
    columns: tuple[Named, ...] | None = None,
    prices: tuple[Named, ...] | None = None,
    dates: DateOrder | None = None,
) -> ImportMapping:
    """Saves what is given of a mapping, if it is as somebody saw it."""
    found = ports.store.import_mapping(merchant.id, name)
    if version not in {None, 0 if found is None else found.version}:
        raise Refused("mapping_changed")
    try:
        if found is None:
            made = ImportMapping(
                *(merchant.id, name, now), columns=columns or (), prices=prices or (), dates=dates
            )
            ports.store.commit(Insert(made))
            return made
        after = replace(
            found,
            version=found.version + 1,
            updated_at=now,
            columns=found.columns if columns is None else columns,
            prices=found.prices if prices is None else prices,
            dates=found.dates if columns is None else dates,
        )
        ports.store.commit(Change(found, after))
    except Conflict:
        raise Refused("mapping_changed") from None
    return after
