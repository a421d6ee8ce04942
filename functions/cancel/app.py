"""Delayed cancellations: carried out when the paid period ends (X-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.cancel.flows import cancel
from billing.runtime import deadline, telemetry, wiring

MILLISECONDS_TO_FINISH = 10_000


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Ends what is due to end at the schedule's own time; a replayed event ends nothing twice."""
    tally = cancel.sweep(
        wiring.ports(),
        now=datetime.fromisoformat(event["time"]),
        keep_going=deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH),
    )
    telemetry.tally(tally, "cancel_")
    return dict(tally)
