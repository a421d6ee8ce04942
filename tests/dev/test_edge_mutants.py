"""Mutants of the edge still fit the source: `make edge-mutants` tries them, which takes long."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from dev.edge_mutants import page
from dev.edge_mutants.__main__ import main
from dev.edge_mutants.mutant import ROOT, Cut, Mutant, applied
from dev.edge_mutants.mutants import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_takes_away_what_is_there_and_leaves_a_program(mutant: Mutant) -> None:
    cuts: dict[str, tuple[Cut, ...]] = {}
    for cut in mutant.cuts:
        cuts[cut.module] = (*cuts.get(cut.module, ()), cut)
    for module, of_it in cuts.items():
        source = of_it[0].path.read_text()
        changed = applied(source, of_it)
        assert changed != source
        compile(changed, module, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_are_meant_to_notice_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        assert (ROOT / test).exists()


def test_each_mutant_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(m.name for m in MUTANTS).items() if times > 1] == []


def test_a_guard_that_is_not_there_is_found_out() -> None:
    gone = Cut("billing.web.sessions", "this stands nowhere", "")
    with pytest.raises(LookupError, match="has 0 times"):
        gone.applied_to(gone.path.read_text())


def test_the_page_lists_them() -> None:
    assert page.PAGE.read_text() == page.text(), "python -m dev.edge_mutants.page"


@pytest.mark.slow
def test_a_key_that_is_any_merchants_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-k", "idempotency: a key is of any merchant", "--jobs", "1"]) == 0
    assert "caught" in capsys.readouterr().out
    assert "PERENNIAL_EDGE_MUTANT" not in os.environ
