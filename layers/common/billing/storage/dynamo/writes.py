"""Translates each kind of write into a DynamoDB action with its own condition.

A value may be missing in the stored item if that is what absence means (`storage/absent.py`),
because an older version of the code left it out, or did not know the field. For the same reason a
field that holds a value is compared field by field: in entities that are written out at any
depth, for older items of them have less; in the others what those fields hold in turn is compared
whole, for an expression has a limit. Lists are compared whole. A value that the key implies may be
missing, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from billing.kernel.storage import Due
from billing.kernel.values import Value, names
from billing.kernel.writes import Change, ConditionCheck, Entity, Insert, Remove, Write
from billing.storage import absent, codec, expiry, key_fields
from billing.storage.addresses import AUX, stamp
from billing.storage.due_keys import due_kind, due_sort_key
from billing.storage.dynamo.calls import key_attributes
from billing.storage.dynamo.expressions import ExpressionBuilder
from billing.storage.dynamo.failures import Item, Request
from billing.storage.entity_classes import stored_name
from billing.storage.entity_keys import key_of
from billing.storage.index_keys import index_keys
from billing.storage.keys import owner_key

FIELD_BY_FIELD = 2
"""Values at paths shorter than this, counting `body`, are compared field by field."""

EXPRESSION_MOST = 4096
"""Bytes of an expression that DynamoDB takes
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html)."""

Action = tuple[str, Request]
"""A write's name in TransactWriteItems (`Put`, `Update`, ...) and its parameters."""


def action(write: Write, table: str, op: str) -> Action:
    """Returns the DynamoDB action of a write."""
    match write:
        case Insert(entity):
            return "Put", _put(entity, table, op)
        case Change():
            return "Update", _update(write, table, op)
        case ConditionCheck(entity, expecting):
            return "ConditionCheck", _on_condition(entity, expecting, table)
        case Remove(entity, expecting) if expecting:
            return "Delete", _on_condition(entity, expecting, table)
        case Remove(entity):
            return "Delete", {"TableName": table, "Key": key_attributes(key_of(entity))}


def index_attributes(entity: Entity) -> dict[str, str]:
    """Returns the index keys of an entity, by attribute."""
    attributes = {}
    for index, (pk, sk) in index_keys(entity).items():
        attributes[f"{index}_pk"] = pk
        attributes[f"{index}_sk"] = sk
    return attributes


def item_of(entity: Entity, op: str) -> Item:
    """Returns the item that an entity is stored as."""
    key, cls = key_of(entity), type(entity)
    until = expiry.expires_at(entity)
    forgotten = {} if until is None else {expiry.ATTRIBUTE: {"N": str(int(until.timestamp()))}}
    return {
        **key_attributes(key),
        **forgotten,
        **{name: {"S": text} for name, text in index_attributes(entity).items()},
        "type": {"S": stored_name(cls)},
        "op": {"S": op},
        "body": codec.encode(entity, key_fields.implied_by_key(cls, key)),
    }


def move_due_date(due: Due, until: datetime, table: str, op: str) -> Action:
    """Returns the action that moves a due date, if its kind and instant are unchanged."""
    terms = ExpressionBuilder()
    due_at = terms.path("body", "due_at")
    sets = {
        due_at: stamp(until),
        terms.path("due_sk"): due_sort_key(until, due.owner),
        terms.path("op"): op,
    }
    update = ", ".join(f"{path} = {terms.value({'S': v})}" for path, v in sets.items())
    # The due date's kind is part of the index key; the shard in that key is not known here.
    seen = f"{due_at} = {terms.value({'S': stamp(due.due_at)})}"
    kind = f"begins_with({terms.path('due_pk')}, {terms.value({'S': due_kind(due.kind)})})"
    return "Update", {
        "TableName": table,
        "Key": key_attributes(owner_key(due)),
        "UpdateExpression": f"SET {update}",
        "ConditionExpression": f"{seen} AND {kind}",
        **terms.parameters(),
    }


def _put(entity: Entity, table: str, op: str) -> Request:
    return {
        "TableName": table,
        "Item": item_of(entity, op),
        "ConditionExpression": "attribute_not_exists(pk)",
    }


def _update(change: Change, table: str, op: str) -> Request:
    terms, changed = ExpressionBuilder(), change.changed
    sets = [f"{terms.path('op')} = {terms.value({'S': op})}"]
    removes = []
    cls, whole = type(change.after), absent.is_written_out(type(change.after))
    for name in changed:
        value, path = getattr(change.after, name), terms.path("body", name)
        if value is None and not codec.stores_none(cls, name):
            removes.append(path)
        else:
            stored = codec.encode_field(cls, name, value, whole=whole)
            sets.append(f"{path} = {terms.value(stored)}")
    was, is_now = index_attributes(change.before), index_attributes(change.after)
    removes += (terms.path(name) for name in was if name not in is_now)
    aux = {name for name in is_now if name.startswith(AUX)}
    # An item may be older than the aux index: once its place moves, it gets both keys of it.
    moved = change.reindexes or any(was.get(name) != is_now[name] for name in aux)
    for name, text in is_now.items():
        if was.get(name) != text or (moved and name in aux):
            sets.append(f"{terms.path(name)} = {terms.value({'S': text})}")
    update = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else "")
    expecting = dict.fromkeys((*changed, *change.expecting))
    return {
        "TableName": table,
        "Key": key_attributes(key_of(change.before)),
        "UpdateExpression": _within_limit(update),
        "ConditionExpression": _condition(terms, change.before, expecting),
        **terms.parameters(),
    }


def _on_condition(entity: Entity, expecting: Iterable[str], table: str) -> Request:
    terms = ExpressionBuilder()
    return {
        "TableName": table,
        "Key": key_attributes(key_of(entity)),
        "ConditionExpression": _condition(terms, entity, expecting),
        **terms.parameters(),
    }


def _condition(terms: ExpressionBuilder, entity: Entity, expecting: Iterable[str]) -> str:
    terms_as_read = [f"attribute_exists({terms.path('pk')})"]
    implied = key_fields.implied_by_key(type(entity), key_of(entity))
    comparison = _Comparison(terms, absent.is_written_out(type(entity)))
    for name in expecting:
        terms_as_read += comparison.of(("body",), entity, name, implied)
    return _within_limit(" AND ".join(terms_as_read))


def _within_limit(expression: str) -> str:
    assert len(expression.encode()) <= EXPRESSION_MOST, "DynamoDB refuses longer expressions"
    return expression


class _Comparison(Value):
    """Conditions that fields still are as they were read; `deep` for an entity written out."""

    terms: ExpressionBuilder
    deep: bool

    def of(
        self, owner: tuple[str, ...], holder: object, name: str, implied: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yields the conditions of one field at the path `owner`; `implied` is what the key
        implies."""
        cls, value, path = type(holder), getattr(holder, name), self.terms.path(*owner, name)
        if value is None and not codec.stores_none(cls, name):
            yield f"attribute_not_exists({path})"
        elif isinstance(value, Value) and (self.deep or len(owner) < FIELD_BY_FIELD):
            if not codec.means_absent(cls, name, value):
                yield f"attribute_exists({path})"
            for inner in names(value):
                yield from self.of((*owner, name), value, inner, {})
        else:
            stored = codec.encode_field(cls, name, value, whole=self.deep)
            equal = f"{path} = {self.terms.value(stored)}"
            may_be_missing = codec.means_absent(cls, name, value) or implied.get(name) == value
            yield f"(attribute_not_exists({path}) OR {equal})" if may_be_missing else equal
