"""docs/limits.md says what a deployment takes, and the parameters for more fit one another."""

from __future__ import annotations

import re

import pytest

from bench import capacity, numbering
from billing.invoices.flows import numbers as invoice_numbers
from billing.storage.entity_keys import MOST_WRITES
from tests.docs import DOCS

GOAL = 1_000
NUMBERS_GOAL = 300
ROW = re.compile(r"^\| ([^|]+) \| (\d* ?)\| (\d+) \| (\d* ?)\| (\d+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def documented() -> dict[str, tuple[str, int, str, int]]:
    text = (DOCS / "limits.md").read_text("utf-8")
    found = {
        row[0]: (row[1].strip(), int(row[2]), row[3].strip(), int(row[4]))
        for row in ROW.findall(text)
    }
    assert len(found) >= 5
    return found


@pytest.mark.spec("R-1")
def test_by_the_parameters_for_it_everything_takes_a_thousand_renewals_a_second() -> None:
    takes = capacity.renewals_per_second(capacity.busy())
    assert min(takes.values()) >= GOAL, takes


@pytest.mark.spec("R-1")
def test_by_default_the_workers_are_the_nearest_limit_and_nothing_else_is_near() -> None:
    takes = capacity.renewals_per_second(capacity.defaults())
    workers = takes.pop("ChargeConcurrency")
    assert min(takes.values()) >= 5 * workers


def test_the_table_of_limits_says_what_is_computed(
    documented: dict[str, tuple[str, int, str, int]],
) -> None:
    default, busy = capacity.defaults(), capacity.busy()
    takes = {
        name: (round(by_default), round(by_busy))
        for (name, by_default), by_busy in zip(
            capacity.renewals_per_second(default).items(),
            capacity.renewals_per_second(busy).values(),
            strict=True,
        )
    }
    assert {name: (row[1], row[3]) for name, row in documented.items()} == takes
    for name, row in documented.items():
        setting = name.partition(",")[0]
        given = ["" if setting not in p else f"{p[setting]:.0f}" for p in (default, busy)]
        assert [row[0], row[2]] == given, name


def test_only_lists_of_orders_grow_with_a_merchants_renewals() -> None:
    shared = capacity.shared_units()
    assert shared["orders of a month"] == capacity.PARTITION_UNITS / GOAL
    # The counter of invoice numbers: two units a write, shared by the invoices of a batch.
    assert shared["merchant"] / invoice_numbers.AT_ONCE < 0.1


@pytest.mark.spec("M-7")
def test_numbers_of_a_batch_with_their_counter_fit_a_write_and_are_fast_enough() -> None:
    assert 1 + 2 * invoice_numbers.AT_ONCE < MOST_WRITES
    assert numbering.per_second(16, 25) >= NUMBERS_GOAL
    assert numbering.one_by_one(16) < NUMBERS_GOAL / 10
