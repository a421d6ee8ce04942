"""Outbox delivery: events from the core table's stream, and a sweep of what the stream left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.kernel.flows import walks
from billing.kernel.writes import Write
from billing.notices.flows import remind
from billing.outbox.flows import deliver as outbox_deliver
from billing.runtime import deadline, telemetry, wiring
from billing.storage.addresses import Key
from billing.storage.event_keys import outbox_ids_of
from billing.webhooks.flows import alarms

MILLISECONDS_TO_FINISH = 20_000


@telemetry.observed
def deliver(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Delivers outbox events as the stream's filter lets them through.

    One that fails, or for which there is no time, waits for the sweep.
    """
    ports = wiring.ports()
    has_time = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH)
    events = [
        outbox_ids_of(Key(keys["pk"]["S"], keys["sk"]["S"]))
        for keys in (record["dynamodb"]["Keys"] for record in event["Records"])
    ]
    tally = outbox_deliver.deliver(ports, events, now=ports.clock(), keep_going=has_time)
    telemetry.tally(tally, "outbox_")
    return {"batchItemFailures": [], **tally}


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Delivers what the stream left and what is soon to come, at the schedule's own time.

    Alarms and reminders share the first half of its time and take turns to begin, so that neither
    keeps the other waiting for ever.
    """
    ports, now = wiring.ports(), datetime.fromisoformat(event["time"])
    half = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH, share=0.5)
    whole = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH)
    ahead = [
        lambda: alarms.sweep(ports, now=now, keep_going=half),
        lambda: remind.sweep(ports, now=now, keep_going=half, access_ended=_log_access_ended),
    ]
    tally = walks.each_of(
        *walks.rotated(ahead, now, outbox_deliver.EVERY),
        lambda: outbox_deliver.sweep(ports, now=now, keep_going=whole),
    )
    telemetry.tally(tally, "outbox_sweep_")
    return dict(tally)


def _log_access_ended(*given: Any) -> tuple[Write, ...]:
    from billing.runtime import handlers  # most sweeps find nothing

    return handlers.log_access_ended(*given)


@telemetry.observed
def returned(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Suppresses an address whose mail came back, or was complained of: it gets no more."""
    from billing.aws import ses_events  # the others start without a parser of mails
    from billing.outbox.flows import suppressions

    tally = suppressions.record(wiring.ports(), ses_events.returned(event))
    telemetry.tally(tally, "returned_")
    return dict(tally)
