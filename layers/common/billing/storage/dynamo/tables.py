"""The tables as PynamoDB models: keys, indexes, attributes, stream and expiry (ARCHITECTURE.md, 4).

They create tables, and read them where a whole table or a whole day of it is read: `make run`, the
tests, the restore drill, the audit trail. A request does not come through here; why, is in
docs/decisions/2026-11-29-pynamodb.md. Names, region and endpoint are given at construction.
template.yaml deploys the same tables, and a test checks that both agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynamodb.attributes import Attribute, NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.constants import MAP, PAY_PER_REQUEST_BILLING_MODE, STREAM_NEW_AND_OLD_IMAGE
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from billing.storage.dynamo.items import entity_of
from billing.storage.entity_classes import Decoded


class Body(Attribute[dict[str, Any]]):
    """An entity's attribute values as they are stored; `codec` is what reads them."""

    attr_type = MAP

    def serialize(self, value: dict[str, Any]) -> dict[str, Any]:
        return value

    def deserialize(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


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


class AuxIndex(GlobalSecondaryIndex["Core"]):  # type: ignore[no-untyped-call]
    """A merchant's subscriptions by state and by plan, and customers by name."""

    class Meta:
        index_name = "aux"
        projection = KeysOnlyProjection()

    aux_pk = UnicodeAttribute(hash_key=True)
    aux_sk = UnicodeAttribute(range_key=True)


class Core(Model):
    """Business state. `body` is the entity, `type` its class, `op` the operation that wrote it."""

    class Meta:
        stream_view_type = STREAM_NEW_AND_OLD_IMAGE

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
    op = UnicodeAttribute()
    body = Body()
    expires_at = TTLAttribute(null=True)
    due_pk = UnicodeAttribute(null=True)
    due_sk = UnicodeAttribute(null=True)
    lookup_pk = UnicodeAttribute(null=True)
    lookup_sk = UnicodeAttribute(null=True)
    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)
    aux_pk = UnicodeAttribute(null=True)
    aux_sk = UnicodeAttribute(null=True)
    due = DueIndex()
    lookup = LookupIndex()
    list = ListIndex()
    aux = AuxIndex()

    @property
    def entity(self) -> Decoded:
        """The entity; None if only a newer version of the code knows its type."""
        key = {"pk": {"S": self.pk}, "sk": {"S": self.sk}}
        return entity_of({**key, "type": {"S": self.type}, "body": {"M": self.body}})


class Ephemeral(Model):
    """Data that may be lost: `value` or a number of `hits`, until `expires_at` (epoch seconds)."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    expires_at = TTLAttribute()
    value = UnicodeAttribute(null=True)
    hits = NumberAttribute(null=True)
    op = UnicodeAttribute(null=True)


class TrailIndex(GlobalSecondaryIndex["Audit"]):  # type: ignore[no-untyped-call]
    """All records of a merchant, in the order of time."""

    class Meta:
        index_name = "trail"
        projection = AllProjection()

    trail = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class Audit(Model):
    """The audit log: rows that are only ever put."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    actor = UnicodeAttribute()
    action = UnicodeAttribute()
    ip = UnicodeAttribute(null=True)
    member = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    key = UnicodeAttribute(null=True)
    trail = UnicodeAttribute(null=True)
    by_trail = TrailIndex()


MODELS: dict[str, type[Model]] = {
    "CoreTable": Core,
    "EphemeralTable": Ephemeral,
    "AuditTable": Audit,
}
"""The model of each table, by the table's logical id in template.yaml."""


def named(model: type[Model], table_name: str, **world: str | None) -> type[Model]:
    """Returns the model bound to a table; `world` may name `region` and `host` (an endpoint)."""
    meta = {"table_name": table_name, "billing_mode": PAY_PER_REQUEST_BILLING_MODE, **world}
    if hasattr(model, "Meta") and hasattr(model.Meta, "stream_view_type"):
        meta["stream_view_type"] = model.Meta.stream_view_type
    return type(model.__name__, (model,), {"Meta": type("Meta", (), meta)})


def every_entity(table_name: str, **world: str | None) -> Iterator[Decoded]:
    """Yields all entities of a core table, by one scan: for a copy that nobody uses yet."""
    for row in named(Core, table_name, **world).scan(consistent_read=True):
        assert isinstance(row, Core)
        if (entity := row.entity) is not None:
            yield entity


def audit_rows(table_name: str, partition: str, **world: str | None) -> Iterator[Audit]:
    """Yields the rows of one partition of an audit table, oldest first."""
    for row in named(Audit, table_name, **world).query(partition):
        assert isinstance(row, Audit)
        yield row
