"""Reads of imports and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.storage import import_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.migration.import_rows import ImportClaim, ImportedRow
    from billing.migration.imports import Import, ImportMapping


class ImportReads:
    """The questions of the Store port about imports."""

    _items: Items

    def import_(self, merchant: str, import_id: str) -> Import | None:
        """Get M#<merchant>#IMPORTS <id>."""
        return self._items.get(import_keys.import_(merchant, import_id))

    def imports(self, merchant: str, *, limit: int, before: str | None = None) -> list[Import]:
        """Query M#<merchant>#IMPORTS imp_*, newest first, behind one."""
        partition = import_keys.imports(merchant, before)
        found = self._items.query(partition, newest_first=True, limit=limit + 1)
        return [each for each in found if each.id != before][:limit]

    def import_mappings(self, merchant: str) -> list[ImportMapping]:
        """Query M#<merchant>#IMPORTS MAPPING#*."""
        return self._items.query(import_keys.mappings(merchant))

    def import_mapping(self, merchant: str, name: str) -> ImportMapping | None:
        """Get M#<merchant>#IMPORTS MAPPING#<name>."""
        return self._items.get(import_keys.mapping(merchant, name))

    def imported_row(self, merchant: str, import_id: str, number: int) -> ImportedRow | None:
        """Batch get of M#<merchant>#IM#<import> <result>#<number>, for each result."""
        from billing.migration.import_rows import Result, place_of

        found = self._items.get_many(
            [import_keys.row(merchant, import_id, place_of(each, number)) for each in Result]
        )
        return next((each for each in found if each is not None), None)

    def imported_rows(
        self,
        merchant: str,
        import_id: str,
        *,
        limit: int,
        after: str | None = None,
        within: str = "",
    ) -> list[ImportedRow]:
        """Query M#<merchant>#IM#<import>, behind a place."""
        where = import_keys.rows(merchant, import_id, after, within)
        found = self._items.query(where, limit=limit + 1)
        return [each for each in found if each.place != after][:limit]

    def import_claims(
        self, merchant: str, source: str, external_ids: Sequence[str]
    ) -> list[ImportClaim | None]:
        """Batch get of M#<merchant>#IMPORTED#<source> <external id>."""
        return self._items.get_many(
            [import_keys.claim(merchant, source, each) for each in external_ids]
        )
