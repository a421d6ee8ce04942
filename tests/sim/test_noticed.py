"""The notes of a run of the mutants, which the next one reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim import noticed
from sim.mutants import MUTANTS


def test_what_is_noted_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(noticed, "FILE", tmp_path / "noticed.txt")
    assert noticed.read() == {}
    found = {"a guard: of two words": "seed 1003", "another": "scene pays by credit"}
    noticed.write(found)
    assert noticed.read() == found


def test_only_mutants_that_are_not_redundant_are_noted() -> None:
    expected = {mutant.name for mutant in MUTANTS if mutant.redundant is None}
    assert set(noticed.read()) <= expected
