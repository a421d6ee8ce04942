"""Benchmark of the outbox: how many receipts a second one shard of the table's stream delivers.

Measured is our own CPU: numbering, PDF and mail in memory, and the calls of DynamoDB and SES
against endpoints in the same thread. The rest is arithmetic over what the template deploys.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from time import process_time
from typing import Any

import boto3
from botocore.awsrequest import AWSRequest, AWSResponse

from bench.figures import Figure, Report
from bench.stub import StubEndpoint, answer_of_aws
from billing.aws.ses_mailer import SesMailer
from billing.outbox.flows import deliver
from billing.runtime import wiring
from billing.storage import store
from billing.storage.dynamo import calls as dynamo_calls
from tests.world import World

REGION = "us-east-1"
TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"
RECEIPTS = 100
STORE_CALLS = 14
"""Of a receipt: 8 reads and 3 writes (`tests/storage/test_call_budgets.py`), and the looks around
it, which a batch shares."""

GOAL_PER_SECOND = 50
LATENCY_SECONDS = 0.3
"""A delivery that waits for nothing but DynamoDB and SES, as assumed."""

FULL_PROCESSOR_MB = 1769
"""The memory with which Lambda gives a function one processor."""


def measure(report: Report) -> None:
    """Measures a receipt's CPU, and adds what follows from it."""
    cpu = _in_process() + STORE_CALLS * _store_call() + _ses_call()
    batches, memory = _deployed()
    by_cpu = batches * memory / FULL_PROCESSOR_MB / cpu
    by_waiting = batches * wiring.CALLS_AT_ONCE / LATENCY_SECONDS
    report.add(
        Figure("outbox, a receipt", cpu * 1e3, "ms CPU"),
        Figure(
            "outbox, one stream shard",
            min(by_cpu, by_waiting),
            "receipts/s, computed",
            GOAL_PER_SECOND,
        ),
    )


def _deployed() -> tuple[int, int]:
    """Returns the batches at a time of a stream shard, and the function's memory in MB."""
    template = TEMPLATE.read_text("utf-8")
    (batches,) = re.findall(r"ParallelizationFactor: (\d+)", template)
    # The size of all functions stands first; the notify function has none of its own.
    memory = re.findall(r"MemorySize: (\d+)", template)[0]
    return int(batches), int(memory)


def _in_process() -> float:
    """Returns the seconds of CPU for a receipt in memory, with its PDF."""
    world = World(limits=False)
    product = world.product()
    for number in range(RECEIPTS + 10):
        world.buy(product, email=f"ann{number}@example.com")
    later = world.now + timedelta(minutes=1)
    events = [e for n in range(4) for e in world.store.undelivered(n, later, 1_000)]
    named = [(event.shard, event.at, event.id) for event in events]
    deliver.deliver(world.ports, named[:10], now=world.now)
    began = process_time()
    for batch in range(10, len(named), 25):
        deliver.deliver(world.ports, named[batch : batch + 25], now=world.now)
    assert len(world.mailer.sent) == len(named)
    return (process_time() - began) / (len(named) - 10)


def _store_call() -> float:
    """Returns the seconds of CPU of a read through botocore, without the endpoint's own."""
    endpoint = StubEndpoint()
    world = World()
    endpoint.holds(world.merchant)
    reading = store.on_dynamodb(
        "core", endpoint.under(dynamo_calls.connect(os.urandom, region=REGION))
    )
    reading.merchant("acme")
    endpoint.spent, began = 0.0, process_time()
    for _ in range(200):
        assert reading.merchant("acme")
    return (process_time() - began - endpoint.spent) / 200


class _Taking:
    """SES's endpoint: it takes every mail."""

    def send(self, request: AWSRequest) -> AWSResponse:
        return answer_of_aws(request, {"content-type": "application/json"}, b'{"MessageId": "1"}')


def _ses_call() -> float:
    """Returns the seconds of CPU for a mail with a PDF of 28 KB, to SES."""
    client: Any = boto3.client("sesv2", region_name=REGION)
    client._endpoint.http_session = _Taking()
    mailer, now = SesMailer(client), World().now
    began = process_time()
    for _ in range(50):
        mail = EmailMessage()
        mail["To"], mail["X-Merchant"], mail["Message-ID"] = "ann@example.com", "acme", "<1@x>"
        mail.set_content("Thank you.\n" * 40)
        mail.add_attachment(bytes(28_000), maintype="application", subtype="pdf", filename="i.pdf")
        mailer.send(mail, now=now)
    return (process_time() - began) / 50
