"""The part of the storage port about notices that were sent, or missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.notices.records import MissedNotice, NoticeRecord


class NoticeParts(Protocol):
    """The questions about proofs and missed notices; `Store` has them too."""

    def notice_record(
        self, merchant: str, customer: str, subscription: str, event: str
    ) -> NoticeRecord | None: ...

    def notice_records(
        self, merchant: str, customer: str, subscription: str | None, limit: int
    ) -> list[NoticeRecord]:
        """The proofs of a customer, or of one subscription of theirs."""
        ...

    def missed_notice(self, merchant: str, missed: str) -> MissedNotice | None: ...

    def missed_notices(
        self, merchant: str, *, limit: int, before: str | None = None
    ) -> list[MissedNotice]:
        """A merchant's missed notices, newest first, older than one of them."""
        ...
