"""Mutants of sweeps, due dates, rows of lists and background jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.jobs.flows import work
from billing.jobs.jobs import Job, JobLine, Step
from billing.kernel import list_rows
from billing.kernel.flows import due
from billing.kernel.flows import list_rows as keeping_rows
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Insert
from billing.rebill.flows import sweep
from billing.runtime import deadline
from sim.mutants.mutant import Mutant
from sim.mutants.removing import always, committing_blindly, constant


def never_over(has_time: Any) -> Any:
    """Asks for the time that is left, and goes on whatever that is."""

    def mutant(*args: Any, **kwargs: Any) -> Any:
        ask = has_time(*args, **kwargs)
        return lambda: ask() or True

    return mutant


def leaving_nothing(stepped: Any) -> Any:
    """Leaves out what a job could not do, instead of going back to it."""

    def mutant(job: Job, step: Step) -> Any:
        return stepped(job, replace(step, seen=Seen.SKIPPED) if step.seen is Seen.LEFT else step)

    return mutant


def far_away(leased_until: Any) -> Any:
    """Ends a lease in many years, so that nobody looks for a slice that died."""
    return lambda line, now: leased_until(line, now) + timedelta(days=9_000)


def from_the_first(original: Any) -> Any:
    """Makes each run begin at the same place."""
    return lambda items, now, every: list(items)


def of_present_plan(original: Any) -> Any:
    """Returns the rows of a subscription without those of plans that it is to change to."""
    return lambda subscription: original(replace(subscription, next_plan=None, thaws_to=None))


def adding_only(original: Any) -> Any:
    """Leaves rows that are not wanted any more."""
    return lambda kept, wanted: [w for w in original(kept, wanted) if isinstance(w, Insert)]


WORK: tuple[Mutant, ...] = (
    Mutant(
        "alarms: what breaks is not put behind",
        ((due, "put_off", always(None)),),
        redundant="what is late is put behind before it is looked at",
    ),
    Mutant(
        "alarms: what is late is not put behind",
        ((due, "LATE", constant(timedelta(days=9_000))),),
        redundant="what breaks is put behind after it; only whoever dies of it comes again first",
    ),
    Mutant(
        "alarms: nothing is put behind",
        ((due, "put_off", always(None)), (due, "LATE", constant(timedelta(days=9_000)))),
    ),
    Mutant(
        "sweep: always from the same place",
        ((sweep, "rotated", from_the_first),),
        redundant="a run asks for all of a kind at once, and no seed has a wall of checkouts; "
        "tests/rebill/test_fairness.py has runs with time for one kind",
    ),
    Mutant("rows: none of a plan to come", ((list_rows, "of_subscription", of_present_plan),)),
    Mutant("rows: old words stay", ((keeping_rows, "difference", adding_only),)),
    Mutant("rows: a new name leaves them", ((keeping_rows, "renamed", always([])),)),
    Mutant("jobs: nothing left is gone back to", ((Job, "stepped", leaving_nothing),)),
    Mutant("jobs: the place unconditional", ((work, "_save", committing_blindly),)),
    Mutant("jobs: a lease that never ends", ((JobLine, "leased_until", far_away),)),
    Mutant("sweeps: time is never over", ((deadline, "has_time", never_over),)),
)
