"""Files of charges: each line is a charge or is named; no file breaks anything."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gateways.stripe.import_file import PRESET as STRIPE
from billing.kernel.live_sources import Collected
from billing.migration import source_charges
from billing.migration.import_rows import Problem
from billing.migration.presets import CANONICAL_PRESET as CANONICAL
from billing.migration.tables import Table

pytestmark = pytest.mark.spec("M-6")

NAMES = ("external_id", "charged_at", "amount", "currency", "status", "payment_method")
CELLS = st.text(max_size=12) | st.sampled_from(
    ["sub_1", "2026-02-20T15:00:00Z", "1771600000", "29.99", "29,9", "USD", "clp", "paid", "=1+1"]
)


def file_of(*rows: tuple[str, ...]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([NAMES, *rows])
    return written.getvalue().encode("utf-8", "surrogatepass")


def read(content: bytes) -> source_charges.Charges:
    table = source_charges.table_of(content, CANONICAL)
    assert isinstance(table, Table), table
    return source_charges.read(table, CANONICAL, zone="UTC")


@given(st.lists(st.tuples(*(CELLS for _ in NAMES)), min_size=1, max_size=9))
def test_each_line_is_a_charge_or_is_named(rows: list[tuple[str, ...]]) -> None:
    content = file_of(*rows)
    table = source_charges.table_of(content, CANONICAL)
    if isinstance(table, Problem):
        return
    found = source_charges.read(table, CANONICAL, zone="UTC")
    charges = sum(len(each.charges) for each in found.of.values())
    lines = sum(1 for row in rows if any(map(str.strip, row)))
    broken = any("\r" in cell or "\n" in cell or "\0" in cell for row in rows for cell in row)
    assert charges + len(found.unreadable) == lines or broken


@given(st.binary(max_size=200))
def test_no_file_breaks_anything(content: bytes) -> None:
    for preset in (CANONICAL, STRIPE):
        table = source_charges.table_of(content, preset)
        if isinstance(table, Table):
            source_charges.read(table, preset, zone="UTC")


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (("", "2026-02-20", "1", "USD", "", ""), "external_id"),
        (("sub_1", "", "1", "USD", "", ""), "charged_at"),
        (("sub_1", "02/03/2026", "1", "USD", "", ""), "charged_at"),
        (("sub_1", "1890-01-01", "1", "USD", "", ""), "charged_at"),
        (("sub_1", "2026-02-20", "-1", "USD", "", ""), "amount"),
        (("sub_1", "2026-02-20", "1.234", "USD", "", ""), "amount"),
        (("sub_1", "2026-02-20", "1" * 12, "USD", "", ""), "amount"),
        (("sub_1", "2026-02-20", "1", "US$", "", ""), "currency"),
        (("sub_1", "2026-02-20", "1", "USD", "perhaps", ""), "status"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_column(cells: tuple[str, ...], column: str) -> None:
    (line,) = read(file_of(cells)).unreadable
    assert (line.number, line.column) == (1, column)


def test_charges_of_a_currency_that_we_do_not_have_are_read() -> None:
    found = read(file_of(("sub_1", "1771600000", "12,5", "clp", "VOID", "'=pm")))
    (charge,) = found.of["sub_1"].charges
    assert (charge.amount_minor, charge.currency, charge.collected) == (1250, "CLP", Collected.VOID)
    assert found.of["sub_1"].card == "=pm"


def test_only_so_many_lines_are_named() -> None:
    found = read(file_of(*[("sub_1", "x", "1", "USD", "", "")] * 1_200))
    assert len(found.unreadable) == source_charges.UNREADABLE_MOST


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a,b\n", b"external_id,amount\n1,2\n"])
def test_another_file_is_none_of_charges(content: bytes) -> None:
    assert isinstance(source_charges.table_of(content, CANONICAL), Problem)
