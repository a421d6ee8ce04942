"""The rules of background jobs: counts, rounds, failures, and whose turn it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.jobs import jobs
from billing.jobs.jobs import FAILS_AFTER, LEASE, LONGEST_PAUSE, JobLine, JobState, Step
from billing.kernel.errors import Unreachable
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from tests.depth import examples

T0 = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
JOB = jobs.new("acme", "erase", "erase", T0)

seen = st.sampled_from([*Seen, None])
names = st.sampled_from("abcde")


@settings(max_examples=examples(100))
@given(st.lists(seen, max_size=30))
def test_every_thing_is_counted_once_and_the_cursor_is_behind_the_last(
    steps: list[Seen | None],
) -> None:
    job = JOB
    for number, outcome in enumerate(steps):
        job = job.stepped(Step(str(number), outcome))
    counted = [each for each in steps if each not in (None, Seen.MORE)]
    assert job.seen == len(counted)
    assert (job.done, job.left) == (steps.count(Seen.FINISHED), steps.count(Seen.LEFT))
    passed = [n for n, each in enumerate(steps) if each is not Seen.MORE]
    assert job.cursor == (str(passed[-1]) if passed else "")


@settings(max_examples=examples(100))
@given(st.integers(0, 400), st.lists(seen, max_size=10))
def test_a_round_begins_anew_after_a_pause_as_long_as_it_took(
    minutes: int, steps: list[Seen | None]
) -> None:
    job = replace(JOB, begins="a ")
    for outcome in steps:
        job = job.stepped(Step("x", outcome))
    now = T0 + minutes * MINUTE
    again, at = job.again(now)
    assert at - now == min(max(minutes * MINUTE, MINUTE), LONGEST_PAUSE)
    assert (again.cursor, again.seen, again.of, again.round_at) == ("a ", 0, job.seen, at)
    assert again.state is JobState.QUEUED


def test_rounds_in_which_our_code_fails_end_with_a_failed_job_and_outages_do_not() -> None:
    job, outage = JOB, JOB
    for _ in range(FAILS_AFTER - 1):
        job, _ = job.stepped(Step("x", Seen.LEFT, ValueError("secret"))).again(T0)
        outage, _ = outage.stepped(Step("x", Seen.LEFT)).again(T0)
        assert (job.is_live, outage.bad_rounds) == (True, 0)
    good, _ = job.stepped(Step("x", Seen.LEFT)).again(T0)
    assert good.bad_rounds == 0, "a round without a failure ends the row"
    job, _ = job.stepped(Step("x", Seen.LEFT, ValueError("secret"))).again(T0)
    assert (job.state, job.error) == (JobState.FAILED, "ValueError")
    resumed = job.resumed(T0 + MINUTE)
    assert (resumed.state, resumed.cursor, resumed.left) == (JobState.QUEUED, "x", 1)
    assert (resumed.bad_rounds, resumed.broken, resumed.error) == (0, False, None)


def test_a_step_that_fails_is_tried_again_ever_later_and_not_for_ever() -> None:
    job, waits = JOB, []
    while job.is_live:
        job, at = job.failing(ValueError("secret"), T0)
        waits.append(int((at - T0) / MINUTE))
    assert waits == [1, 2, 4, 8, 16]
    assert (job.failures, job.error) == (FAILS_AFTER, "ValueError")


def test_an_outage_is_waited_out_for_a_day() -> None:
    job, waited = JOB, timedelta()
    while job.is_live:
        job, at = job.failing(Unreachable("It does not answer."), T0)
        waited += at - T0
    assert timedelta(hours=17) < waited < timedelta(hours=24)
    assert job.error == "gateway_unavailable"


def test_a_step_that_is_done_ends_the_row_of_failures() -> None:
    job, _ = JOB.failing(ValueError(), T0)
    for outcome in (Seen.FINISHED, Seen.MORE):
        assert (job.stepped(Step("x", outcome)).failures, job.error) == (0, "ValueError")


# The line


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "slice", "die"]), names), max_size=40))
def test_a_line_holds_each_job_once_and_is_due_while_there_is_one(
    acts: list[tuple[str, str]],
) -> None:
    line, now, there = JobLine("acme", 0), T0, list[str]()
    for act, name in acts:
        now += MINUTE
        match act:
            case "join":
                line = line.joined(name, now)
                there = [*(n for n in there if n != name), name]
            case "leave":
                line = line.without(name, now)
                there = [n for n in there if n != name]
            case _ if (begun := line.begun(now)) is not None:
                line, turn = begun
                assert turn.job == there[0], "the one that has waited longest"
                there = [*there[1:], turn.job]
                assert line.due_at is not None and line.due_at >= now + LEASE
                if act == "slice":
                    line = line.ended(turn.job, now)
                    line = replace(line, due_at=line.next_at())
        assert [each.job for each in line.waiting] == there
        assert (line.due_at is None) == (not there)


def test_a_job_whose_process_dies_has_the_others_before_it_and_is_counted() -> None:
    line = JobLine("acme", 0).joined("a", T0).joined("b", T0)
    turns = []
    for number in range(1, 7):
        begun = line.begun(T0 + number * LEASE * 2)
        assert begun is not None
        line, turn = begun
        turns.append((turn.job, turn.begun))
    assert turns == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]


def test_a_lease_never_ends_when_another_one_of_the_line_did() -> None:
    line, ends = JobLine("acme", 0).joined("a", T0), set()
    for _ in range(5):
        begun = line.begun(T0)
        assert begun is not None
        line = begun[0]
        ends.add(line.due_at)
    assert len(ends) == 5


def test_who_joins_a_line_takes_no_lease_away() -> None:
    line = JobLine("acme", 0).joined("a", T0)
    begun = line.begun(T0)
    assert begun is not None
    leased = begun[0]
    assert leased.joined("b", T0 + MINUTE).due_at == leased.due_at
    assert leased.without("a", T0 + MINUTE).due_at is None
