"""Keys of the proofs of notices, and of those that were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import EVERYTHING, Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.notices.records import MissedNotice, NoticeRecord


def records_of(
    merchant: str, customer: str, subscription: str | None = None
) -> Partition[NoticeRecord]:
    """Returns where the proofs of a customer are, or of one subscription."""
    between = EVERYTHING if subscription is None else SortKeyRange.of(f"{subscription}#")
    return Partition(f"M#{merchant}#C#{customer}#NOTICES", between)


def record(merchant: str, customer: str, subscription: str, event: str) -> Key[NoticeRecord]:
    return Key(f"M#{merchant}#C#{customer}#NOTICES", f"{subscription}#{event}")


def missed_of(merchant: str, before: str | None = None) -> Partition[MissedNotice]:
    """Returns where a merchant's missed notices are, up to one of them; an id sorts by time."""
    between = EVERYTHING if before is None else SortKeyRange(EVERYTHING.low, before)
    return Partition(f"M#{merchant}#MISSED_NOTICES", between)


def missed(merchant: str, missed: str) -> Key[MissedNotice]:
    return Key(f"M#{merchant}#MISSED_NOTICES", missed)
