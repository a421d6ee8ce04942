"""A million subscriptions: cost follows what is due, and the sweep is linear in it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bench import engine, fanout, growth
from bench.fanout import Limits
from bench.figures import Figure, Report, cpu_seconds
from billing.kernel.values import replace

MANY = 1_000_000
FEW = 1_000
TOTALS = (1_000, 30_000)


def few_of_many(report: Report) -> list[tuple[int, float]]:
    """Measures renewals per second of CPU, FEW due of ever more.

    It then measures a sweep of all of the most.
    """
    rates: list[tuple[int, float]] = []
    for total in (*TOTALS, MANY):
        world = engine.world_of(total, FEW)
        done: list[Counter[str]] = []
        seconds = cpu_seconds(lambda w=world, d=done: d.append(engine.renew(w)))  # type: ignore[misc]
        assert done[0]["paid"] == FEW
        rates.append((total, FEW / seconds))
    report.add(
        Figure(f"{FEW:,} due of {MANY:,}", rates[-1][1], "renewals/s of CPU"),
        Figure("the same against all due", rates[-1][1] / rates[0][1], "times", 0.8),
    )
    world.now += timedelta(days=90)
    per_tick = MANY // 10
    operation = replace(
        world.ports.operation,
        gateway_calls_per_second=2 * per_tick // 60 + 1,
    )
    world.ports = replace(world.ports, operation=operation)
    swept = fanout.sweep(world)
    assert swept.enqueued == MANY, swept
    report.add(
        Figure(
            f"sweep of {MANY:,}, {engine.SHARDS} shards", MANY / swept.seconds, "leases/s of CPU"
        ),
        Figure("the same: enqueued twice", swept.doubled, "subscriptions", 0, at_most=True),
        Figure(
            "the same: last three tenths against the first",
            swept.slowdown,
            "times",
            1.5,
            at_most=True,
        ),
    )
    growth.beside(report, world)
    return rates


def measured() -> tuple[list[Figure], list[tuple[int, float]]]:
    """Measures all of the above in a process of its own.

    Its CPU is its own, and nobody else's memory is in its way.
    """
    report = Report(quiet=True)
    totals = few_of_many(report)
    return report.figures, totals


SCENES = (
    ("as deployed", Limits(gateway_calls=25, workers=5)),
    ("Stripe's 100/s", Limits(gateway_calls=100, workers=10)),
    ("a raise to 1,000/s", Limits(gateway_calls=1_000, workers=100)),
    ("10,000/s", Limits(gateway_calls=10_000, workers=1_000)),
)


def fan_out(report: Report) -> None:
    """Simulates how long many equal due dates take to be charged."""
    heading = ("due at once", "limits", "hours", "deepest queue", "workers at work", "limited by")
    rows: list[tuple[str | float, ...]] = []
    for due in (10_000, 100_000, 1_000_000, 10_000_000):
        for name, limits in SCENES:
            came = fanout.drained(due, limits)
            rows.append(
                (
                    f"{due:,}",
                    name,
                    came.hours,
                    f"{came.deepest_queue:,}",
                    f"{came.workers}",
                    came.limited_by,
                )
            )
    report.table("A wall of alarms, simulated", [heading, *rows])
