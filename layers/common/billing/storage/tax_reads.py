"""Reads of a merchant's tax setup, rates and sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from billing.storage import tax_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.tax.rates import Place, TaxPlace
    from billing.tax.registrations import TaxSetup
    from billing.tax.sums import SalesYear, TaxDay


class TaxReads:
    """The questions of the Store port about one merchant's taxes."""

    _items: Items

    def tax_setup(self, merchant: str) -> TaxSetup | None:
        """Get M#<merchant>#TAX SETUP."""
        return self._items.get(tax_keys.setup(merchant))

    def tax_places(
        self, merchant: str, generation: int, places: Sequence[Place]
    ) -> list[TaxPlace | None]:
        """Batch get of M#<merchant>#TAX RATE#<generation>#<country>#<state>#<postal code>."""
        return self._items.get_many([tax_keys.place(merchant, generation, p) for p in places])

    def tax_table(
        self, merchant: str, generation: int, limit: int, after: Place | None = None
    ) -> list[TaxPlace]:
        """Query M#<merchant>#TAX RATE#<generation>#*, in order, behind a place."""
        table = tax_keys.table(merchant, generation)
        if after is None:
            return self._items.query(table, limit=limit)
        from billing.tax.rates import Place

        low = tax_keys.place(merchant, generation, after).sk
        behind = table._replace(between=table.between._replace(low=low))
        found = self._items.query(behind, limit=limit + 1)
        rest = (p for p in found if Place(p.country, p.state, p.postal_code) != after)
        return list(rest)[:limit]

    def tax_tables(self, merchant: str, limit: int) -> list[TaxPlace]:
        """Query M#<merchant>#TAX RATE#*, of every generation."""
        return self._items.query(tax_keys.tables(merchant), limit=limit)

    def tax_days(self, merchant: str, since: date, until: date, limit: int) -> list[TaxDay]:
        """Query M#<merchant>#TAX DAY#<day>#* of the days from `since` to `until`, both included."""
        return self._items.query(tax_keys.days(merchant, since, until), limit=limit)

    def tax_sums(self, sums: Sequence[TaxDay]) -> list[TaxDay | None]:
        """Batch get of M#<merchant>#TAX DAY#<day>#<rate>#<shard>."""
        return self._items.get_many([tax_keys.day(each) for each in sums])

    def sales_years(self, sums: Sequence[SalesYear]) -> list[SalesYear | None]:
        """Batch get of M#<merchant>#TAX YEAR#<year>#<jurisdiction>#<currency>#<shard>."""
        return self._items.get_many([tax_keys.year(each) for each in sums])
