"""A pytest plugin: which AWS calls each function makes while the suite runs over it.

    make test RECORD=folder

The suite's world is in memory; each call of it is written down as the one that the DynamoDB, S3,
SQS or SES adapter makes in its place. What a scenario calls directly counts for the function whose
flow it is.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from billing.accounts.flows import account_life
from billing.cancel.flows import cancel
from billing.checkout.flows import expire
from billing.declarations.flows import look
from billing.figures.flows import observe
from billing.gateway_events.flows import webhook
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.helpdesk.flows import decision
from billing.jobs.flows import sweep as jobs_sweep
from billing.jobs.flows import work
from billing.kernel.writes import Change, ConditionCheck, Insert, Remove, Transaction
from billing.operations.web import operator
from billing.outbox.flows import consume, deliver, suppressions
from billing.privacy.flows import erase
from billing.rebill.flows import charge, missed, sweep
from billing.refunds.flows import refund
from billing.runtime import telemetry
from billing.storage.addresses import IndexPartition
from billing.storage.audit_rows import MemoryAudit
from billing.storage.memory.ephemeral import MemoryEphemeral
from billing.storage.memory.items import MemoryItems
from billing.storage.memory.objects import MemoryObjects
from billing.webhooks.flows import alarms, attempt
from billing.webhooks.flows import sweep as webhooks_sweep

ROOT = Path(__file__).resolve().parents[2]

Call = tuple[str, str]
"""An action, and the resource: a table, a table's index, a queue, an area of the bucket, or an
identity."""

WITHOUT_HANDLERS = frozenset(
    {
        *("aws", "bench", "browser", "dev", "emulated", "gateways", "kernel", "local_stack"),
        *("packaged", "privileges", "render", "sim", "storage", "template", "test_bench.py"),
    }
)
"""Tests that call no function, or call it otherwise than a world does: they are not counted."""

counting = False
"""Whether the test under way is counted."""

running: ContextVar[str | None] = ContextVar("running", default=None)
made: dict[str, set[Call]] = defaultdict(set)

WRITES = {
    Insert: "dynamodb:PutItem",
    Change: "dynamodb:UpdateItem",
    ConditionCheck: "dynamodb:ConditionCheckItem",
    Remove: "dynamodb:DeleteItem",
}
GATEWAY_CALLS = (
    *("save_method", "find_method", "forget", "prepare", "confirm", "lookup", "cancel"),
    *("refund", "find_refund", "parse_event", "events_since", "disputes"),
)
"""Calls that read a gateway's keys where it is not the sandbox."""

SCENARIOS = (
    (sweep, "due", "functions.rebill.app.sweep"),
    (charge, "charge", "functions.rebill.app.charge"),
    (expire, "expire_abandoned", "functions.rebill.app.charge"),
    (refund, "finish", "functions.rebill.app.charge"),
    (cancel, "sweep", "functions.cancel.app.sweep"),
    (decision, "sweep", "functions.helpdesk.app.sweep"),
    (look, "sweep", "functions.helpdesk.app.sweep"),
    (deliver, "sweep", "functions.notify.app.sweep"),
    (suppressions, "record", "functions.notify.app.returned"),
    (deliver, "deliver", "functions.notify.app.deliver"),
    (observe, "observe", "functions.figures.app.observe"),
    (operator, "answer", "functions.operator.app.handler"),
    (webhook, "receive", "functions.webhook.app.handler"),
    (account_life, "sweep", "functions.account.app.sweep"),
    (erase, "sweep", "functions.account.app.sweep"),
    (jobs_sweep, "sweep", "functions.account.app.sweep"),
    (work, "take", "functions.jobs.app.run"),
    (webhooks_sweep, "sweep", "functions.account.app.sweep"),
    (alarms, "sweep", "functions.notify.app.sweep"),
    (attempt, "take", "functions.deliveries.app.deliver"),
    (missed, "find", "functions.watch.app.sweep"),
)
"""Flows that scenarios call without their handler; inside another handler they are part of it."""


def note(action: str, resource: str) -> None:
    if not counting:
        return
    for name in (running.get() or "").split():
        made[name].add((action, resource))


def _as(name: str, call: Callable[..., Any], *, only_outermost: bool) -> Callable[..., Any]:
    @wraps(call)
    def called(*args: Any, **kwargs: Any) -> Any:
        if only_outermost and running.get() is not None:
            return call(*args, **kwargs)
        token = running.set(name)
        try:
            return call(*args, **kwargs)
        finally:
            running.reset(token)

    return called


def _noting(
    owner: type, method: str, told: Callable[..., Iterator[Call]], *, with_self: bool = False
) -> None:
    call = getattr(owner, method)

    @wraps(call)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        for action, resource in told(*((self,) if with_self else ()), *args, **kwargs):
            note(action, resource)
        return call(self, *args, **kwargs)

    setattr(owner, method, noted)


def _always(action: str, resource: str) -> Callable[..., Iterator[Call]]:
    return lambda *args, **kwargs: iter([(action, resource)])


def _index(partition: IndexPartition[Any], **kwargs: Any) -> Iterator[Call]:
    yield "dynamodb:Query", f"CoreTable/index/{partition.name}"


def _many(keys: Sequence[Any]) -> Iterator[Call]:
    if keys:
        yield "dynamodb:BatchGetItem", "CoreTable"


