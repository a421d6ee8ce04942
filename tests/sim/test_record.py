"""The record of simulated seeds: rows, their sum, and seeds that nobody ran before."""

from __future__ import annotations

import pytest

from sim import record

EMPTY = """# What was simulated

In all: 0.0 subscription-years, 0 violations.

| date | commit | seeds | subscription-years | violations |
|---|---|---|---|---|
"""


def test_each_run_adds_a_row_and_counts_the_sum_anew() -> None:
    once = record.with_row(EMPTY, "| 2026-11-29 | abc1234 | 10–19 | 1,200.5 | 0 |")
    twice = record.with_row(once, "| 2026-11-30 | def5678 | 20–24 | 40.0 | 1 |")
    assert twice.splitlines()[2:] == [
        "In all: 1,240.5 subscription-years, 1 violations.",
        "",
        "| date | commit | seeds | subscription-years | violations |",
        "|---|---|---|---|---|",
        "| 2026-11-29 | abc1234 | 10–19 | 1,200.5 | 0 |",
        "| 2026-11-30 | def5678 | 20–24 | 40.0 | 1 |",
    ]


def test_a_fresh_seed_lies_behind_all_that_are_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ahead = "| 2026-11-29 | abc1234 | 10–99999999999999 | 1.0 | 0 |"
    monkeypatch.setattr(record, "_text", lambda: record.with_row(EMPTY, ahead))
    assert record.fresh_seed() == 100_000_000_000_000
