"""Logs and metrics, set up on first use; neither ever holds an address, key or token.

Powertools' Tracer is left out: it costs 390 ms of every cold start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit

from billing.kernel.card_numbers import masked
from billing.kernel.errors import BillingError
from billing.runtime import correlation, deadline

SERVICE = "perennial"
NAMESPACE = "Perennial"

_SECRET = re.compile(r"\b(sk|tok|sess|whsec)_[A-Za-z0-9_+/=-]{8,}|\b[Bb]earer [^\s\"]{8,}")
_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


FIELDS = frozenset(
    {
        # of every line
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "correlation_id",
        "function_name",
        "function_request_id",
        "xray_trace_id",
        # of a request
        "request_id",
        "status",
        "code",
        "reason",
        "field",
        # of a failure of ours
        "exception",
        "exception_name",
        # of what happened: ids and reasons
        "merchant",
        "message_id",
        "why",
        "kind",
        "owner",
        "since",
        "hold",
        "counts",
    }
)
"""All fields that a log line may hold; others are left out of it.

None is a person's name, address, card or words, and none is a body (RELIABILITY.md 4.2, 22).
"""

WATCHED = frozenset(
    {
        # by alarms
        "GatewayTrouble",
        "MissedHeld",
        "MissedJobsStuck",
        "MissedUnanswered",
        "MissedUnderWay",
        "OutboxAgeSeconds",
        # on the dashboard
        "ChargeActionRequired",
        "ChargeConflict",
        "ChargeDeclined",
        "ChargePaid",
        "ChargeUnreachable",
        "OutboxSweepTold",
        "OutboxSweepUnsent",
        "OutboxTold",
        "OutboxUnsent",
        "SweepDue",
        "SweepEnqueued",
        # of outages and gaps, named by docs/operations.md
        "DocumentsNotKept",
        "TaxAddressIncomplete",
    }
)
"""The counts that are metrics; each costs thirty cents a month. The others are in the log alone."""

LONGEST_FIELD = 100
"""The most characters of `field`: the sender of a request may choose the name of a wrong field."""


def redacted(text: str) -> str:
    """Returns the text without mail addresses, card numbers and credentials."""
    return masked(_EMAIL.sub("<email>", _SECRET.sub("<secret>", text))).text


def hashed(value: str) -> str:
    """Returns twelve hex digits that stand in a log for a private value; the same value, the same
    digits."""
    return sha256(value.strip().lower().encode()).hexdigest()[:12]


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON lines with the declared fields only, and the thread's own correlation id.

    No value holds an address, card number or credential, wherever it came from.
    """

    def serialize(self, log: Any) -> str:
        under_now = {"correlation_id": correlation.current()}
        kept = {name: _shown(value) for name, value in (log | under_now).items() if name in FIELDS}
        return super().serialize(kept)


def _shown(value: Any) -> str | int | None:
    return value if value is None or isinstance(value, int) else redacted(str(value))


@cache
def logger() -> Logger:
    """Returns the one logger."""
    formatter = RedactingFormatter(serialize_stacktrace=False)
    return Logger(service=SERVICE, logger_formatter=formatter)


@cache
def metrics() -> Metrics:
    """Returns the one set of metrics, in its stage's namespace.

    `observed` publishes it after each invocation.
    """
    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE)
    return Metrics(service=SERVICE, namespace=namespace)


def count(name: str, value: float = 1) -> None:
    """Adds to a metric."""
    metrics().add_metric(name=name, unit=MetricUnit.Count, value=value)


def tally(counts: Mapping[str, int], prefix: str = "") -> None:
    """Logs the counts of an invocation, and adds those that somebody watches to their metrics.

    Zeros are left out: a metric costs for each hour in which it is sent, so that a sweep that finds
    nothing costs nothing. Whether a sweep comes is seen by its invocations.
    """
    found = {name: value for name, value in counts.items() if value}
    for name, value in found.items():
        if metric_name(prefix + name) in WATCHED:
            count(metric_name(prefix + name), value)
    if found:
        of_all = ", ".join(f"{prefix}{name} {value}" for name, value in found.items())
        happened("counted", counts=of_all)


def metric_name(key: str) -> str:
    """Returns a count's metric name for alarms and dashboard: `missed_under_way` is
    MissedUnderWay."""
    return key.title().replace("_", "")


def happened(what: str, **fields: str | int | None) -> None:
    """Logs one line for a notable event: a sign-in, a changed key."""
    logger().info(what, extra=fields)


def failed(error: Exception, request_id: str, *, status: int) -> None:
    """Logs a failed request: a caller's error as one line, an error of ours with its stack."""
    known = error if isinstance(error, BillingError) else BillingError()
    fields: dict[str, Any] = {
        "request_id": request_id,
        "status": status,
        "code": known.code,
        "reason": known.reason,
    }
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        field = getattr(error, "field", None)
        fields["field"] = None if field is None else field[:LONGEST_FIELD]
        logger().info("request refused", extra=fields)
    else:
        logger().error("request failed", exc_info=error, extra=fields)


def messages_failed(errors: Mapping[str, Exception]) -> None:
    """Logs a line with its stack for each queue message that our own code failed on.

    A message that failed through an outage comes again, and is not logged.
    """
    for message, error in errors.items():
        if not isinstance(error, BillingError):
            failed(error, message, status=HTTPStatus.INTERNAL_SERVER_ERROR)


@contextmanager
def under(correlation_id: str | None) -> Iterator[None]:
    """Sets the correlation id of log lines, queue messages and outbox events within a block."""
    with correlation.under(correlation_id):
        yield


def observed(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Wraps a Lambda handler: its log lines name function and request, its metrics are
    published."""

    @wraps(handler)
    def invoked(event: Any, context: Any) -> Any:
        request_id = getattr(context, "aws_request_id", None)
        logger().append_keys(
            function_name=getattr(context, "function_name", None),
            function_request_id=request_id,
        )
        try:
            with (
                under(correlation.of_event(event, request_id)),
                deadline.of_invocation(context),
            ):
                return handler(event, context)
        finally:
            if metrics().provider.metric_set:  # Powertools warns if there are none
                metrics().flush_metrics()

    return invoked
