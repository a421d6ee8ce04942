"""A gateway whose process dies, by kill -9, exactly before or after one of its calls.

`DIE_AT=after:confirm:30` is what the kill test starts with; nothing else uses it.
"""

import os
import signal
from collections.abc import Callable
from threading import Lock
from typing import Any


class MortalGateway:
    """Another gateway, until the n-th call of the named method."""

    def __init__(self, gateway: Any, die_at: str) -> None:
        when, self._method, number = die_at.split(":")
        self._gateway = gateway
        self._before = when == "before"
        self._left = int(number)
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._gateway, name)
        return self._counted(attribute) if name == self._method else attribute

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self._left -= 1
                last = self._left == 0
            if last and self._before:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = call(*args, **kwargs)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted
