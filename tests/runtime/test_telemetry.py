"""Logs say what happened, and never to whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from billing.kernel.errors import Invalid, Unavailable
from billing.runtime import telemetry

LAYER = Path(telemetry.__file__).parents[2]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Returns the logged lines."""
    written = StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", written)
    return written


def test_it_is_imported_without_any_environment() -> None:
    program = "from billing.runtime import telemetry; telemetry.logger; telemetry.metrics"
    env = {"PYTHONPATH": str(LAYER), "PATH": os.environ.get("PATH", "")}
    subprocess.run([sys.executable, "-c", program], env=env, check=True, timeout=60)


def test_what_a_caller_did_wrong_is_one_line_without_a_stack(lines: StringIO) -> None:
    error = Invalid("email_taken", field="email", email="ann@example.com")
    telemetry.failed(error, "request-1", status=422)
    line = json.loads(lines.getvalue())
    assert line["level"] == "INFO"
    assert (line["status"], line["code"], line["field"]) == (422, "invalid", "email")
    assert line["reason"] == "email_taken"
    assert line["request_id"] == "request-1"
    assert "exception" not in line
    assert "ann@" not in json.dumps(line)


@pytest.mark.parametrize(
    "error", [RuntimeError("ann@example.com"), Unavailable("sk_0123456789abcdef")]
)
def test_what_we_did_wrong_has_its_stack_and_still_no_address(
    error: Exception, lines: StringIO
) -> None:
    try:
        raise error
    except Exception as raised:
        telemetry.failed(raised, "request-1", status=500)
    line = lines.getvalue()
    assert json.loads(line)["level"] == "ERROR"
    assert type(error).__name__ in json.loads(line)["exception"]
    assert "ann@" not in line
    assert "0123456789abcdef" not in line


@pytest.mark.parametrize(
    "text",
    [
        "mail to ann.o'neil+tag@mail.example.com failed",
        "Authorization: Bearer sk_0123456789abcdef0123",
        "key sk_0123456789abcdef was revoked",
    ],
)
def test_addresses_and_credentials_are_taken_out(text: str) -> None:
    shown = telemetry.redacted(text)
    assert "@" not in shown
    assert "0123456789" not in shown


@pytest.mark.parametrize("text", ["sub_0123456789abcdef", "K7M2Q-9XTRV-4H3PD", "no secret @ all"])
def test_ids_stay_readable(text: str) -> None:
    assert telemetry.redacted(text) == text


def test_a_hash_stands_for_an_address_in_any_spelling() -> None:
    assert telemetry.hashed("Ann@Example.com ") == telemetry.hashed("ann@example.com")
    assert telemetry.hashed("ann@example.com") != telemetry.hashed("bob@example.com")


def test_what_is_watched_is_a_metric_and_all_that_was_counted_is_in_the_log(
    capsys: pytest.CaptureFixture[str], lines: StringIO
) -> None:
    @telemetry.observed
    def sweep(event: object, context: object) -> str:
        telemetry.tally({"due": 12, "odd": 2, "enqueued": 0}, "sweep_")
        return "done"

    assert sweep({}, None) == "done"
    log, published = json.loads(lines.getvalue()), json.loads(capsys.readouterr().out)
    assert (log["message"], log["counts"]) == ("counted", "sweep_due 12, sweep_odd 2")
    (metrics,) = published["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Perennial"
    assert [metric["Name"] for metric in metrics["Metrics"]] == ["SweepDue"]
    assert published["SweepDue"] == [12.0]


def test_an_invocation_that_found_nothing_publishes_and_logs_nothing(
    capsys: pytest.CaptureFixture[str], lines: StringIO
) -> None:
    telemetry.observed(lambda event, context: telemetry.tally({"due": 0}, "sweep_"))({}, None)
    assert capsys.readouterr().out + lines.getvalue() == ""


def test_an_invocation_without_metrics_is_silent(
    capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    telemetry.observed(lambda event, context: None)({}, None)
    assert capsys.readouterr().out == ""
    assert not recwarn.list
