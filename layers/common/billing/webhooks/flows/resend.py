"""Sends events again that a merchant asks for: one delivery, or a range of the log (M-5).

A range is sent by a job, at a pace that the endpoint can follow. Events keep their ids, so that a
receiver knows those again that it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from billing.event_log.logged_events import KEPT, LoggedEvent, hour_of, id_at, place_of
from billing.jobs import jobs
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind, each
from billing.jobs.jobs import Job, Step
from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.lists import Page
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert
from billing.webhooks import deliveries
from billing.webhooks.deliveries import LEASE, Delivery, DeliveryState
from billing.webhooks.endpoints import EVERYTHING, WebhookEndpoint
from billing.webhooks.flows import endpoints, fan_out
from billing.webhooks.flows.recover import BETWEEN, PART

JOB = "webhook_replay"
RESENDS_AT_MOST = 600
"""The most resends of a merchant in an hour; a replay is one request for many."""

CLOCKS_DIFFER = timedelta(minutes=1)
"""The most by which the clock of the process that logs an event is ahead of another's."""

READS_AT_MOST = 10
PAGE = 100


class Range(Value):
    """The events of a replay: appended from an instant on and before another, of some types."""

    since: datetime
    until: datetime
    types: tuple[str, ...]


def page(
    ports: Ports,
    merchant: str,
    endpoint: str,
    *,
    kind: str | None = None,
    state: DeliveryState | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Delivery]:
    """Lists the deliveries to an endpoint, those of the latest events first.

    A page of few matches may be short, and the next one goes on.
    """
    endpoints.one(ports, merchant, endpoint)
    bound = (merchant, endpoint, kind or "", state or "")
    before = None if cursor is None else position_in(cursor, *bound)
    shown: list[Delivery] = []
    for _ in range(READS_AT_MOST):
        found = ports.store.deliveries_before(merchant, endpoint, before=before, limit=PAGE)
        for one in found:
            if len(shown) == limit:
                assert before is not None, "something was shown"
                return Page(tuple(shown), seal(before, *bound))
            before = one.event
            if kind in (None, one.type) and state in (None, one.state):
                shown.append(one)
        if len(found) < PAGE:
            return Page(tuple(shown), None)
    assert before is not None, "something was read"
    return Page(tuple(shown), seal(before, *bound))


def resend(ports: Ports, merchant: str, delivery_id: str) -> Delivery:
    """Sends one delivery again, and at once; raises `NotFound`, and `Refused` for a disabled
    endpoint."""
    endpoint_id, _, event = delivery_id.partition(".")
    found = ports.store.delivery(merchant, endpoint_id, event) if event else None
    if found is None:
        raise NotFound("delivery_unknown")
    if not endpoints.one(ports, merchant, endpoint_id).is_enabled:
        raise Refused("endpoint_disabled")
    endpoints.limit(ports, merchant, "resend", RESENDS_AT_MOST)
    after = found.again(ports.clock() + LEASE)
    ports.store.commit(Change(found, after, expecting=("due_at", "state")))
    fan_out.start(ports, [after])
    return after


def replay(
    ports: Ports,
    merchant: str,
    endpoint: str,
    *,
    since: datetime,
    until: datetime,
    types: Sequence[str] = (EVERYTHING,),
    now: datetime,
) -> Job:
    """Starts a job that sends the events of a range to an endpoint, whether it had them or not:
    those of the types that are named, or of all that it is for.

    A range up to now has all that is logged, whatever the clock of its process; what is logged from
    now on is on its way by itself, and is not sent twice.

    Raises `Invalid` for a range that ends before it begins, or is older than the log, and `Refused`
    for a disabled endpoint and while another replay to it goes on.
    """
    if not endpoints.one(ports, merchant, endpoint).is_enabled:
        raise Refused("endpoint_disabled")
    wanted = endpoints.checked_types(types)
    if until <= since:
        raise Invalid("range_empty", field="to")
    if until <= now - KEPT:
        raise Invalid("range_too_old", field="to")
    first = id_at(max(since, now - KEPT))
    last = id_at(until if until < now else now + CLOCKS_DIFFER)
    asked = json.dumps({"endpoint": endpoint, "until": last, "types": wanted, "now": id_at(now)})
    new = jobs.new(merchant, f"{JOB}.{endpoint}", JOB, now, begins=f"{asked} {first}")
    over = jobs.OVER | {jobs.JobState.FAILED, jobs.JobState.PAUSED}
    if start(ports, new, now=now, replaces=over) is not new:
        raise Refused("replay_under_way")
    return new


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    of, _, after = job.cursor.rpartition(" ")
    asked: dict[str, Any] = json.loads(of)
    count = job.done

    def again(logged: LoggedEvent) -> Seen:
        nonlocal count
        endpoint = ports.store.webhook_endpoint(job.owner, asked["endpoint"])
        if endpoint is None or not _is_asked(logged, asked, endpoint):
            return Seen.SKIPPED
        found = ports.store.delivery(job.owner, endpoint.id, logged.id)
        # A job of version 0.2 does not say when it was asked for, and ends there.
        if found is not None and logged.id >= asked.get("now", asked["until"]):
            return Seen.SKIPPED
        at = max(now, job.round_at + count * BETWEEN)
        count += 1
        if found is None:
            made = deliveries.new(endpoint, logged.id, logged.type, now)
            ports.store.commit(Insert(made.again(at)))
        else:
            ports.store.commit(Change(found, found.again(at), expecting=("due_at", "state")))
        return Seen.FINISHED

    logged = _logged(ports, job.owner, after, asked["until"])
    yield from each(of, ((one, one.id) for one in logged), again)


def _is_asked(logged: LoggedEvent, asked: dict[str, Any], endpoint: WebhookEndpoint) -> bool:
    """Tests whether an event is of a type that is asked for: of all, those of its endpoint."""
    if EVERYTHING in asked["types"]:
        return endpoint.is_for(logged.type)
    return logged.type in asked["types"]


def _logged(ports: Ports, merchant: str, after: str, until: str) -> Iterator[LoggedEvent]:
    """Yields the events of a log behind a place and before another, hour by hour."""
    begins_at, ends_at = hour_of(place_of(after)), place_of(until)
    while True:
        hours = ports.store.event_hours(merchant, begins_at, ends_at, PART)
        for hour in hours:
            while True:
                found = ports.store.logged_events(
                    merchant, hour.begins_at, after=after, until=until, limit=PART
                )
                yield from found
                if len(found) < PART:
                    break
                after = found[-1].id
        if len(hours) < PART:
            return
        begins_at = hours[-1].begins_at + timedelta(hours=1)


REPLAY = Kind(_steps)
