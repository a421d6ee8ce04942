"""`python -m bench`: everything, in under eight minutes on two processors."""

from __future__ import annotations

import os
import sys
from time import perf_counter

from bench import cold, cost, handlers, plots, renewals, scale
from bench.figures import Figure, Report
from billing.adapters.sqs_queue import LEASES_PER_MESSAGE

ASSUMED = {
    # Reads: the subscription and where its bill goes, 1 KB each; due rows and merchants are shared.
    "renewal_read_units": 2.1,
    "checkout_read_units": 6,
    "renewal_seconds": 0.1,  # two calls of 300 ms, at least eight side by side, and our own CPU
    "checkout_seconds": 1.2,  # three calls of the gateway, one after the other
    "told_seconds": 0.1,
    "leases_per_message": LEASES_PER_MESSAGE,
    "log_bytes_per_renewal": 200,
    # Sweeps: rebill and cancel every minute, the outbox every five; four shards, four alarms.
    "ticks_per_month": 30 * 24 * 60 * 2.2,
    "idle_sweep_seconds": 0.06,
    "idle_queries_per_month": 30 * 24 * 60 * (4 * 4 + 4 / 5),
    "idle_polls_per_month": 30 * 24 * 3600 / 20 * 5,  # five pollers of 20 s
    "alarms": 39,
}
"""What the cost model takes as given; what `make bench` counts comes on top."""


def main() -> None:
    """Measure, print, write results.json and the plots."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    report, began = Report(counted=dict(ASSUMED)), perf_counter()
    seconds: list[tuple[str, float]] = []
    for part in PARTS:
        part_began = perf_counter()
        part(report)
        seconds.append((part.__name__, perf_counter() - part_began))
    report.table("Seconds of each part", [("part", "seconds"), *seconds])
    report.add(Figure("make bench", (perf_counter() - began) / 60, "minutes", 8, at_most=True))
    report.finish()
    sys.stdout.flush()
    os._exit(0)  # rather than taking a million subscriptions apart


def at_scale(report: Report) -> None:
    """What is plotted, M on one side and the batch size on the other."""
    batches = {"in memory": list(renewals.per_batch_size())}
    plots.draw(scale.few_of_many(report), batches)


PARTS = (
    renewals.in_memory,
    renewals.over_the_wire,
    renewals.write_units,
    renewals.memory,
    renewals.at_the_gateways_pace,
    renewals.over_dynamodb_local,
    cold.measure,
    handlers.warm,
    handlers.invoices,
    at_scale,
    scale.fan_out,
    cost.add,
)
"""What would be disturbed by a million subscriptions comes before them."""


if __name__ == "__main__":
    main()
