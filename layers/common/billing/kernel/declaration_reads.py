"""The part of the storage port about declarations of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.declarations.declarations import Declaration, DeclarationOf


class DeclarationParts(Protocol):
    """The questions about declarations; `Store` has them too."""

    def declaration(self, merchant: str, declaration: str) -> Declaration | None: ...
    def declarations(
        self, merchant: str, *, limit: int, before: str | None = None
    ) -> list[Declaration]:
        """A merchant's declarations, newest first, older than one of them."""
        ...

    def declarations_of(self, merchant: str, customer: str, limit: int) -> list[DeclarationOf]:
        """The declarations that are matched to a customer, newest first."""
        ...
