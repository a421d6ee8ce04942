"""Invoice numbers a second of one merchant, simulated: several batches of the outbox, one counter.

Each batch reads the counter and writes it with its invoices; where another one wrote it between, it
does so again. Reads and writes take as long as is assumed below.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

READ_SECONDS, WRITE_SECONDS = 0.01, 0.06
"""A read of the counter, and a write of 51 or 99 items, as assumed: DynamoDB says no figure."""

REST_SECONDS = 0.3
"""A batch's time beside its numbers, at least: eight mails side by side, as assumed elsewhere."""


def per_second(batches: int, invoices: int, seconds: float = 60.0) -> float:
    """Simulates so many batches at a time, each of so many invoices of the same merchant."""
    counter = given = 0
    waiting: list[tuple[float, int, int | None]] = [(0.001 * n, n, None) for n in range(batches)]
    while waiting:
        now, batch, read = heapq.heappop(waiting)
        if now > seconds:
            break
        if read is None:
            heapq.heappush(waiting, (now + READ_SECONDS + WRITE_SECONDS, batch, counter))
        elif read == counter:
            counter, given = counter + 1, given + invoices
            heapq.heappush(waiting, (now + REST_SECONDS * invoices / 8, batch, None))
        else:
            heapq.heappush(waiting, (now, batch, None))
    return given / seconds


def one_by_one(batches: int, seconds: float = 60.0) -> float:
    """Simulates invoices that are numbered each by itself, eight side by side in a batch."""
    return per_second(batches * 8, 1, seconds)


def figures() -> Iterator[tuple[int, float]]:
    """Yields what some numbers of batches at a time give, each of 25 invoices."""
    for batches in (4, 16, 32, 64):
        yield batches, per_second(batches, 25)
