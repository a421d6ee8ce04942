"""Lists as iterators: each page is asked for when the one before is used up."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

PAGE = 200


def every(operation: Callable[..., Any], *path: str, **filters: Any) -> Iterator[Any]:
    """Yields each row of a list operation, over all its pages.

    The list of events ends where there are none yet; its rows are asked for by `after`.
    """
    names = inspect.signature(operation).parameters
    onward = "after" if "after" in names else "cursor"
    if "limit" in names:
        filters.setdefault("limit", PAGE)
    while True:
        page = operation(*path, **filters)
        yield from page.data
        following = getattr(page, "next_", None)
        if not isinstance(following, str) or following == filters.get(onward):
            return
        filters[onward] = following
