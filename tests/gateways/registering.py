"""Registers a further gateway for a test, by the line that the registry has for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from billing.gateways import registry
from billing.render import messages, pages


@contextmanager
def registered(module: str) -> Iterator[None]:
    """Adds one line to the registry; what was read of specs and texts is read again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "REGISTERED", (*registry.REGISTERED, module))
        _read_again()
        yield
    _read_again()


def _read_again() -> None:
    registry.specs.cache_clear()
    messages._catalog.cache_clear()
    pages._environment.cache_clear()
