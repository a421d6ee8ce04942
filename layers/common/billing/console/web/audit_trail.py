"""The audit trail in the console: who changed what, newest first, and as CSV (M-8)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.console.web.lists import Listing, listing
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.kernel.audit import AuditRecord
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.team import csv_trail, trail_words
from billing.team.flows import trail
from billing.team.flows.trail import TrailFilter
from billing.team.rights import Area
from billing.team.trail_words import Deed
from billing.web import http
from billing.web.inputs import Cursor, Input, words
from billing.web.request import CSV

HERE = "/console/audit"
MOST_IN_FILE = 1000
"""The newest entries that one CSV file holds; a day in the address gives the others."""


class TrailQuery(Input):
    """The filter of the trail, by person or key, by area and by local day."""

    person: Annotated[str, words(254)] | None = None
    area: Area | None = None
    day: InstantOrDate | None = None
    cursor: Cursor | None = None


class Line(Value):
    """An entry, with what it says in words."""

    record: AuditRecord
    deed: Deed


def trail_page(desk: Desk) -> http.Answer:
    """Lists what was done, newest first."""

    def find(query: TrailQuery) -> Page[AuditRecord]:
        return trail.page(
            *_wanted(desk, query), limit=PAGE_LENGTH, cursor=query.cursor, now=desk.now
        )

    listed = listing(desk, HERE, TrailQuery, find)
    lines = [Line(each, trail_words.deed(each)) for each in listed.data]
    return page(
        desk,
        "console/audit.html",
        status=422 if listed.wrong else 200,
        listed=listed,
        lines=lines,
        areas=[each.value for each in Area if each is not Area.OWN],
        csv_url=_csv_url(listed),
    )


def trail_csv(desk: Desk) -> http.Answer:
    """Answers what the filter finds as a file, the newest thousand; its name says so if there is
    more."""

    def find(query: TrailQuery) -> Page[AuditRecord]:
        wanted = _wanted(desk, query)
        return trail.newest(*wanted, most=MOST_IN_FILE, cursor=query.cursor, now=desk.now)

    listed = listing(desk, HERE, TrailQuery, find)
    if listed.wrong is not None:
        raise listed.wrong
    name = f"audit-first-{len(listed.data)}.csv" if listed.next_url else "audit.csv"
    return http.file(csv_trail.written(listed.data), name, CSV)


def _wanted(desk: Desk, query: TrailQuery) -> tuple[Ports, Merchant, TrailFilter]:
    """Returns the ports, the merchant and the filter of a page of the trail."""
    merchant, day = desk.session.merchant, query.day
    zone = merchant.settings.time_zone
    since = None if day is None else start_of(day, zone, "day")
    until = None if day is None else end_of(day, zone, "day")
    return desk.ports, merchant, TrailFilter(since, until, query.person, query.area)


def _csv_url(listed: Listing[AuditRecord]) -> str:
    kept = {name: value for name, value in listed.typed.items() if name != "cursor"}
    return f"{HERE}.csv?{urlencode(kept)}" if kept else f"{HERE}.csv"
