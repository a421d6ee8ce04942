"""The benchmarks' world is the product's: it renews, within its write units."""

from __future__ import annotations

from bench import engine, renewals
from bench.figures import Report

WRITE_UNITS = 30
"""Of a renewal from the sweep to settled, ids and names as long as in life; the goal is 32."""


def test_all_that_is_due_is_paid() -> None:
    assert engine.renew(engine.world_of(5, 3)) == {"due": 3, "enqueued": 3, "paid": 3}


def test_a_renewal_takes_no_more_write_units_than_it_did() -> None:
    report = Report()
    renewals.write_units(report)
    assert report.counted["renewal_write_units"] <= WRITE_UNITS
