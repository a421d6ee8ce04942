"""Keys of declarations; an id sorts by when it was declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import EVERYTHING, Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.declarations.declarations import Declaration, DeclarationOf


def declarations(merchant: str, before: str | None = None) -> Partition[Declaration]:
    """Returns where a merchant's declarations are, up to one of them."""
    between = EVERYTHING if before is None else SortKeyRange(EVERYTHING.low, before)
    return Partition(f"M#{merchant}#DECLARATIONS", between)


def declaration(merchant: str, declaration: str) -> Key[Declaration]:
    return Key(f"M#{merchant}#DECLARATIONS", declaration)


def declarations_of(merchant: str, customer: str) -> Partition[DeclarationOf]:
    """Returns where a customer's declarations are named, beside their purchases."""
    return Partition(f"M#{merchant}#C#{customer}", SortKeyRange.of("DECLARATION#"))


def declaration_of(merchant: str, customer: str, declaration: str) -> Key[DeclarationOf]:
    return Key(f"M#{merchant}#C#{customer}", f"DECLARATION#{declaration}")
