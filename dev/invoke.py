"""Calls a function's handler as Lambda does: JSON in, JSON out, a context object beside it.

A function runs under the name `functions.<folder>.app`; Lambda knows each only as `app`.
"""

import importlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from billing.kernel.values import Value, field
from dev.stack import Function

Invoke = Callable[[Function, Any], Any]


class Context(Value):
    function_name: str
    memory_limit_in_mb: str
    invoked_function_arn: str
    ends_at_seconds: float
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    log_group_name: str = "/make/run"
    log_stream_name: str = "dev"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Returns the remaining time, in real time: the clock of `make run` stands still during a
        tick.
        """
        return max(0, int((self.ends_at_seconds - time.monotonic()) * 1000))


def invoke(function: Function, event: Any) -> Any:
    """Returns the handler's answer after a round trip through JSON, which is all that Lambda
    carries.
    """
    context = Context(
        function_name=function.logical_id,
        memory_limit_in_mb=str(function.memory_mb),
        invoked_function_arn=function.arn,
        ends_at_seconds=time.monotonic() + function.timeout_seconds,
    )
    answer = handler_of(function)(json.loads(json.dumps(event)), context)
    return json.loads(json.dumps(answer))


def handler_of(function: Function) -> Callable[[Any, Context], Any]:
    handler = getattr(importlib.import_module(function.module), function.attribute)
    assert callable(handler)
    return handler  # type: ignore[no-any-return]
