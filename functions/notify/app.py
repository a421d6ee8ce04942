"""The outbox: what the core table's stream brings is told to the world, what it left is swept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.adapters.keys import Key, fact_of
from billing.flows import notify
from billing.runtime import telemetry, wiring


@telemetry.observed
def deliver(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Facts as the stream's filter lets them through; one that fails waits for the sweep."""
    ports = wiring.ports()
    facts = [
        fact_of(Key(keys["pk"]["S"], keys["sk"]["S"]))
        for keys in (record["dynamodb"]["Keys"] for record in event["Records"])
    ]
    tally = notify.deliver(ports, facts, now=ports.clock())
    telemetry.tally(tally, "outbox_")
    return {"batchItemFailures": [], **tally}


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Tell what the stream left untold, at the schedule's own time."""
    tally = notify.sweep(wiring.ports(), now=datetime.fromisoformat(event["time"]))
    telemetry.tally(tally, "outbox_sweep_")
    return dict(tally)
