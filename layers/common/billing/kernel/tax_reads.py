"""The part of the storage port about a merchant's taxes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.tax.rates import Place, TaxPlace
    from billing.tax.registrations import TaxSetup
    from billing.tax.sums import SalesYear, TaxDay


class TaxParts(Protocol):
    """The questions about registrations, rates and sums of tax; `Store` has them too."""

    def tax_setup(self, merchant: str) -> TaxSetup | None: ...
    def tax_places(
        self, merchant: str, generation: int, places: Sequence[Place]
    ) -> list[TaxPlace | None]:
        """The rates entered for each of some places."""
        ...

    def tax_table(
        self, merchant: str, generation: int, limit: int, after: Place | None = None
    ) -> list[TaxPlace]:
        """A part of a merchant's table of rates, in order of its places."""
        ...

    def tax_tables(self, merchant: str, limit: int) -> list[TaxPlace]:
        """Places of any table of rates that a merchant ever had, whole or broken off."""
        ...

    def tax_days(self, merchant: str, since: date, until: date, limit: int) -> list[TaxDay]:
        """Sums of tax by day, both days included."""
        ...

    def tax_sums(self, sums: Sequence[TaxDay]) -> list[TaxDay | None]:
        """The stored sums of the same day, rate and shard as these."""
        ...

    def sales_years(self, sums: Sequence[SalesYear]) -> list[SalesYear | None]:
        """The stored sums of the same year, place and shard as these."""
        ...
