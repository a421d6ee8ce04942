"""Starts workers as asynchronous invocations of a function (M-5).

Lambda's own queue holds them. Nothing polls, so that nothing is paid for while there is nothing to
do; an invocation that is lost leaves leases that end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.aws.sqs_queue import body_of
from billing.kernel.errors import Unavailable
from billing.kernel.storage import Due

LARGEST = 200_000
"""The most bytes of an invocation; Lambda takes 256 KB."""


class LambdaWorkers:
    """The `Workers` port over one function."""

    def __init__(self, function: str, client: Any) -> None:
        self._function = function
        self._client = client

    def start(self, leases: Sequence[Due]) -> None:
        """Invokes the function once for all leases; raises `Unavailable` if it is not taken."""
        from botocore.exceptions import BotoCoreError, ClientError

        payload = body_of(leases).encode()
        assert len(payload) <= LARGEST, "a worker has some leases, not thousands"
        try:
            answer = self._client.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=payload
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("The worker was not started.") from error
        if answer["StatusCode"] != 202:
            raise Unavailable("The worker was not started.")
