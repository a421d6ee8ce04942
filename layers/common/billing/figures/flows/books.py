"""Finds what merchants' figures rest on, and begins it with their first event (M-10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.figures.sums import FigureBook, ZoneSince
from billing.kernel.errors import Conflict
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert

STREAM_REACHES = timedelta(hours=24)
"""The time that the stream keeps its records: so far before the first one it may bring others."""


def of(
    ports: Ports, merchants: Iterable[str], *, now: datetime, since: datetime | None = None
) -> dict[str, FigureBook]:
    """Returns the book of each merchant, with the zone of now in it.

    `since` is the time of the first record that begins one, now if there is none.
    """
    wanted = list(dict.fromkeys(merchants))
    sellers, _ = ports.store.merchants_and_switch(wanted)
    found = {}
    for seller, book in zip(sellers, ports.store.figure_books(wanted), strict=True):
        assert seller is not None, "a merchant is never removed"
        zone = seller.settings.time_zone
        begins = (since or now) - STREAM_REACHES
        if book is None or book.zones[-1].zone != zone:
            new = FigureBook(seller.id, begins, (), begins)
            book = _begin(ports, new, book, ZoneSince(now, zone))
        if book.cases_since is None:
            book = _keep(ports, book, replace(book, cases_since=now))
        found[seller.id] = book
    return found


def _begin(ports: Ports, new: FigureBook, book: FigureBook | None, zone: ZoneSince) -> FigureBook:
    if book is None:
        return _keep(ports, None, replace(new, zones=(zone,)))
    return _keep(ports, book, replace(book, zones=(*book.zones, zone)))


def _keep(ports: Ports, before: FigureBook | None, after: FigureBook) -> FigureBook:
    try:
        ports.store.commit(Insert(after) if before is None else Change(before, after))
    except Conflict:  # another batch was first
        (found,) = ports.store.figure_books([after.merchant])
        assert found is not None, "a book is never removed"
        return found
    return after
