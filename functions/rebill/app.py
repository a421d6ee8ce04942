"""The rebill engine's two ends: the sweep (schedule -> queue) and the charge (queue -> gateway)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

from billing.adapters.sqs_queue import leases_of
from billing.flows import checkout, enqueue, rebill, refund
from billing.ports import Due
from billing.runtime import telemetry, wiring
from billing.subscription import Alarm

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
        tally.update(_charge(record["body"]))

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    failures = process_partial_response(
        event=event, record_handler=take, processor=processor, context=context
    )
    telemetry.tally(tally, "charge_")
    return {**failures, **tally}


def _charge(body: str) -> Counter[str]:
    ports = wiring.ports()
    now = ports.clock()
    leases: dict[Alarm, list[Due]] = defaultdict(list)
    for lease in leases_of(body):
        leases[lease.kind].append(lease)
    return (
        rebill.charge(ports, leases[Alarm.BILL], now=now)
        + checkout.finish_left_alone(ports, leases[Alarm.CHECKOUT], now=now)
        + refund.finish(ports, leases[Alarm.REFUND], now=now)
    )
