"""The detector of missed charges, late mail and stuck jobs, on a schedule of its own; it never asks
a sweep (R-9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.jobs.flows import watch as jobs_watch
from billing.outbox.flows import age
from billing.rebill.flows import missed
from billing.runtime import telemetry, wiring

LINES_AT_MOST = 100


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Counts what is more than an hour late at the schedule's own time, and names the latest.

    It measures also how long the oldest event of the outbox has waited, if that is late.
    """
    ports, now = wiring.ports(), datetime.fromisoformat(event["time"])
    found = [*missed.find(ports, now=now), *missed.others(ports, now=now)]
    stuck = jobs_watch.find(ports, now=now)
    for late in found[:LINES_AT_MOST]:
        telemetry.happened("missed", **late.described())
    for job in stuck[:LINES_AT_MOST]:
        telemetry.happened("job stuck", **job.described())
    # One alarm rings for both: each is a person's to look at, and none goes on by itself.
    tally = missed.tally(found)
    tally.update(unanswered=len(stuck), jobs_stuck=len(stuck))
    telemetry.tally(tally, "missed_")
    waited = age.measure(ports, now=now)
    telemetry.tally(waited, "outbox_")
    return {**tally, **waited}
