"""Items that version 0.2.0 wrote, one of every type with all fields and one with few, are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from billing.storage.dynamo.items import entity_of
from billing.storage.dynamo.writes import item_of
from billing.storage.entity_classes import ENTITIES

RECORDED: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("recorded_items.json").read_text("utf-8")
)


def test_every_stored_type_that_there_was_is_still_known() -> None:
    assert {item["type"]["S"] for item in RECORDED} <= set(ENTITIES)


@pytest.mark.parametrize("item", RECORDED, ids=lambda item: item["type"]["S"])
def test_a_recorded_item_is_read_and_written_as_it_was(item: dict[str, Any]) -> None:
    entity = entity_of(item)
    assert entity is not None
    assert item_of(entity, "recorded") == item
