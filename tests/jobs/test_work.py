"""Slices of background jobs: in turn, with pauses and failures, and whoever dies or comes twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from billing.jobs.flows import control, sweep, watch
from billing.jobs.flows.start import start
from billing.jobs.jobs import FAILS_AFTER, LEASE, PLATFORM, Job, JobState
from billing.kernel.errors import NotFound, Refused, Unavailable, Unreachable
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.operations.web.operator import job_reason
from tests.hurry import Dead
from tests.jobs.working import MINUTE, Shop
from tests.world import meanwhile


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_job_goes_on_slice_by_slice_and_each_slice_sends_for_the_next(shop: Shop) -> None:
    shop.starts("acme", "a", 7)
    assert shop.jobs.bodies == [], "the sweep takes it up"
    shop.now += MINUTE
    shop.sweeps()
    places = []
    while shop.jobs.bodies:
        done = shop.slice(3)
        assert done.job is not None
        places.append((done.outcome, done.job.cursor, done.job.done))
    assert places == [("running", "step 2", 3), ("running", "step 5", 6), ("done", "step 6", 7)]
    assert shop.done("acme", "a-7") == list(range(7))
    assert shop.line("acme").waiting == () and shop.line("acme").due_at is None


def test_each_merchant_has_one_slice_in_turn_however_many_jobs_they_have(shop: Shop) -> None:
    for number in range(10):
        shop.starts("large", f"job{number}", 5)
    shop.starts("small", "only", 5)
    shop.works()
    turns = [owner for owner, _, _ in shop.acts]
    assert turns[:10].count("small") == 5, "every other slice, until it is done"
    first_of_each = [name for owner, name, number in shop.acts if owner == "large" and number == 0]
    assert first_of_each == [f"job{n}-5" for n in range(10)], "and large's own have theirs in turn"
    large = [name for owner, name, _ in shop.acts if owner == "large"]
    assert large[:10] == first_of_each


def test_a_job_that_joins_while_a_slice_is_under_way_has_its_turn_next(shop: Shop) -> None:
    shop.starts("acme", "a", 3)
    shop.before = lambda job, number: job.id == "a-3" and number == 0 and _joins(shop)
    shop.works()
    assert [name for _, name, _ in shop.acts] == ["a-3", "b-2", "a-3", "b-2", "a-3"]


def _joins(shop: Shop) -> None:
    shop.starts("acme", "b", 2)


def test_a_job_that_joins_while_the_others_pause_has_its_turn_within_a_minute(shop: Shop) -> None:
    shop.starts("acme", "a", 1)
    shop.before = lambda job, number: Seen.LEFT
    shop.works(minutes=60)
    pauses_until = shop.line("acme").due_at
    assert pauses_until is not None and pauses_until > shop.now + 5 * MINUTE
    shop.before = lambda job, number: None
    shop.starts("acme", "b", 1)
    shop.works()
    assert shop.job("acme", "b-1").state is JobState.DONE


def test_a_message_that_comes_twice_does_its_slice_once(shop: Shop) -> None:
    shop.starts("acme", "a", 4)
    shop.sweeps()
    lease = shop.lease()
    assert shop.slice(2, lease).outcome == "running"
    assert shop.slice(2, lease).outcome == "stale"
    assert shop.done("acme", "a-4") == [0, 1]


def test_of_two_workers_at_once_one_has_the_slice(shop: Shop) -> None:
    """The other one comes after the first has taken the lease, and before it has ended."""
    shop.starts("acme", "a", 4)
    shop.sweeps()
    lease = shop.lease()
    others: list[str] = []
    shop.before = lambda job, number: others.append(shop.slice(9, lease).outcome)
    shop.slice(2, lease)
    assert others == ["stale", "stale"]
    assert shop.done("acme", "a-4") == [0, 1]


def test_a_slice_that_outlives_its_lease_changes_nothing_that_another_did(shop: Shop) -> None:
    shop.starts("acme", "a", 6)
    shop.sweeps()

    def slow(job: Job, number: int) -> None:
        if number == 1:
            shop.before = lambda job, number: None
            shop.now += 2 * LEASE
            meanwhile(shop.sweeps)
            assert meanwhile(lambda: shop.slice(3)).outcome == "running"

    shop.before = slow
    assert shop.slice(3).outcome == "overtaken"
    assert (shop.job("acme", "a-6").cursor, shop.job("acme", "a-6").done) == ("step 2", 3)
    shop.works(9)
    assert shop.job("acme", "a-6").done == 6


def test_a_process_that_dies_has_its_slice_repeated_and_nothing_is_counted_twice(
    shop: Shop,
) -> None:
    shop.starts("acme", "a", 6)
    shop.sweeps()
    assert shop.slice(2).outcome == "running"
    shop.before = lambda job, number: _die() if number == 3 else None
    with pytest.raises(Dead):
        shop.slice(3)
    shop.before = lambda job, number: None
    assert shop.works(9) == [], "the lease is not over"
    shop.now += LEASE
    shop.works(9)
    job = shop.job("acme", "a-6")
    assert (job.state, job.done) == (JobState.DONE, 6)
    assert Counter(shop.done("acme", "a-6")) == {0: 1, 1: 1, 2: 2, 3: 2, 4: 1, 5: 1}


def _die() -> None:
    raise Dead


def test_a_job_that_kills_its_process_each_time_holds_up_no_other_and_fails(shop: Shop) -> None:
    shop.starts("acme", "bad", 1)
    shop.starts("acme", "good", 3)
    shop.before = lambda job, number: _die() if job.id == "bad-1" else None
    for _ in range(200):
        try:
            shop.works()
        except Dead:
            continue
    assert shop.job("acme", "good-3").state is JobState.DONE
    bad = shop.job("acme", "bad-1")
    assert (bad.state, bad.error) == (JobState.FAILED, "process_ended")
    assert len(shop.done("acme", "bad-1")) == FAILS_AFTER


def test_a_lost_message_is_found_by_the_sweep(shop: Shop) -> None:
    shop.starts("acme", "a", 2)
    shop.sweeps()
    shop.slice(1)
    shop.jobs.bodies.clear()
    shop.works(9)
    assert shop.job("acme", "a-2").state is JobState.RUNNING
    shop.now += LEASE
    shop.works(9)
    assert shop.job("acme", "a-2").state is JobState.DONE


def test_no_more_slices_are_queued_than_the_workers_do_in_a_lease(shop: Shop) -> None:
    for number in range(50):
        shop.starts(f"seller{number}", "a", 3)
    shop.now += MINUTE
    shop.sweeps()
    shop.sweeps()
    assert len(shop.jobs.bodies) == sweep.ROOM
    for _ in range(sweep.ROOM):
        shop.slice(1)
    began = {owner for owner, _, _ in shop.acts}
    assert len(began) == sweep.ROOM, "and each lets the others go first"
    shop.works(1, minutes=9)
    assert {owner for owner, _, n in shop.acts if n == 2} == {f"seller{n}" for n in range(50)}


# Failures


def test_a_step_that_breaks_is_tried_in_other_rounds_then_the_job_waits_for_a_person(
    shop: Shop,
) -> None:
    shop.starts("acme", "a", 4)

    def breaks(job: Job, number: int) -> None:
        if number == 1:
            raise ValueError("what it says stays in the log")

    shop.before = breaks
    errors = [error for done in shop.works(9, minutes=120) for error in done.errors]
    job = shop.job("acme", "a-4")
    assert (job.state, job.error, job.done, job.left) == (JobState.FAILED, "ValueError", 3, 1)
    assert [type(error) for error in errors] == [ValueError] * FAILS_AFTER
    assert shop.line("acme").waiting == ()
    shop.before = lambda job, number: None
    control.resume(shop.ports, "acme", "a-4", now=shop.now)
    shop.works(9, minutes=10)
    job = shop.job("acme", "a-4")
    assert (job.state, job.done, job.of, job.error) == (JobState.DONE, 4, 4, None)


def test_a_gateway_that_is_away_for_hours_fails_no_job(shop: Shop) -> None:
    shop.starts("acme", "a", 4)
    away = True

    def asks(job: Job, number: int) -> None:
        if number == 2 and away:
            raise Unreachable("It does not answer.")

    shop.before = asks
    shop.works(9, minutes=400)
    assert shop.job("acme", "a-4").state is JobState.RUNNING
    assert len(shop.done("acme", "a-4")) < 5 * 45, "its rounds become rarer"
    away = False
    shop.works(9, minutes=400)
    assert shop.job("acme", "a-4").state is JobState.DONE


def test_an_end_that_fails_is_tried_again_without_the_steps(shop: Shop) -> None:
    shop.starts("acme", "a", 4)
    answers = iter([Unavailable("away"), Seen.MORE, Seen.FINISHED])

    def finish(*_: Any, **__: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shop.finish = finish
    shop.works(9, minutes=3)
    assert shop.job("acme", "a-4").state is JobState.DONE
    assert shop.done("acme", "a-4") == [0, 1, 2, 3]


def test_a_part_of_a_step_moves_no_cursor(shop: Shop) -> None:
    shop.starts("acme", "a", 2)
    parts = iter([Seen.MORE, Seen.MORE])
    shop.before = lambda job, number: next(parts, None) if number == 1 else None
    slices = shop.works(9, minutes=3)
    assert [done.job and done.job.cursor for done in slices] == ["step 0", "step 0", "step 1"]
    assert shop.job("acme", "a-2").done == 2


def test_a_kind_that_this_version_does_not_know_is_left_to_the_one_that_does(shop: Shop) -> None:
    shop.starts("acme", "a", 2)
    shop.starts("acme", "b", 2)
    known, shop.kinds = shop.kinds, {}
    assert {done.outcome for done in shop.works(9, minutes=30)} == {"queued"}
    shop.kinds = known
    shop.now += LEASE
    shop.works(9)
    assert shop.job("acme", "a-2").state is shop.job("acme", "b-2").state is JobState.DONE


# The operator


@pytest.mark.parametrize("end", ["resume", "stop"])
def test_a_paused_job_keeps_the_place_of_the_slice_under_way(shop: Shop, end: str) -> None:
    shop.starts("acme", "a", 6)
    shop.sweeps()

    def pauses(job: Job, number: int) -> None:
        if number == 1:
            control.pause(shop.ports, "acme", "a-6", now=shop.now)

    shop.before = pauses
    assert shop.slice(3).outcome == "paused"
    job = shop.job("acme", "a-6")
    assert (job.state, job.cursor, job.done) == (JobState.PAUSED, "step 2", 3)
    assert shop.works(9, minutes=30) == [], "no turn of it is left"
    shop.before = lambda job, number: None
    if end == "stop":
        control.stop(shop.ports, "acme", "a-6", now=shop.now)
        assert shop.works(9, minutes=30) == []
        with pytest.raises(Refused):
            control.resume(shop.ports, "acme", "a-6", now=shop.now)
        return
    control.resume(shop.ports, "acme", "a-6", now=shop.now)
    shop.works(9)
    assert shop.job("acme", "a-6").state is JobState.DONE
    assert shop.done("acme", "a-6") == list(range(6)), "and no step came twice"


def test_a_pause_that_is_over_before_the_slice_leaves_the_job_its_turn(shop: Shop) -> None:
    shop.starts("acme", "a", 6)
    shop.sweeps()

    def both(job: Job, number: int) -> None:
        if number == 1:
            control.pause(shop.ports, "acme", "a-6", now=shop.now)
            control.resume(shop.ports, "acme", "a-6", now=shop.now)

    shop.before = both
    shop.slice(3)
    shop.before = lambda job, number: None
    shop.works(9)
    job = shop.job("acme", "a-6")
    assert (job.state, job.done) == (JobState.DONE, 6)


def test_a_job_is_started_once_and_again_when_it_has_ended(shop: Shop) -> None:
    first = shop.starts("acme", "a", 1)
    shop.now += MINUTE
    assert shop.starts("acme", "a", 1) == first, "there is one"
    control.pause(shop.ports, "acme", "a-1", now=shop.now)
    assert shop.starts("acme", "a", 1).state is JobState.PAUSED, "which the operator holds"
    control.resume(shop.ports, "acme", "a-1", now=shop.now)
    shop.works()
    again = shop.starts("acme", "a", 1)
    assert again.created_at == shop.now
    shop.works()
    assert shop.done("acme", "a-1") == [0, 0]
    failed = replace(again, state=JobState.FAILED)
    assert start(shop.ports, failed, now=shop.now, replaces=frozenset(JobState)) == failed


def test_only_what_there_is_can_be_paused_and_unfinished_jobs_are_listed(shop: Shop) -> None:
    with pytest.raises(NotFound):
        control.pause(shop.ports, "acme", "a-1", now=shop.now)
    shop.starts("acme", "a", 1)
    shop.starts(PLATFORM, "b", 1)
    assert [job.id for job in control.unfinished(shop.ports)] == ["b-1", "a-1"]
    shop.works()
    assert control.unfinished(shop.ports) == []
    with pytest.raises(Refused):
        control.pause(shop.ports, "acme", "a-1", now=shop.now)


def test_a_person_is_told_of_failed_jobs_until_they_act_and_of_lines_nobody_takes_up(
    shop: Shop,
) -> None:
    shop.starts("acme", "a", 1)
    shop.starts("small", "b", 1)
    shop.before = lambda job, number: 1 / 0 if job.id == "a-1" else None
    shop.works(minutes=90)
    (stuck,) = watch.find(shop.ports, now=shop.now)
    assert (stuck.why, stuck.merchant, stuck.job) == ("failed: ZeroDivisionError", "acme", "a-1")
    failed = shop.job("acme", "a-1")
    assert job_reason(failed) == "ZeroDivisionError on one of its entries, in 5 rounds in a row"
    control.stop(shop.ports, "acme", "a-1", now=shop.now)
    shop.starts("small", "c", 1)
    shop.now += 59 * MINUTE
    assert watch.find(shop.ports, now=shop.now) == []
    shop.now += MINUTE
    (late,) = watch.find(shop.ports, now=shop.now)
    assert (late.why, late.merchant, late.job) == ("unanswered", "small", "")


def test_the_reason_of_a_failure_is_told_in_words(shop: Shop) -> None:
    job = shop.starts("acme", "a", 1)
    assert job_reason(job) == ""
    failing, _ = job.failing(Unreachable("It does not answer."), shop.now)
    assert job_reason(failing) == "gateway_unavailable, 1 times in a row"
    ended = replace(job, error="process_ended")
    assert job_reason(ended) == "its process ended without a word, 5 times in a row"
