"""`python -m bench.models`: one call through a PynamoDB model and through ours, without a network.

Both end at the same stand-in for DynamoDB, whose own CPU is taken off. The figures are those of
docs/decisions/2026-11-29-pynamodb.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

from pynamodb.attributes import MapAttribute, UnicodeAttribute
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from bench import engine
from bench.stub import StubEndpoint
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction
from billing.storage import keys
from billing.storage.dynamo import calls as dynamo_calls
from billing.storage.dynamo.items import DynamoItems, entity_of
from billing.storage.dynamo.writes import item_of
from billing.storage.entity_classes import Decoded

REGION = "us-east-1"
ROUNDS, CALLS = 15, 100
FRESH = 7


class Plain(Model):
    """The core table as PynamoDB alone would read and write it."""

    class Meta:
        table_name = "core"
        region = REGION

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
    op = UnicodeAttribute()
    body: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]
    due_pk = UnicodeAttribute(null=True)
    due_sk = UnicodeAttribute(null=True)
    lookup_pk = UnicodeAttribute(null=True)
    lookup_sk = UnicodeAttribute(null=True)
    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)


def main() -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    world = engine.world_of(0, gateway_calls_per_second=25)
    mine, _ = engine.copies(world.ports, 1)
    endpoint = StubEndpoint()
    endpoint.holds(mine)
    items = DynamoItems("core", endpoint.under(dynamo_calls.connect(os.urandom, region=REGION)))
    connection: Any = Plain._get_connection().connection
    connection.client._endpoint.http_session = endpoint
    for name, ours, theirs in _pairs(items, connection, mine):
        print(f"{name}: {_cost(endpoint, ours):.3f} ms ours, {_cost(endpoint, theirs):.3f} model")
    for modules in IMPORTS:
        print(f"import {modules}: {_import(modules):.0f} ms")


IMPORTS = (
    "botocore.session, botocore.client",
    "pynamodb.connection",
    "billing.storage.dynamo.items",
    "billing.storage.dynamo.tables",
)


def _pairs(
    items: DynamoItems, connection: Any, mine: Subscription
) -> list[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    """Returns each call as we make it and as a model makes it."""
    key = keys.subscription(mine.merchant, mine.customer, mine.id)
    others = [replace(mine, id=f"{mine.id}{n}") for n in range(4)]
    change = Change(mine, replace(mine, seq=mine.seq + 1), expecting=("state", "open_invoice"))
    transaction: Transaction = (change, *(Insert(each) for each in others[:3]))

    def entity() -> Decoded:
        return entity_of(Plain.get(*key, consistent_read=True).serialize())

    def save() -> None:
        Plain.from_raw_data(item_of(others[0], "op")).save(condition=Plain.pk.does_not_exist())

    def transact() -> None:
        models = [Plain.from_raw_data(item_of(each, "op")) for each in others]
        with TransactWrite(connection=connection) as writes:
            writes.update(
                models[3],
                actions=[Plain.op.set("op"), Plain.body["seq"].set(1)],
                condition=Plain.pk.exists()
                & (Plain.body["state"] == str(mine.state))
                & Plain.body["open_invoice"].does_not_exist(),
            )
            for each in models[:3]:
                writes.save(each, condition=Plain.pk.does_not_exist())

    return [
        ("get of an item", lambda: items.get(key), lambda: Plain.get(*key, consistent_read=True)),
        ("get of an entity", lambda: items.get(key), entity),
        ("put of an entity", lambda: items.write((Insert(others[0]),)), save),
        ("transaction of four", lambda: items.write(transaction), transact),
    ]


def _cost(endpoint: StubEndpoint, call: Callable[[], Any]) -> float:
    """Returns the least CPU of one call in milliseconds, the stand-in's own left out."""
    best = float("inf")
    for _ in range(ROUNDS):
        began, spent = process_time(), endpoint.spent
        for _ in range(CALLS):
            call()
        best = min(best, process_time() - began - (endpoint.spent - spent))
    return best / CALLS * 1e3


def _import(modules: str) -> float:
    """Returns the least CPU of an import in a new process, in milliseconds."""
    program = (
        f"import time; b = time.process_time(); import {modules}; print(time.process_time() - b)"
    )
    runs = (subprocess.check_output([sys.executable, "-c", program]) for _ in range(FRESH))
    return min(map(float, runs)) * 1e3


if __name__ == "__main__":
    main()
