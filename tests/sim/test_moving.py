"""Two engines, one customer: a run without violations, and mistakes that a run notices."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from sim.moving import Move
from sim.mutants import MUTANTS, of_moves

pytestmark = pytest.mark.spec("M-6")

QUICK = (
    "list: the last of each page is left out",
    "shadow: a void charge was made",
    "move: it is not stopped there",
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", [11, 12])
def test_a_list_is_read_shadowed_and_moved_without_a_violation(seed: int) -> None:
    move = Move(60, seed, listed=True)
    assert move.run(undoes=False) == []
    assert move.tally["rows confirmed"] > 50


def test_a_file_is_moved_and_taken_back_without_a_violation() -> None:
    assert Move(60, 11).run(undoes=True) == []


@pytest.mark.parametrize("name", QUICK)
def test_a_mistake_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_moves, "SUBSCRIPTIONS", 120)
    monkeypatch.setattr(of_moves, "SEEDS", (1, 2))
    (mutant,) = (each for each in MUTANTS if each.name == name)
    assert mutant.moves
    with mutant.applied():
        assert of_moves.noticed() is not None


def test_the_moving_of_subscriptions_has_its_mutants() -> None:
    assert sum(each.moves for each in MUTANTS) == len(of_moves.MOVES) > 10
