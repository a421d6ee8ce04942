"""Keys of a merchant's exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import EVERYTHING, Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.migration.exports import Export


def exports(merchant: str, before: str | None = None) -> Partition[Export]:
    """Returns where a merchant's exports are, oldest first, up to one."""
    between = EVERYTHING if before is None else SortKeyRange(EVERYTHING.low, before)
    return Partition(f"M#{merchant}#EXPORTS", between)


def export(merchant: str, export: str) -> Key[Export]:
    return Key(f"M#{merchant}#EXPORTS", export)
