"""Cold starts: a fresh Python as Lambda runs it, from nothing to the first answer.

Each function imports its handler and answers its first event, DynamoDB stubbed. The yardstick is
the import of boto3 with a DynamoDB client, and the Powertools logger. CPU of the child process, the
least of a few; compiled before, as `make build` leaves it, and so is what stands in for DynamoDB.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

from bench.engine import bought
from bench.figures import Figure, Report
from billing.api.flows import keys
from billing.kernel.merchants import ApiKey
from billing.kernel.values import Value
from billing.storage.dynamo.writes import item_of
from billing.storage.entity_keys import key_of
from tests.portal.visitors import OPEN
from tests.world import START, World

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-lambda/bin/python"
LAYER = "CommonLayer/python"
CPU_SHARE = 1024 / 1769
"""Of a processor: Lambda gives one with 1,769 MB, and our functions have 1,024."""

TIMES = 6
MOST, MOST_OF_THE_API = 0.8, 1.0
"""Goals in the yardstick's time, with the direct DynamoDB client: botocore alone is most of it."""

YARDSTICK = """
import boto3
boto3.client("dynamodb")
from aws_lambda_powertools import Logger
Logger(service="x")
"""


ENVIRONMENT = {
    "PATH": os.defpath,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "TABLE_CORE": "core",
    "TABLE_EPHEMERAL": "ephemeral",
    "TABLE_AUDIT": "audit",
    "BUCKET_OBJECTS": "objects",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "QUEUE_CHARGE": "https://sqs.us-east-1.amazonaws.com/1/charge",
    "PUBLIC_URL": "https://pay.example.com",
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "LIMITS": "off",
}


class First(Value):
    """A function's first event: one of `events/`, or made here."""

    name: str
    handler: str
    event: dict[str, object] | str
    most: float = MOST


def measure(report: Report) -> None:
    """Measures each function against the yardstick."""
    if not PYTHON.exists():
        report.leave_out("cold starts", "there is no python3.13 here, which Lambda runs")
        return
    with TemporaryDirectory() as folder:
        task = Path(folder)
        copytree(ROOT / "layers/common/billing", task / LAYER / "billing")
        copytree(ROOT / "functions", task / "Functions/functions")
        copytree(ROOT / "bench", task / "Functions/bench")
        _python(task, str(ROOT / "dev/precompile.py"), str(task))
        items, price_point = _items()
        (task / "items.json").write_text(json.dumps(items))
        yardsticks = []
        for first in _firsts(price_point):
            (task / "event.json").write_text(json.dumps(first.event))
            yardstick, seconds, direct = _least_of_each(first, task)
            yardsticks.append(yardstick)
            if len(yardsticks) == 1:  # a page of the checkout
                report.counted["start_seconds"] = direct / CPU_SHARE
            report.add(
                Figure(f"cold start, {first.name}", seconds / yardstick, "times the yardstick"),
                Figure(
                    f"the same, direct client, {first.name}",
                    direct / yardstick,
                    "times the yardstick",
                    first.most,
                    at_most=True,
                ),
            )
        report.add(
            Figure("boto3 DynamoDB client + Powertools logger", min(yardsticks) * 1e3, "ms CPU")
        )


def _items() -> tuple[dict[str, dict[str, Any]], str]:
    """Returns the items that the first events ask for, as DynamoDB has them."""
    world = World()
    world.change_merchant(settings=OPEN)
    product = world.product()
    (point,) = world.store.catalog("acme")[1]
    key = ApiKey("key_1", keys.digest("sk_cold"), "acme", START, ("read", "write"))
    known = (world.merchant, product, point, key, *bought())
    items = {"\n".join(key_of(entity)): item_of(entity, "0" * 32) for entity in known}
    return items, product.default_price_point


def _firsts(price_point: str) -> list[First]:
    def http(path: str, **headers: str) -> dict[str, object]:
        event = json.loads((ROOT / "events/checkout_page.json").read_text("utf-8"))
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["headers"] |= headers
        return dict(event)

    def told(name: str) -> dict[str, object]:
        return dict(json.loads((ROOT / f"events/{name}.json").read_text("utf-8")))

    return [
        First("checkout page", "checkout.handler", http(f"/checkout/{price_point}")),
        First("portal, login page", "portal.handler", http("/portal/acme")),
        First(
            "merchant, settings",
            "merchant.handler",
            http("/v1/settings", authorization="Bearer sk_cold"),
            MOST_OF_THE_API,
        ),
        First("rebill sweep", "rebill.sweep", told("rebill_sweep")),
        First("rebill charge", "rebill.charge", told("rebill_charge")),
        First("cancel sweep", "cancel.sweep", told("cancel_sweep")),
        First("notify sweep", "notify.sweep", told("notify_sweep")),
    ]


def _least_of_each(first: First, task: Path) -> list[float]:
    """Returns the least seconds of the yardstick, of a function with botocore, and of it with the
    direct client: in turns, so that what else the machine does hits all three."""
    child = ["-m", "bench.cold_child", first.handler]
    kinds: list[tuple[list[str], dict[str, str]]] = [
        (["-c", YARDSTICK], {}),
        (child, {}),
        (child, {"DYNAMODB_CLIENT": "direct"}),
    ]
    spent = [
        [_spent(arguments, task, environment) for arguments, environment in kinds]
        for _ in range(TIMES)
    ]
    return [min(each) for each in zip(*spent, strict=True)]


def _spent(arguments: list[str], task: Path, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _python(task, *arguments, **environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _python(task: Path, *arguments: str, **more: str) -> None:
    environment = {
        **ENVIRONMENT,
        "PYTHONPATH": f"{task / LAYER}:{task / 'Functions'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }
    done = subprocess.run(
        [str(PYTHON), *arguments], env=environment, cwd=task, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{arguments}: {done.stderr[-2000:]}")
