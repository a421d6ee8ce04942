"""Oracles that share no code with what they judge: each notices what no other one did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.kernel.periods import Anchor, Period, nth
from sim.mutants import MUTANTS
from sim.price_of_change import nth_payment
from sim.run import run
from tests.depth import sample

NOTICED_BY = {
    "hand-off: on the first payment alone": (1000, "7"),
    "ledger: a refund posted elsewhere": (1000, "18"),
    "refund: reserved twice while under way": (1000, "11"),
    "cancel recorded: forgotten by the payment": (1041, "13"),
    "access: goes on after the end": (1000, "12"),
    "access: grace without end": (1000, "12"),
    "outbox: a claim shorter than a call": (1004, "13"),
    "change: the rest of a whole period": (1012, "3"),
    "sweeps: time is never over": (1003, "27"),
    "withdrawal: given back twice": (3017, "11"),
    "withdrawal: a day more counts as used": (3017, "11"),
    "declaration: charged after it": (3017, "7"),
}
"""The mutants, a seed in which each is noticed, and the invariant that it breaks."""


@pytest.mark.spec("A-4", "B-7", "C-3", "R-5", "R-8", "X-4", "X-6")
@pytest.mark.parametrize(
    "name",
    sample(sorted(NOTICED_BY), ["access: grace without end", "ledger: a refund posted elsewhere"]),
)
def test_each_oracle_notices_its_mutant(name: str) -> None:
    (mutant,) = (m for m in MUTANTS if m.name == name)
    seed, number = NOTICED_BY[name]
    with mutant.applied():
        violation = run(seed).violation
    assert violation is not None
    assert violation.number == number


@pytest.mark.spec("P-12", "P-13")
@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("zone", ["UTC", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo"])
def test_the_second_calendar_has_the_same_dates(period: Period, zone: str) -> None:
    for days in range(0, 1500, 37):
        start = datetime(2026, 1, 31, 23, 30, tzinfo=UTC) + timedelta(days=days, hours=days % 24)
        anchor = Anchor.at(start, zone)
        for k in range(30):
            assert nth_payment(anchor.wall, zone, period.value, k) == nth(anchor, period, k)
