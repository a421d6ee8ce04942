"""The missed-charge detector, on a schedule of its own; it never asks the sweep (R-9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.rebill.flows import missed
from billing.runtime import telemetry, wiring

LINES_AT_MOST = 100


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Counts what is more than an hour late at the schedule's own time, and names the latest."""
    found = missed.find(wiring.ports(), now=datetime.fromisoformat(event["time"]))
    for late in found[:LINES_AT_MOST]:
        telemetry.happened("missed", **late.described())
    tally = missed.tally(found)
    telemetry.tally(tally, "missed_")
    return dict(tally)
