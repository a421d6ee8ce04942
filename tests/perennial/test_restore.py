"""The restore drill at small size: lives on a table, its copy checked, and life going on there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.operations import at_rest
from billing.storage import store
from billing.storage.dynamo import calls as dynamo_calls
from billing.storage.dynamo.tables import every_entity
from billing.storage.entity_keys import key_of
from dev import provision, stack
from dev.expand import ROOT
from dev.template import Template, load
from perennial import restore
from tests.storage import emulators
from tests.world import World


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The template's core table on an emulator."""
    program = emulators.ministack()
    if program is None:
        pytest.skip("make test installs the emulator")
    with emulators.running_ministack(program) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.delenv("AWS_PROFILE", raising=False)
        given = {"SenderAddress": "b@example.com", "PublicUrl": "https://pay.example.com"}
        described = stack.read(Template(load(ROOT / "template.yaml"), endpoint, given))
        (name,) = (name for name in described.tables if "Core" in name)
        provision.create_tables(boto3.client("dynamodb"), {name: described.tables[name]})
        yield name


def over_table(world: World, table: str) -> World:
    """The same people, gateway and clock over another table."""
    world.store = store.on_dynamodb(table, dynamo_calls.connect(os.urandom))
    world.ports = replace(world.ports, store=world.store)
    return world


def everything_in(table: str) -> list[Any]:
    return list(every_entity(table))


def test_a_restored_table_is_checked_and_takes_over(core: str) -> None:
    world = over_table(World(shards=1), core)
    world.store.commit(Insert(world.merchant))
    world.buy()
    world.advance(days=31)

    done = restore.drill(core, None, every_seconds=0.1)
    assert done.wrong == []
    assert done.items == len(everything_in(core)) > 10
    assert done.table.startswith(f"{core}-restored-") and done.table in done.stream

    expiry = boto3.client("dynamodb").describe_time_to_live(TableName=done.table)
    assert expiry["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at",
    }, "the event log is kept for 90 days there too"

    # The mistake, which the checker sees in the old table and not in the new one.
    order = world.orders()[-1]
    pk, sk = key_of(order)
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    boto3.client("dynamodb").delete_item(TableName=core, Key=key)
    assert [violation.number for violation in at_rest.check(everything_in(core))] == ["2"]

    # Switched over, life goes on: nothing is charged again, and the next month once.
    over_table(world, done.table)
    world.advance(days=31)
    after = everything_in(done.table)
    assert at_rest.check(after) == []
    kinds = [entity.kind for entity in after if isinstance(entity, Order)]
    assert sorted(kinds) == ["rebill", "rebill", "sale"]
    assert len(world.charges()) == 3
    assert sum(isinstance(entity, Merchant) for entity in after) == 1


def test_what_cannot_be_restored_is_listed(core: str) -> None:
    with pytest.raises(restore.RestoreError, match="not found"):
        restore.drill("no-such-table", None, every_seconds=0.1)
