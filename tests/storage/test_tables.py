"""The PynamoDB models and template.yaml declare the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pynamodb.models import Model

from billing.storage.dynamo import tables as dynamo_tables
from billing.storage.dynamo.writes import item_of
from tests.storage.examples import subscription

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as plain values."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    resources: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]  # noqa: S506
    return resources


@pytest.mark.parametrize(
    ("model", "resource"),
    [
        (dynamo_tables.Core, "CoreTable"),
        (dynamo_tables.Ephemeral, "EphemeralTable"),
        (dynamo_tables.Audit, "AuditTable"),
    ],
)
def test_keys_and_indexes_are_the_same(
    model: type[Model], resource: str, template: dict[str, Any]
) -> None:
    deployed = template[resource]["Properties"]
    schema = dynamo_tables.named(model, "any")._get_schema()
    assert _by_name(deployed["AttributeDefinitions"]) == _by_name(schema["attribute_definitions"])
    assert deployed["KeySchema"] == sorted(schema["key_schema"], key=lambda k: k["KeyType"])
    indexes = {i["IndexName"]: i for i in deployed.get("GlobalSecondaryIndexes", ())}
    declared = {i["index_name"]: i for i in schema["global_secondary_indexes"]}
    assert indexes.keys() == declared.keys()
    for name, index in indexes.items():
        assert index["KeySchema"] == declared[name]["key_schema"]
        assert index["Projection"] == declared[name]["projection"]


def test_a_stored_item_can_be_read_as_its_model() -> None:
    stored = dynamo_tables.Core.from_raw_data(item_of(subscription(), "op"))
    assert (stored.pk, stored.sk) == ("M#mer_1#C#cus_1", "SUB#sub_1")
    assert stored.type == "Subscription"
    assert stored.body["state"] == "active"
    assert stored.due_pk == "DUE#BILL#0"
    assert set(stored.body.attribute_values) == set(item_of(subscription(), "op")["body"]["M"])


def _by_name(definitions: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((d["AttributeName"], d["AttributeType"]) for d in definitions)
