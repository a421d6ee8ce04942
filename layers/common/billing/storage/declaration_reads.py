"""Reads of a merchant's declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage import declaration_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.declarations.declarations import Declaration, DeclarationOf


class DeclarationReads:
    """The questions of the Store port about declarations of one merchant's customers."""

    _items: Items

    def declaration(self, merchant: str, declaration: str) -> Declaration | None:
        """Get M#<merchant>#DECLARATIONS <declaration>."""
        return self._items.get(declaration_keys.declaration(merchant, declaration))

    def declarations(
        self, merchant: str, *, limit: int, before: str | None = None
    ) -> list[Declaration]:
        """Query M#<merchant>#DECLARATIONS, newest first, older than one of them."""
        partition = declaration_keys.declarations(merchant, before)
        found = self._items.query(partition, newest_first=True, limit=limit + 1)
        return [each for each in found if each.id != before][:limit]

    def declarations_of(self, merchant: str, customer: str, limit: int) -> list[DeclarationOf]:
        """Query M#<merchant>#C#<customer> DECLARATION#*, newest first."""
        partition = declaration_keys.declarations_of(merchant, customer)
        return self._items.query(partition, newest_first=True, limit=limit)
