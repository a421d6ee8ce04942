"""Reads records of the core table's stream as changes of entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from billing.figures.records import Record, sequence
from billing.storage.dynamo.items import entity_of

WANTED = frozenset({"Subscription", "Order"})


def records_of(images: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Returns the changes of subscriptions and orders in records, as Lambda hands them over.

    Removals, and items of other types, are left out.
    """
    found = (_record(each["dynamodb"]) for each in images if "NewImage" in each["dynamodb"])
    return [each for each in found if each is not None]


def _record(change: Mapping[str, Any]) -> Record | None:
    if change["NewImage"]["type"]["S"] not in WANTED:
        return None
    after = entity_of(change["NewImage"])
    old = change.get("OldImage")
    return Record(
        sequence(change["SequenceNumber"]),
        datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC),
        None if old is None else entity_of(old),
        after,
    )
