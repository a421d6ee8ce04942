"""The worker of background jobs: a slice for each lease that its messages name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.jobs.flows import work
from billing.jobs.flows.steps import Kind
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.storage import Due

Errors = dict[str, Exception]


def take_all(
    ports: Ports,
    kinds: Mapping[str, Kind],
    messages: Mapping[str, Sequence[Due]],
    *,
    now: datetime,
    keep_going: KeepGoing,
) -> tuple[Counter[str], Errors, Errors]:
    """Does the slices of all messages; one that fails holds up no other.

    Returns the outcomes, the errors of messages that failed, by their ids, and those of steps that
    our own code failed on, by the jobs'.
    """
    tally: Counter[str] = Counter()
    failed: Errors = {}
    broken: Errors = {}
    for name, leases in messages.items():
        for lease in leases:
            try:
                done = work.take(ports, kinds, lease, now=now, keep_going=keep_going)
            except Exception as error:
                failed[name] = error
                continue
            tally[done.outcome] += 1
            for number, of_step in enumerate(done.errors):
                broken[f"{work.name_of(done.job)} {number}"] = of_step
    return tally, failed, broken
