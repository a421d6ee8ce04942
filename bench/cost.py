"""The cost of running Perennial, from counted units and the dated prices of `prices.toml`.

Each line is a formula over named quantities and its value: `python -m bench.cost` prints them, and
where each price is from.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.figures import BASELINE, RESULTS, Figure, Report
from billing.kernel.values import Value

PRICES = Path(__file__).with_name("prices.toml")
TEMPLATE = Path(__file__).parents[1] / "template.yaml"
MINUTES_PER_MONTH = 30 * 24 * 60


class Line(Value):
    """A line of a bill: its purpose, and the product of named quantities."""

    what: str
    factors: tuple[tuple[str, float], ...]

    @property
    def dollars(self) -> float:
        value = 1.0
        for _, factor in self.factors:
            value *= factor
        return value

    @property
    def formula(self) -> str:
        return " * ".join(f"{name} {factor:.10g}" for name, factor in self.factors)


POLLS_PER_MONTH = 5 * MINUTES_PER_MONTH * 60 / 20
"""Requests for messages of an idle queue: Lambda asks with five pollers, each for 20 seconds."""


def deployed() -> dict[str, float]:
    """Returns the template's standing quantities: alarms, queues, and its schedules' ticks.

    They cost whether or not anybody buys.
    """
    template = TEMPLATE.read_text("utf-8")
    rates = [*map(every, re.findall(r"rate\((\d+ \w+)\)", template))]
    ticks = sum(MINUTES_PER_MONTH / minutes for minutes in rates)
    traced = sum(MINUTES_PER_MONTH / minutes for minutes in _traced(template))
    # An alarm costs by the metrics it looks at.
    alarms = template.count("MetricName: ")
    polls = POLLS_PER_MONTH * len(re.findall(r"Type: SQS\n", template))
    snapshots = template.count("SnapStart: {ApplyOn: !Ref SnapStart}")
    return {
        "snapshots": snapshots,
        "alarms": alarms,
        "ticks_per_month": ticks,
        "idle_traces_per_month": traced,
        "idle_polls_per_month": polls,
    }


IDLE = {
    # Four shards: rebills, checkouts, refunds; cancellations, accounts, forms, tickets, jobs; every
    # five minutes reminders and twice the outbox.
    "idle_sweep_seconds": 0.06,
    "idle_queries_per_month": MINUTES_PER_MONTH * 4 * (8 + 3 / 5),
    # Lambda's own two lines; ours has nothing to say.
    "idle_log_bytes": 1_000,
    # A metric costs by the hour in which it is sent; a sweep that found nothing sends none.
    "idle_custom_metrics": 0,
    # Of a checkout page, where there is no python3.13 to measure it.
    "start_seconds": 0.3,
}
"""Assumed of a month in which nobody buys; tests/test_bench.py holds it to the handlers."""


def every(rate: str) -> int:
    """Returns the minutes of a schedule's rate, such as `5 minutes`."""
    number, unit = rate.split()
    return int(number) * {"minute": 1, "minutes": 1, "hour": 60}[unit]


def _traced(template: str) -> Iterator[int]:
    """Yields the minutes between the ticks of each schedule whose function is traced."""
    for function in template.split("Type: AWS::Serverless::Function")[1:]:
        own = function.split("\n  # ")[0].split("Type: AWS::IAM::Role")[0]
        for rate in re.findall(r"rate\((\d+ \w+)\)", own):
            if "Tracing: PassThrough" not in own:
                yield every(rate)


def prices() -> dict[str, float]:
    """Returns US dollars by name."""
    return {name: entry["price"] for name, entry in _table().items() if name != "as_of"}


def _table() -> dict[str, Any]:
    return tomllib.loads(PRICES.read_text("utf-8"))


def per_million_renewals(counted: Mapping[str, float], price: Mapping[str, float]) -> list[Line]:
    """Returns the bill of a million renewals: sweep, charge, invoice number and mail, stored for a
    month.
    """
    n = 1e6

    def line(what: str, *factors: tuple[str, float]) -> Line:
        return Line(what, (("renewals", n), *factors))

    def priced(name: str) -> tuple[str, float]:
        return name, price[name]

    charged = ("write units", counted["renewal_write_units"])
    told = ("write units", counted["told_write_units"])
    return [
        line("DynamoDB writes, sweep to settled", charged, priced("dynamodb_write_unit")),
        line("DynamoDB writes, number and mail", told, priced("dynamodb_write_unit")),
        line(
            "DynamoDB reads",
            ("read units", counted["renewal_read_units"]),
            priced("dynamodb_read_unit"),
        ),
        line(
            "Lambda, charging",
            ("seconds, mostly waiting for the gateway", counted["renewal_seconds"]),
            ("GB", 1.0),
            priced("lambda_gb_second"),
        ),
        line(
            "Lambda, mail with its PDF",
            ("seconds", counted["told_seconds"]),
            ("GB", 1.0),
            priced("lambda_gb_second"),
        ),
        line(
            "SQS: send, receive, delete",
            ("requests", 3 / counted["leases_per_message"]),
            priced("sqs_request"),
        ),
        line("SES", ("mails", 1), priced("ses_mail")),
        line(
            "SES, the invoice attached",
            ("GB", counted["attached_bytes"] / 1e9),
            priced("ses_attached_gb"),
        ),
        line(
            "S3, the invoice looked for and kept",
            ("s3_get + s3_put", price["s3_get"] + price["s3_put"]),
        ),
        line(
            "S3, the invoice stored, a month",
            ("GB", counted["attached_bytes"] * 3 / 4 / 1e9),
            priced("s3_gb_month"),
        ),
        line("Logs", ("GB", counted["log_bytes_per_renewal"] / 1e9), priced("logs_gb")),
        line(
            "Storage with PITR, a month",
            ("GB", counted["stored_bytes_per_renewal"] / 1e9),
            (
                "dynamodb_gb_month + pitr",
                price["dynamodb_gb_month"] + price["dynamodb_pitr_gb_month"],
            ),
        ),
    ]


