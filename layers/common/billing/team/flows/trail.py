"""The audit trail as a merchant reads it: one query a page, newest first (M-8)."""

from __future__ import annotations

from datetime import UTC, datetime

from billing.kernel.audit import AuditRecord
from billing.kernel.cursors import position_in, seal
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.team import reach
from billing.team.rights import Area

LOOKED_AT = 200
"""The entries that one page looks at where a filter leaves some out; it may then be short."""

PAGES_OF_FILE = 50
"""The most pages that are read for a file; one of a rare filter then holds what they show."""


class TrailFilter(Value):
    """A filter of the trail; `person` is an email, a member's id or a key's."""

    since: datetime | None = None
    until: datetime | None = None
    person: str | None = None
    area: Area | None = None

    def takes(self, record: AuditRecord) -> bool:
        """Tests whether an entry is shown."""
        by = record.by
        if self.area is not None and reach.area_of(record.action) is not self.area:
            return False
        if self.person is None:
            return True
        named = (by.member, by.email, by.key, record.actor, record.actor.partition(":")[2])
        return self.person.strip().lower() in {(each or "").lower() for each in named}

    @property
    def text(self) -> str:
        """Returns the filter as a cursor is bound to it."""
        return f"{self.since}\n{self.until}\n{self.person}\n{self.area}"


def page(
    ports: Ports,
    merchant: Merchant,
    wanted: TrailFilter,
    *,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[AuditRecord]:
    """Returns a page of the trail; a cursor may follow a page that shows nothing.

    Nothing from before the merchant is theirs: a username that was never used is given again, and
    what its earlier holder did is still written down. Raises `Invalid` for a cursor of another
    list.
    """
    since = max(wanted.since or merchant.created_at, merchant.created_at)
    # What is asked for at this very instant is a part of it.
    until = wanted.until or now.replace(year=now.year + 1, day=1)
    if until <= since:
        return Page((), None)
    before = None if cursor is None else position_in(cursor, "audit", merchant.id, wanted.text)
    is_filtered = wanted.person is not None or wanted.area is not None
    found, place = ports.audit.page(
        merchant.id,
        since=since,
        until=until,
        limit=LOOKED_AT if is_filtered else limit,
        before=before,
    )
    shown = [record for record in found if wanted.takes(record)]
    if len(shown) > limit:
        shown = shown[:limit]
        place = f"{_stamp(shown[-1])}#{shown[-1].request}"
    after = None if place is None else seal(place, "audit", merchant.id, wanted.text)
    return Page(tuple(shown), after)


def newest(
    ports: Ports,
    merchant: Merchant,
    wanted: TrailFilter,
    *,
    most: int,
    cursor: str | None,
    now: datetime,
) -> Page[AuditRecord]:
    """Returns the newest entries that a filter takes, for a file: as many pages as that needs.

    Raises `Invalid` for a cursor of another list.
    """
    found: list[AuditRecord] = []
    for _ in range(PAGES_OF_FILE):
        part = page(ports, merchant, wanted, limit=most - len(found), cursor=cursor, now=now)
        found += part.data
        cursor = part.next
        if cursor is None or len(found) >= most:
            break
    return Page(tuple(found), cursor)


def _stamp(record: AuditRecord) -> str:
    return record.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
