"""Gateways whose process dies, by kill -9, exactly before or after one of their calls.

`DIE_AT=after:confirm:30` is what the kill test starts with; nothing else uses it.
"""

import os
import signal
from collections.abc import Callable
from threading import Lock
from typing import Any


class Mortality:
    """A counter of the calls of the named method, whichever gateway they are made at."""

    def __init__(self, die_at: str) -> None:
        when, self.method, number = die_at.split(":")
        self._before = when == "before"
        self._left = int(number)
        self._lock = Lock()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps a call: the last one kills the process."""

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


class MortalGateway:
    """A gateway that behaves as another one until the n-th call of the named method."""

    def __init__(self, gateway: Any, mortality: Mortality) -> None:
        self._gateway = gateway
        self._mortality = mortality

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._gateway, name)
        return self._mortality.around(attribute) if name == self._mortality.method else attribute
