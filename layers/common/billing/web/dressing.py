"""The look of the merchant whose pages a request is shown: found when a page is made (M-11).

A function gives its resolver a finder; pages of a function without one, such as the console, have
ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from billing.kernel.branding import Look
from billing.kernel.merchants import Merchant

Finder = Callable[[Merchant], Look | None]


def without(merchant: Merchant) -> Look | None:
    """Finds nothing: our own look."""
    return None


_finder: ContextVar[Finder] = ContextVar("finder of looks", default=without)


@contextmanager
def by(finder: Finder) -> Iterator[None]:
    """Has pages dressed by a finder meanwhile."""
    token = _finder.set(finder)
    try:
        yield
    finally:
        _finder.reset(token)


def of(merchant: object) -> Look | None:
    """Returns the look of a page's merchant, None for ours."""
    return _finder.get()(merchant) if isinstance(merchant, Merchant) else None
