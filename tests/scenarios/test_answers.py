"""Answers when the world breaks after something was written: never "try again".

Every request that changes something is broken at each of its calls, by an outage from there on and
by one lost answer. A caller who is answered that nothing was done asks again: so nothing may be
written.
"""

from __future__ import annotations

import pytest

from tests.depth import sample
from tests.scenarios.outages import Line
from tests.scenarios.scenes import LOOKS, SCENES, Scene

MAY_BE_DONE = frozenset({"outcome_unknown", "unfinished"})


@pytest.mark.spec("R-6", "B-7", "M-3")
@pytest.mark.parametrize("scene", SCENES)
def test_no_answer_in_an_outage_contradicts_what_is_written(scene: str) -> None:
    _holds_true(scene, lasting=True)


@pytest.mark.spec("R-6", "B-7", "M-3")
@pytest.mark.parametrize("scene", sample(SCENES, ["refund", "cancel now", "charge", "buy"]))
def test_no_answer_after_a_lost_one_contradicts_what_is_written(scene: str) -> None:
    _holds_true(scene, lasting=False)


def _holds_true(scene: str, *, lasting: bool) -> None:
    """Fails each call of a scene in turn, and compares what was answered with what was written."""
    untrue = []
    calls = _calls_of(SCENES[scene])
    for at in range(calls):
        line = Line(at, lasting=lasting)
        act = SCENES[scene](line)
        line.on = True
        answer = act()
        line.on = False
        code = "done" if answer.status < 400 else answer.json["code"]
        denied = line.wrote and code not in {"done", *MAY_BE_DONE}
        claimed = not line.wrote and code in {"done", "outcome_unknown"} and scene not in LOOKS
        if denied or claimed:
            untrue.append((at, code))
    assert untrue == [], f"of {calls} calls"


def _calls_of(scene: Scene) -> int:
    """Returns how many calls the scene makes when all goes well."""
    line = Line(10**6, lasting=True)
    act = scene(line)
    line.on = True
    answer = act()
    assert answer.status < 400, (answer.status, answer.body[-500:])
    return line.calls
