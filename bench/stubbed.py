"""A renewal over a stubbed endpoint: the CPU of our process when DynamoDB costs nothing."""

from __future__ import annotations

import os
from collections import Counter

from bench import engine
from bench.figures import Figure, Report, cpu_seconds
from bench.stub import LightCalls, StubEndpoint
from billing.kernel.due import DueKind
from billing.kernel.values import Value, replace
from billing.runtime import wiring
from billing.storage import store
from billing.storage.dynamo import calls as dynamo_calls
from billing.storage.entity_keys import key_of
from tests.world import World

REGION = "us-east-1"


class Stubbed(Value):
    """The cost of `count` renewals in our process when DynamoDB costs nothing."""

    seconds: float
    calls: Counter[str]


def stubbed(count: int, at_once: int = engine.LEASES_AT_ONCE, *, light: bool = False) -> Stubbed:
    """Measures renewals with botocore, or a `light` client, against an endpoint in the same thread.

    The endpoint is not counted.
    """
    world, endpoint = stub_world(count)
    if light:
        calls = LightCalls(endpoint)
        world.ports = replace(world.ports, store=store.on_dynamodb("core", calls))
    seconds = engine.checked(world, count, cpu_seconds, at_once) - endpoint.spent
    return Stubbed(seconds, endpoint.calls)


def stub_world(count: int, **operation: int) -> tuple[World, StubEndpoint]:
    world = engine.world_of(0, **operation)
    endpoint = StubEndpoint()
    calls = endpoint.under(dynamo_calls.connect(os.urandom, region=REGION))
    world.ports = replace(
        world.ports, store=store.on_dynamodb("core", calls), each=wiring.one_by_one
    )
    endpoint.holds(world.merchant)
    for number in range(count):
        mine, bill_to = engine.copies(world.ports, number)
        owner = (mine.merchant, mine.customer, mine.id)
        assert mine.due_at is not None
        endpoint.is_due(DueKind.BILL, mine.shard, mine.due_at, owner, key_of(mine))
        endpoint.holds(replace(mine, due_at=world.now + world.ports.operation.lease))
        endpoint.holds(bill_to)
    return world, endpoint


def over_the_wire(report: Report) -> None:
    """Measures botocore's and our own CPU, and how many calls there are."""
    count = 1_500
    stubbed(200)  # botocore reads its models once
    batch, alone, light = stubbed(count), stubbed(200, at_once=1), stubbed(count, light=True)
    calls = sum(batch.calls.values()) / count
    report.add(
        Figure(
            "botocore to a stubbed endpoint, in batches",
            batch.seconds / count * 1e3,
            "ms CPU/renewal",
            2.0,
            at_most=True,
        ),
        Figure("the same, one at a time", alone.seconds / 200 * 1e3, "ms CPU/renewal"),
        Figure("in batches, with a lighter client", light.seconds / count * 1e3, "ms CPU/renewal"),
        Figure("store calls, in batches", calls, "per renewal"),
    )
    report.table("Store calls of 1,500 renewals", [("call", "count"), *batch.calls.items()])
