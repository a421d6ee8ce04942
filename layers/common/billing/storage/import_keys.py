"""Keys of a merchant's imports, their rows, and what was imported by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import EVERYTHING, Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.migration.import_rows import ImportClaim, ImportedRow
    from billing.migration.imports import Import, ImportMapping

_MAPPING = "MAPPING#"


def imports(merchant: str, before: str | None = None) -> Partition[Import]:
    """Returns where a merchant's imports are, oldest first, up to one."""
    whole = SortKeyRange.of("imp_")
    return Partition(f"M#{merchant}#IMPORTS", SortKeyRange(whole.low, before or whole.high))


def import_(merchant: str, import_id: str) -> Key[Import]:
    return Key(f"M#{merchant}#IMPORTS", import_id)


def mappings(merchant: str) -> Partition[ImportMapping]:
    return Partition(f"M#{merchant}#IMPORTS", SortKeyRange.of(_MAPPING))


def mapping(merchant: str, name: str) -> Key[ImportMapping]:
    return Key(f"M#{merchant}#IMPORTS", f"{_MAPPING}{name}")


def rows(
    merchant: str, import_id: str, after: str | None = None, within: str = ""
) -> Partition[ImportedRow]:
    """Returns where the rows of an import are, from a place on, whose places begin the same."""
    whole = SortKeyRange.of(within) if within else EVERYTHING
    low = whole.low if after is None else max(whole.low, after)
    return Partition(f"M#{merchant}#IM#{import_id}", SortKeyRange(low, whole.high))


def row(merchant: str, import_id: str, place: str) -> Key[ImportedRow]:
    return Key(f"M#{merchant}#IM#{import_id}", place)


def claim(merchant: str, source: str, external_id: str) -> Key[ImportClaim]:
    return Key(f"M#{merchant}#IMPORTED#{source}", external_id)
