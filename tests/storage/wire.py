"""The layer between a client and DynamoDB in a test: it can lose replies and refuse requests."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from email.message import Message
from types import SimpleNamespace
from typing import Any, Protocol

from botocore.exceptions import ReadTimeoutError

from billing.storage.dynamo.botocore_client import BotocoreClient
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.direct.client import DirectClient
from billing.storage.dynamo.direct.connections import Reply

Send = Callable[[], Any]


class Wire(Protocol):
    """Does to the requests of one client what a test wants."""

    sent: int

    def lose_reply(self, times: int = 1) -> None:
        """The next requests reach DynamoDB, and their replies do not reach us."""

    def refuse(self, code: str, *reasons: str, times: int = 1, status: int = 400) -> None:
        """The next requests are answered with an error and do not reach DynamoDB."""

    def answer(self, parsed: dict[str, Any]) -> None:
        """The next request is answered with this and does not reach DynamoDB."""


def wire_of(calls: Calls) -> Wire:
    """Taps the wire of either client."""
    client = calls._client
    if isinstance(client, DirectClient):
        return DirectWire(client)
    assert isinstance(client, BotocoreClient)
    return BotocoreWire(client)


class _Planned:
    """Each request goes out, or to the plan that a test has made for it."""

    def __init__(self) -> None:
        self._plans: deque[Callable[[Send], Any]] = deque()
        self.sent = 0

    def _reply(self, send: Send) -> Any:
        self.sent += 1
        return self._plans.popleft()(send) if self._plans else send()


class BotocoreWire(_Planned):
    """The last step of botocore before HTTP, below its own retries."""

    def __init__(self, client: BotocoreClient) -> None:
        super().__init__()
        endpoint = client.connection.client._endpoint
        send = endpoint._get_response
        endpoint._get_response = lambda *request: self._reply(lambda: send(*request))

    def lose_reply(self, times: int = 1) -> None:
        def lose(send: Send) -> Any:
            send()
            return None, ReadTimeoutError(endpoint_url="http://dynamodb")

        self._plans.extend([lose] * times)

    def refuse(self, code: str, *reasons: str, times: int = 1, status: int = 400) -> None:
        parsed: dict[str, Any] = {
            "Error": {"Code": code, "Message": "injected"},
            "ResponseMetadata": {"HTTPHeaders": {}, "HTTPStatusCode": status},
        }
        if reasons:
            parsed["CancellationReasons"] = [{"Code": reason} for reason in reasons]
        http = SimpleNamespace(status_code=status, headers={}, content=b"")
        self._plans.extend([lambda _: ((http, parsed), None)] * times)

    def answer(self, parsed: dict[str, Any]) -> None:
        whole = {"content-length": "2"}
        parsed = {"ResponseMetadata": {"HTTPHeaders": whole, "HTTPStatusCode": 200}, **parsed}
        http = SimpleNamespace(status_code=200, headers={}, content=b"")
        self._plans.append(lambda _: ((http, parsed), None))


class DirectWire(_Planned):
    """The connections of the direct client, below its own retries."""

    def __init__(self, client: DirectClient) -> None:
        super().__init__()
        http = client._http
        send = http.exchange
        http.exchange = lambda request: self._reply(lambda: send(request))  # type: ignore[method-assign]

    def lose_reply(self, times: int = 1) -> None:
        def lose(send: Send) -> Any:
            send()
            raise TimeoutError("lost")

        self._plans.extend([lose] * times)

    def refuse(self, code: str, *reasons: str, times: int = 1, status: int = 400) -> None:
        said: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}
        if reasons:
            said["CancellationReasons"] = [{"Code": reason} for reason in reasons]
        self._say(status, {**said, "message": "injected"}, times)

    def answer(self, parsed: dict[str, Any]) -> None:
        self._say(200, parsed)

    def _say(self, status: int, said: dict[str, Any], times: int = 1) -> None:
        reply = Reply(status, Message(), json.dumps(said).encode())
        self._plans.extend([lambda _: reply] * times)
