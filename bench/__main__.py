"""`python -m bench`: runs every benchmark, in under eight minutes on two processors."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter

from bench import (
    beside,
    cold,
    cost,
    django_page,
    figure_pages,
    growth,
    handlers,
    outbox,
    plots,
    renewals,
    scale,
    stubbed,
)
from bench.figures import Figure, Report
from billing.aws.sqs_queue import LEASES_PER_MESSAGE

ASSUMED = {
    # Reads: the subscription and where its bill goes, 1 KB each; due rows and merchants are shared.
    "renewal_read_units": 2.1,
    "checkout_read_units": 6,
    "renewal_seconds": 0.1,  # two calls of 300 ms, at least eight side by side, and our own CPU
    "checkout_seconds": 1.2,  # three calls of the gateway, one after the other
    "told_seconds": 0.1,
    "leases_per_message": LEASES_PER_MESSAGE,
    "log_bytes_per_renewal": 200,
    **cost.IDLE,
    **cost.deployed(),
}
"""Inputs of the cost model; the counts of `make bench` come on top."""


def main() -> None:
    """Measures, prints, and writes results.json and the plots."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    report, began = Report(counted=dict(ASSUMED)), perf_counter()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        million = beside.submit(scale.measured)
        for part in PARTS:
            part(report)
        batches = {"in memory": list(renewals.per_batch_size())}
        figures, totals = million.result()
        report.add(*figures)
        cold.measure(report)  # alone: who shares a processor's caches starts a tenth later
        plots.draw(totals, batches)
        scale.fan_out(report)
        cost.add(report)
        report.add(Figure("make bench", (perf_counter() - began) / 60, "minutes", 8, at_most=True))
        report.finish()
        sys.stdout.flush()
        _end(beside)


PARTS = (
    renewals.in_memory,
    stubbed.over_the_wire,
    beside.measure,
    renewals.write_units,
    renewals.memory,
    renewals.at_the_gateways_pace,
    renewals.over_dynamodb_local,
    handlers.warm,
    handlers.invoices,
    django_page.measure,
    growth.measure,
    figure_pages.measure,
    outbox.measure,
)


def _end(beside: ProcessPoolExecutor) -> None:
    """Ends the process rather than taking a million subscriptions apart, here or there."""
    for process in beside._processes.values():
        process.kill()
    os._exit(0)


if __name__ == "__main__":
    main()
