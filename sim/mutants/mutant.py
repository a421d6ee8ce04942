"""A mutant: the product without one of its guards, for a while and in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from billing.kernel.values import Value

Patch = tuple[Any, str, Callable[[Any], Any]]
"""The owner of a name, the name, and the function that makes the mutant's version of it."""


class Mutant(Value):
    """A removed guard; `redundant` says why nothing need notice.

    `scene` names the one whose meetings notice it, where chance mostly does not: it is tried first.
    One of the moving of subscriptions `moves`: it is judged by `sim.moving`.
    """

    name: str
    patches: tuple[Patch, ...]
    redundant: str | None = None
    scene: str | None = None
    moves: bool = False

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Removes the guard from the product until the end of the block."""
        with ExitStack() as stack:
            for where, name, mutate in self.patches:
                original = getattr(where, name)
                stack.callback(setattr, where, name, original)
                setattr(where, name, mutate(original))
            yield
