"""The part of the storage port about imports (M-6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.migration.import_rows import ImportClaim, ImportedRow
    from billing.migration.imports import Import, ImportMapping


class ImportParts(Protocol):
    """The questions of imports; `Store` has them too."""

    def import_(self, merchant: str, import_id: str) -> Import | None: ...
    def imports(self, merchant: str, *, limit: int, before: str | None = None) -> list[Import]:
        """A merchant's imports, newest first, behind one of them."""
        ...

    def import_mappings(self, merchant: str) -> list[ImportMapping]:
        """A merchant's mappings of columns, by name."""
        ...

    def import_mapping(self, merchant: str, name: str) -> ImportMapping | None: ...
    def imported_row(self, merchant: str, import_id: str, number: int) -> ImportedRow | None:
        """One row of an import, whatever was found in it."""
        ...

    def imported_rows(
        self,
        merchant: str,
        import_id: str,
        *,
        limit: int,
        after: str | None = None,
        within: str = "",
    ) -> list[ImportedRow]:
        """Rows of an import behind a place: those that block first, then warnings, then the rest.

        `within` is what their places begin with. `after` may be `IMPORTABLE`.
        """
        ...

    def import_claims(
        self, merchant: str, source: str, external_ids: Sequence[str]
    ) -> list[ImportClaim | None]:
        """Many at once, in the order asked for."""
        ...
