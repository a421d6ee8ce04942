"""Adds up the forecasts of merchants with many subscriptions, every night (R-10).

A job of the platform looks which merchants have many; each of those has a job of its own, so that
one with a million delays no other. What is counted is kept with the place up to which it is, in
one write: a slice that is repeated counts nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import OVER, PLATFORM, Job, JobState, Step
from billing.kernel.flows import whole_lists
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.forecasts import NONE, DayKey, ForecastRollup
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import CHARGEABLE, Subscription
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.rebill.flows import forecast

NIGHTLY, JOB = "forecasts", "forecast"
"""The kinds, and ids, of the platform's job and of each merchant's."""

EVERY = timedelta(hours=24)
"""The time from the beginning of one night's job to that of the next."""

REACHES = timedelta(days=400)
"""The time that a forecast from sums reaches ahead."""

AT_ONCE = 1_000
"""The subscriptions of one step, which is one write."""


def begin(ports: Ports, *, now: datetime) -> Counter[str]:
    """Starts the platform's job, a day after the last one began; also if that one failed."""
    found = ports.store.job(PLATFORM, NIGHTLY)
    if found is not None and now < found.created_at + EVERY:
        return Counter()
    job = jobs.new(PLATFORM, NIGHTLY, NIGHTLY, now)
    began = start(ports, job, now=now, replaces=OVER | {JobState.FAILED}) is job
    return Counter(forecasts=int(began))


def _look(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Starts the job of each merchant who has more than is forecast at once, in order of ids."""
    for merchant, _ in whole_lists.merchants(ports, after=job.cursor):
        if not forecast.is_live(forecast.chargeable(ports, merchant, now=now)):
            own = jobs.new(merchant.id, JOB, JOB, now)
            start(ports, own, now=now, replaces=OVER | {JobState.FAILED})
        yield Step(merchant.id)


def _add_up(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Counts a merchant's subscriptions, newest first, from where the draft has got to."""
    merchant = ports.store.merchant(job.owner)
    assert merchant is not None, "a merchant is never removed"
    done = ports.store.forecast_rollup(merchant.id)
    if done is not None and done.as_of == job.created_at:
        return  # a process that died after the end of it has the end come again
    draft = _draft(ports, merchant, job)
    minor: Counter[DayKey] = Counter()
    charges: Counter[DayKey] = Counter()
    place = draft.place
    sold = whole_lists.subscriptions(ports, merchant, after=place, now=draft.as_of)
    for seen, (subscription, behind) in enumerate(sold, 1):
        place = behind
        for day, amount in _charges(ports, merchant, subscription, draft):
            minor[day] += amount
            charges[day] += 1
        if seen % AT_ONCE == 0:
            draft = _count(ports, draft, minor, charges, place)
            minor.clear()
            charges.clear()
            yield Step(place, None)
    if place != draft.place:
        _count(ports, draft, minor, charges, place)
    yield Step(place, None)


def _charges(
    ports: Ports, merchant: Merchant, subscription: Subscription, draft: ForecastRollup
) -> Iterator[tuple[DayKey, int]]:
    if subscription.state not in CHARGEABLE:
        return iter(())
    return forecast.charges(ports, merchant, subscription, until=draft.until, now=draft.as_of)


def _draft(ports: Ports, merchant: Merchant, job: Job) -> ForecastRollup:
    """Returns the draft of this night's job, begun if there is none of it."""
    found = ports.store.forecast_rollup(merchant.id, draft=True)
    if found is not None and found.as_of == job.created_at:
        return found
    begun = ForecastRollup(
        merchant=merchant.id,
        draft=True,
        as_of=job.created_at,
        until=job.created_at + REACHES,
        place="",
        sums=NONE,
    )
    write: Write = Insert(begun) if found is None else Change(found, begun, expecting=("as_of",))
    ports.store.commit(write)
    return begun


def _count(
    ports: Ports,
    draft: ForecastRollup,
    minor: Counter[DayKey],
    charges: Counter[DayKey],
    place: str,
) -> ForecastRollup:
    after = draft.counted({day: (minor[day], count) for day, count in charges.items()}, place)
    ports.store.commit(Change(draft, after, expecting=("as_of", "place")))
    return after


def _answer(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Makes the draft the sums that are answered from."""
    draft = ports.store.forecast_rollup(job.owner, draft=True)
    if draft is None or draft.as_of != job.created_at:
        return Seen.FINISHED  # it was done before, by a process that died after it
    before = ports.store.forecast_rollup(job.owner)
    whole = ForecastRollup(
        merchant=draft.merchant,
        draft=False,
        as_of=draft.as_of,
        until=draft.until,
        place="",
        sums=draft.sums,
    )
    write: Write = Insert(whole) if before is None else Change(before, whole)
    ports.store.commit(write, Remove(draft))
    return Seen.FINISHED


LOOK = Kind(_look)
ADD_UP = Kind(_add_up, _answer)
