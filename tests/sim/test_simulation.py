"""The simulator in small: some seeds, every seed that ever failed, and proof that it can fail."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sim import corpus, lapsing
from sim.exhaustive import SINGLE, calls_of, tried
from sim.invariants import Violation
from sim.lapsing import LapsingGateway
from sim.mutants import MUTANTS
from sim.plan import drawn
from sim.run import Result, run
from sim.scenes import SCENES
from sim.shrink import shrink, trace
from tests.depth import sample

ROOT = Path(__file__).resolve().parents[2]
FIXED_SEEDS = range(2026, 2033)
QUICK = (630, 694, 677, 189, 552, 560, 1260, 1335, 7059, 500005)
HURRIED = [seed for seed in range(1000, 1040) if drawn(seed).looks is not None][:4]


@pytest.mark.spec("R-1", "R-3", "R-6", "X-6")
@pytest.mark.parametrize("seed", sample(FIXED_SEEDS, [2026, 2027, 2030]))
def test_money_moves_exactly_once_whatever_fails(seed: int) -> None:
    result = run(seed)
    assert result.violation is None, str(result.violation)
    assert result.events > 0


@pytest.mark.spec("R-1", "R-6", "X-6", "W-2")
@pytest.mark.parametrize("seed", sample([2026, 2027, 2033, 2065], [2026]))
def test_money_moves_exactly_once_where_payments_lapse(seed: int) -> None:
    result = run(seed, gateway=LapsingGateway)
    assert result.violation is None, str(result.violation)
    assert result.charges > 0


@pytest.mark.spec("X-6", "W-2")
def test_a_withdrawal_that_is_believed_at_once_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lapsing, "WITHDRAWN_AFTER", timedelta(0))
    assert any(run(seed, gateway=LapsingGateway).violation for seed in range(2026, 2050))


@pytest.mark.spec("R-1")
@pytest.mark.parametrize("seed", sample(corpus.seeds(), QUICK))
def test_what_was_found_once_is_not_found_again(seed: int) -> None:
    result = run(seed)
    assert result.violation is None, str(result.violation)


def test_a_violation_comes_back_from_another_process_as_it_was() -> None:
    found = Violation("2", "charged twice", "inv_1", None)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 -- our own bytes
    assert (str(again), again.about) == ("invariant 2: charged twice", ("inv_1",))


def test_faults_are_not_rare_and_of_every_kind() -> None:
    kinds = {fault.kind for seed in FIXED_SEEDS[:3] for fault in run(seed).fired}
    assert {"crash_before", "crash_after", "unavailable_after", "stale", "spawned"} <= kinds


@pytest.mark.slow
def test_a_seed_says_the_same_in_every_process() -> None:
    code = "from sim.run import run; result = run(11); print(result.digest, result.charges)"
    told = set()
    for hash_seed in ("0", "random"):
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
        environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        told.add(
            subprocess.run(
                [sys.executable, "-c", code],
                env=environ,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    assert len(told) == 1


def test_one_fault_less_shifts_no_other() -> None:
    """Chance is keyed by who draws: without its last fault a run fires all of those before it."""
    whole = run(2026)
    without = run(2026, only=whole.fired[:-1])
    assert without.fired == whole.fired[: len(without.fired)]


def test_without_faults_nothing_fails_and_all_is_charged() -> None:
    result = run(2027, only=())
    assert result.violation is None
    assert result.charges > 0


@pytest.mark.parametrize("kind", SINGLE)
def test_a_renewal_survives_each_failure_at_each_of_itscalls_of(kind: str) -> None:
    scene = SCENES["renewal"]
    charge = next(a for a in calls_of(tried(scene, {}, told=True)) if a.startswith("charge"))
    for point in range(11):
        result = tried(scene, {(charge, point): (kind, 0.9)})
        assert result.violation is None, f"{kind} at {point}: {result.violation}"
        assert result.charges == 2


def _first_failure(seeds: range) -> Result:
    for seed in seeds:
        if (result := run(seed)).violation is not None:
            return result
    raise AssertionError("nothing noticed")


@pytest.mark.parametrize(
    "name",
    sample(
        ["charge first, write after", "unknown means failed: confirm", "local day: neither"],
        ["charge first, write after"],
    ),
)
def test_a_guard_that_is_missing_is_missed(name: str) -> None:
    (mutant,) = (m for m in MUTANTS if m.name == name)
    with mutant.applied():
        assert _first_failure(range(1000, 1030)).violation is not None
    assert run(1000).violation is None


@pytest.mark.spec("R-1", "R-8")
@pytest.mark.parametrize("seed", sample(HURRIED, HURRIED[1:2]))
def test_nobody_waits_for_ever_where_no_run_has_time_for_everything(seed: int) -> None:
    assert drawn(seed).looks is not None
    result = run(seed)
    assert result.violation is None, str(result.violation)


@pytest.mark.parametrize(
    "name",
    sample(
        [
            "alarms: nothing is put behind",
            "outbox: in the order it was written",
        ],
        ["alarms: nothing is put behind"],
    ),
)
def test_a_walk_that_is_not_fair_is_noticed(name: str) -> None:
    (mutant,) = (m for m in MUTANTS if m.name == name)
    with mutant.applied():
        found = [violation for seed in HURRIED if (violation := run(seed).violation)]
    assert "27" in {violation.number for violation in found}


@pytest.mark.slow
def test_a_failure_is_shrunk_to_a_story_that_can_be_read() -> None:
    (mutant,) = (m for m in MUTANTS if m.name == "unknown means failed: confirm")
    with mutant.applied():
        shrunk = shrink(_first_failure(range(1000, 1030)))
    assert len(shrunk.result.fired) <= 3
    text = trace(shrunk)
    assert "invariant 2" in text
    assert len(text.splitlines()) < 120


def test_a_plan_is_the_seeds_own() -> None:
    assert drawn(5).purchases == drawn(5).purchases
    assert drawn(5).purchases != drawn(6).purchases
