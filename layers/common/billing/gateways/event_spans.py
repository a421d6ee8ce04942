"""Events that a gateway lists newest first, read oldest first (W-1).

A look for lost events keeps how far it has come, so it has to begin with the oldest. A gateway that
lists them from the other end would have to be read whole before that: of an account with more
events than a look has time for, each look would begin anew and come to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from billing.kernel.gateways import GatewayEvent

SECOND = timedelta(seconds=1)

Listing = Callable[[datetime, datetime | None, bool], tuple[list[GatewayEvent], bool]]
"""Lists the events of a span, oldest first, and tells whether it has more than these.

Without an end it goes on to the newest. True asks for all of them, however many.
"""


def oldest_first(
    listing: Listing, since: datetime, until: datetime | None
) -> Iterator[GatewayEvent]:
    """Yields events oldest first: a span with more than one page is read as its two halves."""
    spans: list[tuple[datetime, datetime | None]] = [(since.replace(microsecond=0), until)]
    while spans:
        start, end = spans.pop()
        found, more = listing(start, end, end is not None and end - start <= SECOND)
        if not more:
            yield from found
            continue
        end = end or found[-1].at + SECOND
        middle = start + max(1, (end - start) // SECOND // 2) * SECOND
        spans += [(middle, end), (start, middle)] if middle < end else [(start, end)]
