"""The job that sends what an endpoint did not get, after its next success (M-5).

It gives each delivery that waits, or was given up, a due date from now on, at a pace that the
sweep and the endpoint can follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.jobs import jobs
from billing.jobs.flows.start import joins
from billing.jobs.flows.steps import Kind, each
from billing.jobs.jobs import Job, Step
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert, Write
from billing.webhooks.deliveries import Delivery
from billing.webhooks.endpoints import WebhookEndpoint

JOB = "webhook_recovery"
BETWEEN = timedelta(milliseconds=200)
"""The time between two due dates: five events a second."""

PART = 100


def writes(ports: Ports, endpoint: WebhookEndpoint, now: datetime) -> tuple[Write, ...]:
    """Returns the writes that start an endpoint's job from its earliest undelivered event on.

    A job that goes on already begins again from there. There is none where nothing is undelivered.
    """
    earliest = endpoint.undelivered_from
    if earliest is None:
        return ()
    # The row before the earliest one: ids are compared as texts.
    cursor = f"{endpoint.id} {earliest[:-1]}"
    job_id = f"{JOB}.{endpoint.id}"
    found = ports.store.job(endpoint.merchant, job_id)
    new = jobs.new(endpoint.merchant, job_id, JOB, now, begins=cursor)
    if found is None:
        return Insert(new), *joins(ports, new, now)
    if found.is_live:
        sooner = replace(
            found,
            cursor=min(found.cursor, cursor),
            begins=min(found.begins or cursor, cursor),
            round_at=now,
        )
        return (Change(found, sooner, expecting=("state",)),)
    return Change(found, new, expecting=("state",)), *joins(ports, new, now)


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    endpoint, _, after = job.cursor.partition(" ")
    count = job.done

    def again(delivery: Delivery) -> Seen:
        nonlocal count
        current = ports.store.delivery(job.owner, endpoint, delivery.event)
        if current is None or not current.is_undelivered:
            return Seen.SKIPPED
        at = max(now, job.round_at + count * BETWEEN)
        count += 1
        ports.store.commit(Change(current, current.again(at), expecting=("due_at", "state")))
        return Seen.FINISHED

    while found := ports.store.deliveries_after(job.owner, endpoint, after=after, limit=PART):
        yield from each(endpoint, ((one, one.event) for one in found), again)
        after = found[-1].event
        if len(found) < PART:
            return


RECOVER = Kind(_steps)
