"""Starts the worker of webhooks on the laptop: an asynchronous invocation is a thread."""

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from billing.aws.sqs_queue import body_of
from billing.kernel.storage import Due
from dev.stack import Function

AT_ONCE = 128
"""As many as Lambda would start: each waits for its slowest endpoint, up to 15 seconds."""


class LocalWorkers:
    """The `Workers` port over threads of this process."""

    def __init__(self, function: Function, invoke: Callable[[Function, Any], Any]) -> None:
        self._function = function
        self._invoke = invoke
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks")

    def start(self, leases: Sequence[Due]) -> None:
        self._threads.submit(self._run, json.loads(body_of(leases)))

    def _run(self, event: Any) -> None:
        try:
            self._invoke(self._function, event)
        except Exception:
            traceback.print_exc(file=sys.stderr)
