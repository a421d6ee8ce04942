"""A world whose lines break: from a call on, or once, after the call had its effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from billing.kernel.errors import Unavailable as Outage
from billing.kernel.errors import Uncertain, Unreachable
from billing.kernel.values import replace
from tests.world import World

GATEWAY_CALLS = frozenset(
    {
        *("prepare", "confirm", "lookup", "refund", "find_refund", "refunds", "cancel"),
        *("save_method", "forget", "collect", "disputes", "events_since"),
    }
)


class Line:
    """Counts the calls of a request, and breaks at one of them.

    `at` is the call that fails, counted from 0; `lasting` makes all that follow fail too, without
    any effect; else that one call is carried out and only its answer is lost. `wrote` says
    whether the request has written anything.
    """

    def __init__(self, at: int, *, lasting: bool) -> None:
        self.on = False
        self.calls = 0
        self.wrote = False
        self._at, self._lasting = at, lasting

    def over(self, world: World) -> None:
        """Put it between the world's flows and everything that they call."""
        ports, sandbox = world.ports, world.sandbox
        broken = _Broken(self, sandbox, Unreachable, GATEWAY_CALLS)
        world.ports = replace(
            ports,
            store=_Broken(self, ports.store, Outage, None),  # type: ignore[arg-type]
            ephemeral=_Broken(self, ports.ephemeral, Outage, None),  # type: ignore[arg-type]
            audit=_Broken(self, ports.audit, Outage, None),  # type: ignore[arg-type]
            gateway=lambda account: broken,  # type: ignore[arg-type,return-value]
        )

    def call(self, name: str, work: Callable[[], Any], error: type[Exception]) -> Any:
        """Makes one call, or breaks it."""
        if not self.on:
            return work()
        here, self.calls = self.calls, self.calls + 1
        if self._lasting and here >= self._at:
            raise error("the line is down")
        answer = work()
        if name == "commit" or (name == "commit_each" and None in answer):
            self.wrote = True
        if not self._lasting and here == self._at:
            raise (Uncertain if name.startswith("commit") else error)("the answer was lost")
        return answer


class _Broken:
    """Anything, its calls going over a line."""

    def __init__(
        self, line: Line, behind: Any, error: type[Exception], names: frozenset[str] | None
    ) -> None:
        self._line, self._behind, self._error, self._names = line, behind, error, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        if not callable(found) or (self._names is not None and name not in self._names):
            return found

        def call(*args: Any, **named: Any) -> Any:
            return self._line.call(name, lambda: found(*args, **named), self._error)

        return call
