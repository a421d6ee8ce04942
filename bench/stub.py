"""DynamoDB's HTTP endpoint without DynamoDB, in the same thread: only our own cost shows.

It answers every write with yes and every read from what the benchmark knows; the CPU that it takes
itself is counted apart.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime
from email.message import Message
from time import process_time
from typing import TYPE_CHECKING, Any

from billing.kernel.due import DueKind
from billing.kernel.writes import Entity
from billing.storage.addresses import Key
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.failures import Answer, Request
from billing.storage.dynamo.writes import item_of
from billing.storage.entity_keys import key_of
from billing.storage.index_keys import due_shard, due_sort_key

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

    from billing.storage.dynamo.direct.connections import Reply


class StubEndpoint:
    """A stand-in for botocore's HTTP session; `spent` is its own CPU in seconds."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.calls: Counter[str] = Counter()
        self._items: dict[Key[Any], str] = {}  # as they are answered
        self._due: dict[str, list[dict[str, Any]]] = {}

    def holds(self, entity: Entity) -> None:
        """Answers reads of this entity."""
        self.answers(key_of(entity), json.dumps(item_of(entity, "0" * 32)))

    def answers(self, key: Key[Any], item: str) -> None:
        """Answers reads of this key with what DynamoDB would say of its item."""
        self._items[key] = item

    def is_due(
        self, kind: DueKind, shard: int, at: datetime, owner: tuple[str, ...], key: Key[Any]
    ) -> None:
        """Answers the next query of this shard with this row."""
        row = {
            "due_pk": {"S": due_shard(kind, shard)},
            "due_sk": {"S": due_sort_key(at, owner)},
            "pk": {"S": key.pk},
            "sk": {"S": key.sk},
        }
        self._due.setdefault(due_shard(kind, shard), []).append(row)

    def under(self, calls: Calls) -> Calls:
        """Returns the same calls, ending here instead of at a socket."""
        client: Any = calls._client
        if hasattr(client, "connection"):
            client.connection.client._endpoint.http_session = self
        else:
            client._open()._http.exchange = self.exchange
        return calls

    def send(self, request: Any) -> AWSResponse:
        """Answers botocore's one call of the network."""
        target = request.headers["X-Amz-Target"].decode()
        body = self.answer(target, request.body or request.data).encode()
        headers = {"x-amzn-requestid": "stub", "content-length": str(len(body))}
        return answer_of_aws(request, headers, body)

    def exchange(self, request: bytes) -> Reply:
        """Answers the direct client's one call of the network."""
        from billing.storage.dynamo.direct.connections import Reply

        head, _, body = request.partition(b"\r\n\r\n")
        target = head.partition(b"x-amz-target: ")[2].partition(b"\r\n")[0].decode()
        return Reply(200, Message(), self.answer(target, body).encode())

    def answer(self, target: str, body: bytes) -> str:
        """Returns the body of the answer to a request."""
        began = process_time()
        operation = target.rpartition(".")[2]
        self.calls[operation] += 1
        text: str = getattr(self, f"_{operation.lower()}", self._yes)(json.loads(body))
        self.spent += process_time() - began
        return text

    @staticmethod
    def _yes(_: dict[str, Any]) -> str:
        return "{}"

    def _query(self, asked: dict[str, Any]) -> str:
        values = asked["ExpressionAttributeValues"]
        pk, low, high = (values[f":{n}"]["S"] for n in range(3))
        if "IndexName" in asked:
            rows, limit = self._due.get(pk, []), asked["Limit"]
            found = [json.dumps(row) for row in rows[:limit]]
            del rows[:limit]
        else:
            here = (key for key in self._items if key.pk == pk and low <= key.sk <= high)
            found = [self._items[key] for key in sorted(here)]
        return f'{{"Items": [{", ".join(found)}], "Count": {len(found)}}}'

    def _getitem(self, asked: dict[str, Any]) -> str:
        found = self._items.get(_key(asked["Key"]))
        return "{}" if found is None else f'{{"Item": {found}}}'

    def _batchgetitem(self, asked: dict[str, Any]) -> str:
        ((table, keys),) = asked["RequestItems"].items()
        found = (self._items.get(_key(key)) for key in keys["Keys"])
        there = ", ".join(item for item in found if item is not None)
        return f'{{"Responses": {{"{table}": [{there}]}}, "UnprocessedKeys": {{}}}}'


def _key(asked: dict[str, Any]) -> Key[Any]:
    return Key(asked["pk"]["S"], asked["sk"]["S"])


def answer_of_aws(request: Any, headers: dict[str, str], body: bytes) -> AWSResponse:
    """Returns an answer as botocore has read it from its socket."""
    from botocore.awsrequest import AWSResponse  # not loaded by the direct client

    answer = AWSResponse(request.url, 200, headers, None)  # type: ignore[arg-type]
    answer._content = body  # type: ignore[attr-defined]
    return answer


class LightCalls(Calls):
    """Calls without botocore: JSON as it stands, signed by hand (0.016 ms, measured elsewhere)."""

    def __init__(self, endpoint: StubEndpoint) -> None:
        self._endpoint = endpoint
        self._entropy = os.urandom

    def __call__(self, operation: str, request: Request) -> Answer:
        body = json.dumps(request).encode()
        answer: Answer = json.loads(self._endpoint.answer(f"DynamoDB_20120810.{operation}", body))
        return answer