def per_thousand_checkouts(counted: Mapping[str, float], price: Mapping[str, float]) -> list[Line]:
    """Returns the bill of a thousand purchases: page, submit, settle and confirmation."""

    def line(what: str, *factors: tuple[str, float]) -> Line:
        return Line(what, (("checkouts", 1e3), *factors))

    return [
        line(
            "DynamoDB writes",
            ("write units", counted["checkout_write_units"] + counted["rows_write_units"]),
            ("dynamodb_write_unit", price["dynamodb_write_unit"]),
        ),
        line(
            "DynamoDB reads",
            ("read units", counted["checkout_read_units"]),
            ("dynamodb_read_unit", price["dynamodb_read_unit"]),
        ),
        line("HTTP API", ("requests", 2), ("http_api_request", price["http_api_request"])),
        line(
            "Lambda",
            ("seconds, mostly waiting for the gateway", counted["checkout_seconds"]),
            ("GB", 1.0),
            ("lambda_gb_second", price["lambda_gb_second"]),
        ),
        line("SES", ("mails", 1), ("ses_mail", price["ses_mail"])),
    ]


def per_idle_month(counted: Mapping[str, float], price: Mapping[str, float]) -> list[Line]:
    """Returns the bill of a month in which nobody buys: schedules, their empty queries, alarms.

    The dashboard is one of the three that every account has free.
    """
    ticks = counted["ticks_per_month"]
    return [
        Line(
            "Schedules",
            (("ticks", ticks), ("scheduler_invocation", price["scheduler_invocation"])),
        ),
        Line("Lambda requests", (("ticks", ticks), ("lambda_request", price["lambda_request"]))),
        Line(
            "Lambda, sweeps",
            (
                ("ticks", ticks),
                ("seconds", counted["idle_sweep_seconds"]),
                ("GB", 1.0),
                ("lambda_gb_second", price["lambda_gb_second"]),
            ),
        ),
        Line(
            "DynamoDB reads",
            (
                ("queries", counted["idle_queries_per_month"]),
                ("read units", 0.5),
                ("dynamodb_read_unit", price["dynamodb_read_unit"]),
            ),
        ),
        Line(
            "SQS polls",
            (
                ("polls", counted["idle_polls_per_month"]),
                ("sqs_request", price["sqs_request"]),
            ),
        ),
        Line(
            "Traces",
            (("traces", counted["idle_traces_per_month"]), ("trace", price["trace"])),
        ),
        Line(
            "Logs",
            (
                ("ticks", ticks),
                ("GB", counted["idle_log_bytes"] / 1e9),
                ("logs_gb", price["logs_gb"]),
            ),
        ),
        Line("Alarms", (("alarms", counted["alarms"]), ("alarm_month", price["alarm_month"]))),
        Line(
            "Metrics of our own",
            (
                ("metrics", counted["idle_custom_metrics"]),
                ("custom_metric_month", price["custom_metric_month"]),
            ),
        ),
    ]


def per_snapstart_month(counted: Mapping[str, float], price: Mapping[str, float]) -> list[Line]:
    """Returns what SnapStart adds to a month: a snapshot of each function that can have one, and
    ten thousand cold starts from it."""
    return [
        Line(
            "Snapshots, kept",
            (
                ("functions", counted["snapshots"]),
                ("GB", 1.0),
                ("seconds", MINUTES_PER_MONTH * 60),
                ("snapstart_cache_gb_second", price["snapstart_cache_gb_second"]),
            ),
        ),
        Line(
            "Snapshots, restored",
            (
                ("cold starts", 1e4),
                ("GB", 1.0),
                ("snapstart_restored_gb", price["snapstart_restored_gb"]),
            ),
        ),
        Line(
            "Starts that Lambda does not bill then",
            (
                ("cold starts", -1e4),
                ("seconds", counted["start_seconds"]),
                ("GB", 1.0),
                ("lambda_gb_second", price["lambda_gb_second"]),
            ),
        ),
    ]


BILLS = {
    "a million renewals": per_million_renewals,
    "a thousand checkouts": per_thousand_checkouts,
    "an idle month": per_idle_month,
    "SnapStart, a month": per_snapstart_month,
}


def add(report: Report) -> None:
    """Adds the total of each bill to the report."""
    for name, bill in BILLS.items():
        total = sum(line.dollars for line in bill(report.counted, prices()))
        report.add(Figure(f"cost of {name}", total, "$"))


def main() -> int:
    """Prints every line of every bill, from the units that the last `make bench` counted."""
    source = RESULTS if RESULTS.exists() else BASELINE
    counted = IDLE | deployed() | json.loads(source.read_text("utf-8"))["counted"]
    for name, bill in BILLS.items():
        lines = bill(counted, prices())
        print(f"{name}: ${sum(line.dollars for line in lines):,.2f}")
        for line in lines:
            print(f"  ${line.dollars:>9,.4f}  {line.what}: {line.formula}")
    table = _table()
    print(f"prices, looked up on {table.pop('as_of')}")
    for name, entry in table.items():
        print(f"  ${entry['price']:.10g}  {name}: {entry['source']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
