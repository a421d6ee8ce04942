"""Items that version 0.2.0 wrote, one of every type with all fields and one with few, are read.

Those of merchants, products and the like left out what was a default then; now they are written
out, and must mean the same (tests/storage/test_absent.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from billing.storage.absent import is_written_out
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
    written = item_of(entity, "recorded")
    if "aux_pk" not in item:  # it is older than the index
        written = {name: value for name, value in written.items() if not name.startswith("aux_")}
    assert entity_of(written) == entity
    if is_written_out(type(entity)):
        assert _is_part(item, written)
    else:
        assert written == item


def _is_part(some: Any, more: Any) -> bool:
    """True if `more` has all that `some` has, with the same values."""
    if isinstance(some, dict) and isinstance(more, dict):
        return all(name in more and _is_part(part, more[name]) for name, part in some.items())
    return bool(some == more)
