"""The tables as PynamoDB models: their keys, indexes and attributes (ARCHITECTURE.md, 4).

Names, region and endpoint are given at construction. template.yaml deploys the same tables, and a
test checks that both agree.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model


class DueIndex(GlobalSecondaryIndex["Core"]):  # type: ignore[no-untyped-call]
    """Due dates, earliest first; only items with a due date are in it."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_pk = UnicodeAttribute(hash_key=True)
    due_sk = UnicodeAttribute(range_key=True)


class LookupIndex(GlobalSecondaryIndex["Core"]):  # type: ignore[no-untyped-call]
    """Subscriptions and orders by their id."""

    class Meta:
        index_name = "lookup"
        projection = KeysOnlyProjection()

    lookup_pk = UnicodeAttribute(hash_key=True)
    lookup_sk = UnicodeAttribute(range_key=True)


class ListIndex(GlobalSecondaryIndex["Core"]):  # type: ignore[no-untyped-call]
    """A merchant's orders and subscriptions by month."""

    class Meta:
        index_name = "list"
        projection = KeysOnlyProjection()

    list_pk = UnicodeAttribute(hash_key=True)
    list_sk = UnicodeAttribute(range_key=True)


class Core(Model):
    """Business state. `body` is the entity, `type` its class, `op` the operation that wrote it."""

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
    due = DueIndex()
    lookup = LookupIndex()
    list = ListIndex()


class Ephemeral(Model):
    """Data that may be lost: `value` or a number of `hits`, until `expires_at` (epoch seconds)."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    expires_at = NumberAttribute()
    value = UnicodeAttribute(null=True)
    hits = NumberAttribute(null=True)
    op = UnicodeAttribute(null=True)


class Audit(Model):
    """The audit log: rows that are only ever put."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    actor = UnicodeAttribute()
    action = UnicodeAttribute()
    ip = UnicodeAttribute(null=True)


def named(model: type[Model], table_name: str, **world: str | None) -> type[Model]:
    """Returns the model bound to a table; `world` may name `region` and `host` (an endpoint)."""
    meta = type(
        "Meta",
        (),
        {"table_name": table_name, "billing_mode": PAY_PER_REQUEST_BILLING_MODE, **world},
    )
    return type(model.__name__, (model,), {"Meta": meta})
