"""Clients that are made with their first call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from billing.kernel.storage import Due
from billing.kernel.tax_ids import RegisterAnswer


class Lazy:
    """A client made on first use: most functions never send a mail or a message."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = cache(make)

    def send(self, *args: Any, **kwargs: Any) -> Any:
        return self._make().send(*args, **kwargs)

    def start(self, leases: Sequence[Due]) -> None:
        self._make().start(leases)

    def waiting(self) -> int:
        found: int = self._make().waiting()
        return found

    def look_up(self, tax_id: str, *, asker: str | None) -> RegisterAnswer:
        answer: RegisterAnswer = self._make().look_up(tax_id, asker=asker)
        return answer
