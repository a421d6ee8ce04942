"""Figures: adds what the core table's stream brings to the sums of each merchant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.figures.flows import observe as figures_observe
from billing.runtime import telemetry, wiring
from billing.storage.stream import records_of


@telemetry.observed
def observe(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Adds a batch of one shard of the stream; a batch that fails comes again.

    The mapping has windows only because Lambda names the shard to no other function. Nothing is
    kept in their state.
    """
    ports = wiring.ports()
    records = records_of(event["Records"])
    figures_observe.observe(ports, event["shardId"], records, now=ports.clock())
    return {"state": {}, "batchItemFailures": []}