def _written(transaction: Transaction) -> Iterator[Call]:
    for write in transaction:
        yield WRITES[type(write)], "CoreTable"


def _each_written(transactions: Sequence[Transaction]) -> Iterator[Call]:
    for transaction in transactions:
        yield from _written(transaction)


def _mailed(*args: Any, **kwargs: Any) -> Iterator[Call]:
    yield "ses:SendEmail", "identity"
    yield "ses:SendEmail", "configuration set"


def _of_queue(action: str) -> Callable[..., Iterator[Call]]:
    return lambda queue, *args: iter([(action, queue.name)] if args != ([],) else [])


def _of_key(*, create: bool = False) -> Iterator[Call]:
    yield "ssm:GetParameter", "parameter"
    if create:
        yield "ssm:PutParameter", "parameter"


def _of_object(action: str) -> Callable[..., Iterator[Call]]:
    return lambda key, *args, **kwargs: iter([(action, f"ObjectsBucket/{key.area}/*")])


def _name_the_resolver(module: Any) -> None:
    """Tests ask a function's resolver without its handler."""
    build = getattr(module, "build", None)
    if build is None:
        return

    @wraps(build)
    def built(*args: Any, **kwargs: Any) -> Any:
        resolver = build(*args, **kwargs)
        name = f"{module.__name__}.handler"
        resolver.resolve = _as(name, resolver.resolve, only_outermost=False)
        return resolver

    module.build = built


def pytest_configure(config: Any) -> None:
    observed = telemetry.observed

    def recorded(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        name = f"{handler.__module__}.{handler.__name__}"
        return _as(name, observed(handler), only_outermost=False)

    telemetry.observed = recorded
    # The stream's consumer and the sweep tell a fact in the same way.
    both = "functions.notify.app.deliver functions.notify.app.sweep"
    vars(consume)["consume"] = _as(both, consume.consume, only_outermost=False)
    # A webhook's event is taken as one that the job for lost ones found.
    either = "functions.webhook.app.handler functions.jobs.app.run"
    vars(webhook)["take"] = _as(either, webhook.take, only_outermost=False)
    for path in sorted((ROOT / "functions").glob("*/app.py")):
        _name_the_resolver(import_module(f"functions.{path.parent.name}.app"))
    for module, flow, name in SCENARIOS:
        setattr(module, flow, _as(name, getattr(module, flow), only_outermost=True))
    _noting(MemoryItems, "get", _always("dynamodb:GetItem", "CoreTable"))
    _noting(MemoryItems, "get_many", _many)
    _noting(MemoryItems, "query", _always("dynamodb:Query", "CoreTable"))
    _noting(MemoryItems, "rows", _index)
    _noting(MemoryItems, "move_due_date", _always("dynamodb:UpdateItem", "CoreTable"))
    _noting(MemoryItems, "write", _written)
    _noting(MemoryItems, "write_each", _each_written)
    for method, action in (
        ("put", "PutItem"),
        ("replace", "PutItem"),
        ("renew", "PutItem"),
        ("get", "GetItem"),
        ("take", "DeleteItem"),
        ("hit", "UpdateItem"),
    ):
        _noting(MemoryEphemeral, method, _always(f"dynamodb:{action}", "EphemeralTable"))
    _noting(MemoryAudit, "put", _always("dynamodb:PutItem", "AuditTable"))
    _noting(MemoryAudit, "page", _always("dynamodb:Query", "AuditTable/index/trail"))
    for method, action in (
        ("get", "s3:GetObject"),
        ("link", "s3:GetObject"),
        ("put", "s3:PutObject"),
        ("upload_link", "s3:PutObject"),
        ("delete", "s3:DeleteObject"),
    ):
        _noting(MemoryObjects, method, _of_object(action))
    _noting(MemoryLedger, "read", _always("dynamodb:GetItem", "EphemeralTable"))
    _noting(MemoryLedger, "write", _always("dynamodb:PutItem", "EphemeralTable"))
    for method in GATEWAY_CALLS:
        _noting(SandboxGateway, method, _always("ssm:GetParameter", "parameter"))
    from tests.memory_keys import MemoryKeys
    from tests.world import MemoryKey, MemoryMailer, MemoryQueue, MemoryWorkers

    _noting(MemoryWorkers, "start", _always("lambda:InvokeFunction", "deliveries"))
    _noting(MemoryKey, "__call__", _of_key)

    for method, action in (("read", "Get"), ("put", "Put"), ("remove", "Delete")):
        _noting(MemoryKeys, method, _always(f"ssm:{action}Parameter", "parameter"))

    _noting(MemoryQueue, "send", _of_queue("sqs:SendMessage"), with_self=True)
    _noting(MemoryQueue, "waiting", _of_queue("sqs:GetQueueAttributes"), with_self=True)
    _noting(MemoryMailer, "send", _mailed)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    global counting
    counting = item.path.relative_to(ROOT / "tests").parts[0] not in WITHOUT_HANDLERS


def pytest_sessionfinish(session: Any) -> None:
    folder = Path(os.environ["PRIVILEGES"])
    calls = {name: sorted(found) for name, found in made.items()}
    (folder / f"{uuid4().hex}.json").write_text(json.dumps(calls))
