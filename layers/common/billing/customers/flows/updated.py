"""Lists the subscriptions that changed since an instant, by the event log (M-1, M-5)."""

from __future__ import annotations

from datetime import datetime

from billing.kernel.cursors import position_in, seal
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import ChangedSince, Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription


def subscriptions(
    ports: Ports,
    changed: ChangedSince,
    merchant: Merchant,
    where: SubscriptionFilter,
    *,
    since: datetime,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> tuple[Page[Subscription], bool]:
    """Returns a page of subscriptions as of now, oldest change first, and whether it has them all.

    It has not where the log began later than `since`. One that changed again meanwhile comes again
    on a later page. A page may be short, even empty, where its filter leaves others out.
    """
    of = (merchant.id, "updated", since.isoformat(), where.text)
    after = None if cursor is None else position_in(cursor, *of)
    found = changed(merchant, "subscription", since=since, after=after, limit=limit, now=now)
    read = ports.store.subscriptions([(merchant.id, *owner) for owner in found.owners])
    as_they_are = [each.as_of(now) for each in read if each is not None]
    data = tuple(each for each in as_they_are if where.takes(each))
    more = None if found.next is None else seal(found.next, *of)
    return Page(data, more), found.complete_since <= since
