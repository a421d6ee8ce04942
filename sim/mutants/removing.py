"""Building blocks of mutants: each takes one thing away from a step, a call or a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Transaction
from sim.items import Blind


def writes(change: Callable[[Transaction], Sequence[Any]]) -> Callable[[Any], Any]:
    """Changes a step's transaction; a step returns it alone or after what it made."""

    def mutate(step: Any) -> Any:
        @wraps(step)
        def mutant(*args: Any, **kwargs: Any) -> Any:
            answer = step(*args, **kwargs)
            if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], tuple):
                return answer[0], tuple(change(answer[1]))
            return tuple(change(answer))

        return mutant

    return mutate


def blind(*classes: str, of: type = Change) -> Callable[[Any], Any]:
    """Drops the conditions of writes on entities of these classes."""

    def is_meant(write: Any) -> bool:
        if not isinstance(write, of):
            return False
        entity = getattr(write, "before" if of is Change else "entity")
        return not classes or type(entity).__name__ in classes

    return writes(lambda writes: [Blind(w) if is_meant(w) else w for w in writes])


without_expect = writes(lambda writes: [w for w in writes if not isinstance(w, ConditionCheck)])


def unchanged(method: Any) -> Any:
    """Makes a method return the value itself."""
    return lambda self, *args, **kwargs: self


def always(answer: Any) -> Callable[[Any], Any]:
    return lambda original: lambda *args, **kwargs: answer


def constant(value: Any) -> Callable[[Any], Any]:
    return lambda original: value


def committing_blindly(original: Any) -> Any:
    """Drops the conditions of a flow's writes; the flow's ports come first."""

    def mutant(ports: Any, *args: Any, **kwargs: Any) -> Any:
        class Store:
            def __getattr__(self, name: str) -> Any:
                return getattr(ports.store, name)

            def commit(self, *writes: Any) -> None:
                ports.store.commit(*(Blind(w) for w in writes))

        return original(replace(ports, store=Store()), *args, **kwargs)

    return mutant


def without(*names: str) -> Callable[[Any], Any]:
    """Drops these from a list of fields that a write rests on."""
    return lambda fields: tuple(name for name in fields if name not in names)
