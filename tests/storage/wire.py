"""The layer between the SDK and DynamoDB in a test: it can lose replies and refuse requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ReadTimeoutError

from billing.storage.dynamo.calls import Calls

Reply = tuple[Any, Exception | None]


class Wire:
    """The last step of botocore before HTTP, below its own retries."""

    def __init__(self, calls: Calls) -> None:
        endpoint = calls._connection.client._endpoint
        self._send: Callable[..., Reply] = endpoint._get_response
        self._plans: deque[Callable[[Callable[[], Reply]], Reply]] = deque()
        self.sent = 0
        endpoint._get_response = self._reply

    def lose_reply(self, times: int = 1) -> None:
        """The next requests reach DynamoDB, and their replies do not reach us."""

        def lose(send: Callable[[], Reply]) -> Reply:
            send()
            return None, ReadTimeoutError(endpoint_url="http://dynamodb")

        self._plans.extend([lose] * times)

    def refuse(self, code: str, *reasons: str, times: int = 1, status: int = 400) -> None:
        """The next requests are answered with an error and do not reach DynamoDB."""
        parsed: dict[str, Any] = {
            "Error": {"Code": code, "Message": "injected"},
            "ResponseMetadata": {"HTTPHeaders": {}, "HTTPStatusCode": status},
        }
        if reasons:
            parsed["CancellationReasons"] = [{"Code": reason} for reason in reasons]
        http = SimpleNamespace(status_code=status, headers={}, content=b"")
        self._plans.extend([lambda _: ((http, parsed), None)] * times)

    def answer(self, parsed: dict[str, Any]) -> None:
        """The next request is answered with this and does not reach DynamoDB."""
        parsed = {"ResponseMetadata": {"HTTPHeaders": {}, "HTTPStatusCode": 200}, **parsed}
        http = SimpleNamespace(status_code=200, headers={}, content=b"")
        self._plans.append(lambda _: ((http, parsed), None))

    def _reply(self, *request: Any) -> Reply:
        self.sent += 1
        if self._plans:
            return self._plans.popleft()(lambda: self._send(*request))
        return self._send(*request)
