"""Calls in threads of this process, each with its invocation's context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from billing.kernel.lanes import Batch
from billing.kernel.storage import Due

T = TypeVar("T")
R = TypeVar("R")


def here(call: Callable[[T], R]) -> Callable[[T], R]:
    """Returns the call, to run in any thread with this invocation's deadline and correlation id."""
    context = copy_context()
    return lambda item: context.copy().run(call, item)


def in_threads(work: Batch, batches: Sequence[Sequence[Due]]) -> list[Counter[str]]:
    """Runs batches in parallel; an error of one is raised when all are done."""
    with ThreadPoolExecutor(len(batches) or 1) as pool:
        lanes = [pool.submit(here(work), batch) for batch in batches]
    return [lane.result() for lane in lanes]
