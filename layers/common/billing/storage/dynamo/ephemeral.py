"""The Ephemeral port in a table whose expired rows DynamoDB deletes, some time too late."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.storage.addresses import Place
from billing.storage.dynamo.calls import Calls, ConditionFailed
from billing.storage.dynamo.failures import Request
from billing.storage.ephemeral_rows import epoch_seconds, hits_place, is_gone, value_place


class DynamoEphemeral:
    """An ephemeral table; expiry is decided by `now`, never by what has been deleted."""

    def __init__(self, table: str, calls: Calls) -> None:
        self._table = table
        self._call = calls

    def put(self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime) -> bool:
        op = self._call.new_op()
        request = {
            **self._put(kind, key, value, expires_at, op),
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
            "ExpressionAttributeValues": {":now": {"N": str(epoch_seconds(now))}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            self._call("PutItem", request)
        except ConditionFailed as refused:
            # The existing value is ours if the reply was lost and the SDK sent it again.
            return refused.old is not None and refused.old.get("op") == {"S": op}
        return True

    def replace(self, kind: str, key: str, value: str, *, expires_at: datetime) -> None:
        self._call("PutItem", self._put(kind, key, value, expires_at, self._call.new_op()))

    def renew(
        self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        request = {
            **self._put(kind, key, value, expires_at, self._call.new_op()),
            "ConditionExpression": "expires_at > :now",
            "ExpressionAttributeValues": {":now": {"N": str(epoch_seconds(now))}},
        }
        try:
            self._call("PutItem", request)
        except ConditionFailed:
            return False
        return True

    def get(self, kind: str, key: str, *, now: datetime) -> str | None:
        request = {**self._at(value_place(kind, key)), "ConsistentRead": True}
        return _standing(self._call("GetItem", request).get("Item"), now)

    def take(self, kind: str, key: str, *, now: datetime) -> str | None:
        """Returns the value once; never, if the response is lost and the call repeated."""
        request = {
            **self._at(value_place(kind, key)),
            "ConditionExpression": "attribute_exists(pk)",
            "ReturnValues": "ALL_OLD",
        }
        try:
            taken = self._call("DeleteItem", request)
        except ConditionFailed:
            return None
        return _standing(taken["Attributes"], now)

    def hit(self, kind: str, key: str, *, window: timedelta, now: datetime) -> int:
        place, ends_at = hits_place(kind, key, window, now)
        request = {
            **self._at(place),
            "UpdateExpression": "SET expires_at = :end ADD hits :one",
            "ExpressionAttributeValues": {
                ":end": {"N": str(epoch_seconds(ends_at))},
                ":one": {"N": "1"},
            },
            "ReturnValues": "UPDATED_NEW",
        }
        return int(self._call("UpdateItem", request)["Attributes"]["hits"]["N"])

    def _at(self, place: Place) -> Request:
        return {"TableName": self._table, "Key": {"pk": {"S": place.pk}, "sk": {"S": place.sk}}}

    def _put(self, kind: str, key: str, value: str, expires_at: datetime, op: str) -> Request:
        place = value_place(kind, key)
        return {
            "TableName": self._table,
            "Item": {
                "pk": {"S": place.pk},
                "sk": {"S": place.sk},
                "value": {"S": value},
                "expires_at": {"N": str(epoch_seconds(expires_at))},
                "op": {"S": op},
            },
        }


def _standing(item: dict[str, dict[str, str]] | None, now: datetime) -> str | None:
    if item is None or is_gone(int(item["expires_at"]["N"]), now):
        return None
    return item["value"]["S"]
