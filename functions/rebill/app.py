"""The rebill engine's two ends: the sweep (schedule -> queue) and the charge (queue -> gateway)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from billing.adapters.sqs_queue import correlation_of, leases_of
from billing.flows import enqueue, leases
from billing.runtime import telemetry, wiring

MILLISECONDS_TO_FINISH = 15_000


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Lease what is due at the schedule's own time and enqueue it; a replayed event takes nothing
    twice. `{"dry_run": true}` only counts."""
    tally = enqueue.due(
        wiring.ports(),
        now=datetime.fromisoformat(event["time"]),
        dry_run=bool(event.get("dry_run")),
        keep_going=lambda: context.get_remaining_time_in_millis() > MILLISECONDS_TO_FINISH,
    )
    telemetry.tally(tally, "sweep_")
    return dict(tally)


@telemetry.observed
def charge(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Charge what the queue's messages name; a message that fails comes again by itself."""
    tally: Counter[str] = Counter()

    def take(record: Mapping[str, Any]) -> None:
        ports, body = wiring.ports(), record["body"]
        with telemetry.under(correlation_of(body)):
            tally.update(leases.take(ports, leases_of(body), now=ports.clock()))

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    failures = process_partial_response(
        event=event, record_handler=take, processor=processor, context=context
    )
    telemetry.tally(tally, "charge_")
    return {**failures, **tally}
