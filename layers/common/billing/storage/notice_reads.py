"""Reads of the proofs of notices, and of those that were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage import notice_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.notices.records import MissedNotice, NoticeRecord


class NoticeReads:
    """The questions of the Store port about notices."""

    _items: Items

    def notice_record(
        self, merchant: str, customer: str, subscription: str, event: str
    ) -> NoticeRecord | None:
        """Get M#<merchant>#C#<customer>#NOTICES <subscription>#<event>."""
        return self._items.get(notice_keys.record(merchant, customer, subscription, event))

    def notice_records(
        self, merchant: str, customer: str, subscription: str | None, limit: int
    ) -> list[NoticeRecord]:
        """Query M#<merchant>#C#<customer>#NOTICES, or <subscription>#*, the last names first."""
        partition = notice_keys.records_of(merchant, customer, subscription)
        return self._items.query(partition, newest_first=True, limit=limit)

    def missed_notice(self, merchant: str, missed: str) -> MissedNotice | None:
        """Get M#<merchant>#MISSED_NOTICES <id>."""
        return self._items.get(notice_keys.missed(merchant, missed))

    def missed_notices(
        self, merchant: str, *, limit: int, before: str | None = None
    ) -> list[MissedNotice]:
        """Query M#<merchant>#MISSED_NOTICES, newest first, older than one of them."""
        partition = notice_keys.missed_of(merchant, before)
        found = self._items.query(partition, newest_first=True, limit=limit + 1)
        return [each for each in found if each.id != before][:limit]
