"""Every store keeps background jobs alike: each by its owner, the live ones in a line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.jobs import jobs
from billing.jobs.jobs import PLATFORM, Job, JobLine, JobState
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.storage.conftest import Backend
from tests.storage.examples import MERCHANT, T0

MINUTE = timedelta(minutes=1)


def job(name: str = "erase", owner: str = MERCHANT, **fields: Any) -> Job:
    return replace(jobs.new(owner, name, "erase_account", T0), **fields)


def line(owner: str = MERCHANT, *names: str) -> JobLine:
    found = JobLine(owner, 0)
    for number, name in enumerate(names):
        found = found.joined(name, T0 + number * MINUTE)
    return found


def put(backend: Backend, *entities: Any) -> None:
    backend.store.commit_each([(Insert(entity),) for entity in entities])


@pytest.mark.parametrize("owner", [MERCHANT, PLATFORM])
def test_a_job_and_its_line_are_found_by_their_owner(backend: Backend, owner: str) -> None:
    whole = job(
        owner=owner,
        state=JobState.FAILED,
        cursor="orders ~5",
        of=9,
        done=1,
        skipped=2,
        failed=3,
        left=4,
        rounds=7,
        failures=5,
        broken=True,
        bad_rounds=6,
        error="ValueError",
    )
    put(backend, whole, line(owner, "erase", "import"))
    assert backend.store.job(owner, "erase") == whole
    assert backend.store.job_line(owner) == line(owner, "erase", "import")
    assert backend.store.job("mer_2", "erase") is None
    assert backend.store.job_line("mer_2") is None


def test_jobs_are_listed_until_they_have_ended_whatever_they_do_meanwhile(
    backend: Backend,
) -> None:
    put(backend, job("a"), job("b", PLATFORM), job("c", state=JobState.DONE))
    assert {each.id for each in backend.store.jobs(9)} == {"a", "b"}
    for state in (JobState.RUNNING, JobState.PAUSED, JobState.FAILED):
        before = backend.store.job(MERCHANT, "a")
        assert before is not None
        backend.store.commit(Change(before, replace(before, state=state, done=before.done + 1)))
        assert {each.id for each in backend.store.jobs(9)} == {"a", "b"}
    before = backend.store.job(MERCHANT, "a")
    assert before is not None
    backend.store.commit(Change(before, replace(before, state=JobState.STOPPED)))
    assert [each.id for each in backend.store.jobs(9)] == ["b"]
    again = job("a", created_at=T0 + MINUTE)
    stopped = backend.store.job(MERCHANT, "a")
    assert stopped is not None
    backend.store.commit(Change(stopped, again))
    assert [each.id for each in backend.store.jobs(1)] == ["b"], "the oldest first"


@pytest.mark.parametrize("owner", [MERCHANT, PLATFORM])
def test_a_line_is_due_once_however_many_jobs_wait_in_it(backend: Backend, owner: str) -> None:
    put(backend, line(owner, "a", "b", "c"), line("mer_2"))
    dues = backend.store.due(DueKind.JOB, 0, T0, 9)
    assert dues == [Due(DueKind.JOB, T0, (owner,))]
    assert backend.store.lease_each(dues, T0 + MINUTE) == [Due(DueKind.JOB, T0 + MINUTE, (owner,))]
    assert backend.store.lease_each(dues, T0 + 2 * MINUTE) == [], "somebody else has it"
    leased = backend.store.job_line(owner)
    assert leased is not None and leased.due_at == T0 + MINUTE


def test_of_two_workers_with_one_lease_only_one_begins_a_slice(backend: Backend) -> None:
    read = line(MERCHANT, "a", "b")
    put(backend, read)
    begun = read.begun(T0 + MINUTE)
    assert begun is not None
    first = Change(read, begun[0], expecting=("waiting", "due_at"))
    backend.store.commit(first)
    other = read.begun(T0 + 2 * MINUTE)
    assert other is not None
    with pytest.raises(Conflict):
        backend.store.commit(Change(read, other[0], expecting=("waiting", "due_at")))
    assert backend.store.job_line(MERCHANT) == begun[0]


def test_place_and_counts_are_written_together_and_only_as_they_were_read(
    backend: Backend,
) -> None:
    read = job()
    put(backend, read)
    backend.store.commit(Change(read, replace(read, cursor="x", done=5), expecting=("state",)))
    with pytest.raises(Conflict):
        backend.store.commit(Change(read, replace(read, done=7), expecting=("cursor",)))
    found = backend.store.job(MERCHANT, "erase")
    assert found is not None and (found.cursor, found.done) == ("x", 5)
