"""The PynamoDB models and template.yaml declare the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from billing.kernel.writes import Insert
from billing.storage.dynamo import tables as dynamo_tables
from billing.storage.dynamo.writes import item_of
from tests.storage.conftest import REGION, Backend
from tests.storage.examples import order, subscription

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as plain values."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    resources: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]  # noqa: S506
    return resources


def test_each_table_has_a_model(template: dict[str, Any]) -> None:
    tables = {name for name, each in template.items() if each["Type"] == "AWS::DynamoDB::Table"}
    assert set(dynamo_tables.MODELS) == tables


@pytest.mark.parametrize("resource", dynamo_tables.MODELS)
def test_keys_indexes_stream_and_expiry_are_the_same(
    resource: str, template: dict[str, Any]
) -> None:
    deployed = template[resource]["Properties"]
    model: Any = dynamo_tables.named(dynamo_tables.MODELS[resource], "any")
    stream = deployed.get("StreamSpecification", {}).get("StreamViewType")
    assert getattr(model.Meta, "stream_view_type", None) == stream
    expiry, declared_expiry = deployed.get("TimeToLiveSpecification"), model._ttl_attribute()
    assert (expiry and expiry["AttributeName"]) == (declared_expiry and declared_expiry.attr_name)
    assert model.Meta.billing_mode == deployed["BillingMode"]
    schema = model._get_schema()
    assert _by_name(deployed["AttributeDefinitions"]) == _by_name(schema["attribute_definitions"])
    assert deployed["KeySchema"] == sorted(schema["key_schema"], key=lambda k: k["KeyType"])
    indexes = {i["IndexName"]: i for i in deployed.get("GlobalSecondaryIndexes", ())}
    declared = {i["index_name"]: i for i in schema["global_secondary_indexes"]}
    assert indexes.keys() == declared.keys()
    for name, index in indexes.items():
        keys = sorted(declared[name]["key_schema"], key=lambda k: k["KeyType"])
        assert index["KeySchema"] == keys
        assert index["Projection"] == declared[name]["projection"]


def test_a_stored_item_can_be_read_as_its_model() -> None:
    item = item_of(subscription(), "op")
    stored = dynamo_tables.Core.from_raw_data(item)
    assert stored.entity == subscription()
    assert (stored.pk, stored.sk) == ("M#mer_1#C#cus_1", "SUB#sub_1")
    assert stored.type == "Subscription"
    assert stored.body == item["body"]["M"]
    assert stored.due_pk == "DUE#BILL#0"


def test_a_whole_table_is_read_but_for_what_a_newer_version_wrote(dynamodb: Backend) -> None:
    everything = [subscription(n) for n in range(30)] + [order(n) for n in range(30)]
    dynamodb.store.commit_each([(Insert(entity),) for entity in everything])
    item = item_of(subscription(99), "op")
    dynamodb.call("PutItem", Item={**item, "type": {"S": "FromTomorrow"}})
    found = dynamo_tables.every_entity(dynamodb.table, region=REGION, host=dynamodb.endpoint)
    assert sorted(found, key=repr) == sorted(everything, key=repr)


def _by_name(definitions: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((d["AttributeName"], d["AttributeType"]) for d in definitions)
