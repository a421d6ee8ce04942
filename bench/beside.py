"""A renewal beside a plain transaction of three items by botocore, over the same loopback.

What answers runs in a process of its own, so that the CPU of ours is all that a renewal costs us:
rules, items, requests, signatures, sockets. In turns, the best of three.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import engine
from bench.figures import Figure, Report, cpu_seconds
from bench.stubbed import stub_world
from billing.kernel.values import replace
from billing.runtime import wiring
from billing.storage import store
from billing.storage.dynamo import chosen
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.writes import item_of
from tests.storage.direct import loopback

ROOT = Path(__file__).parents[1]
ROUNDS, RENEWALS, PLAIN = 4, 1_000, 300
CLIENTS: Mapping[str, float | None] = {chosen.DIRECT: 0.6, chosen.BOTOCORE: None}
"""The goal of each client, in times of the plain transaction."""


def measure(report: Report) -> None:
    """Measures a renewal with each client; the first round only reads botocore's models."""
    best = dict.fromkeys(("plain", *CLIENTS), float("inf"))
    for _ in range(ROUNDS):
        for client in CLIENTS:
            with _server() as url:
                best["plain"] = min(best["plain"], _plain_transaction(url))
                best[client] = min(best[client], _renewal(url, client))
    report.add(Figure("a plain transaction of three items, botocore", best["plain"] * 1e3, "ms"))
    for client, goal in CLIENTS.items():
        times = best[client] / best["plain"]
        report.add(Figure(f"a renewal in batches, {client}", times, "times that", goal, True))


def _renewal(url: str, client: str) -> float:
    world = engine.world_of(0)
    on_loopback = store.on_dynamodb("core", _connected(url, client))
    world.ports = replace(world.ports, store=on_loopback, each=wiring.one_by_one)
    return engine.checked(world, RENEWALS, cpu_seconds) / RENEWALS


def _plain_transaction(url: str) -> float:
    """Returns the seconds of CPU of a conditional transaction of three items, as anybody's code
    would write it with botocore."""
    calls = _connected(url, chosen.BOTOCORE)
    mine, bill_to = engine.copies(engine.world_of(0).ports, 1)
    new = {"TableName": "core", "ConditionExpression": "attribute_not_exists(pk)"}
    update = {
        "TableName": "core",
        "Key": {"pk": {"S": "M#acme"}, "sk": {"S": "SUB#1"}},
        "UpdateExpression": "SET #state = :paid",
        "ConditionExpression": "#state = :open",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":paid": {"S": "paid"}, ":open": {"S": "open"}},
    }
    actions: list[dict[str, Any]] = [
        {"Put": {**new, "Item": item_of(mine, "0" * 22)}},
        {"Put": {**new, "Item": item_of(bill_to, "0" * 22)}},
        {"Update": update},
    ]

    def run() -> None:
        for number in range(PLAIN):
            token = f"token-{number}"
            calls("TransactWriteItems", {"TransactItems": actions, "ClientRequestToken": token})

    return cpu_seconds(run) / PLAIN


def _connected(url: str, client: str) -> Calls:
    os.environ |= {"AWS_ENDPOINT_URL_DYNAMODB": url, "AWS_DEFAULT_REGION": "us-east-1"}
    return chosen.connect(client, os.environ, entropy=os.urandom, clock=lambda: datetime.now(UTC))


@contextmanager
def _server() -> Iterator[str]:
    """Runs what answers, with subscriptions that are due, until it is no longer wanted."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'layers/common'}:{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-m", "bench.beside"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def _serve() -> None:
    _, endpoint = stub_world(RENEWALS)

    def answer(request: loopback.Request) -> bytes:
        target = request.headers["x-amz-target"]
        return loopback.reply(endpoint.answer(target, request.body).encode())

    with loopback.running(answer) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve()
