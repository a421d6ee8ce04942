"""The part of the storage port about exports, and what only they read (M-6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.kernel.customers import Consent, Customer, PaymentMethod
    from billing.kernel.ledger import LedgerEntry
    from billing.migration.exports import Export


class ExportParts(Protocol):
    """The questions of exports; `Store` has them too."""

    def export(self, merchant: str, export: str) -> Export | None: ...
    def exports(self, merchant: str, *, limit: int, before: str | None = None) -> list[Export]:
        """A merchant's exports, newest first, behind one of them."""
        ...

    def customers_named(self, customers: Sequence[tuple[str, str]]) -> list[Customer | None]:
        """Many at once, (merchant, id) each, in the order asked for; erased ones too."""
        ...

    def payment_methods(
        self, methods: Sequence[tuple[str, str, str]]
    ) -> list[PaymentMethod | None]:
        """Many at once, (merchant, customer, id) each, in the order asked for."""
        ...

    def consents(self, purchases: Sequence[tuple[str, str, str]]) -> list[Consent | None]:
        """Many at once, (merchant, customer, purchase id) each, in the order asked for."""
        ...

    def ledger_of(self, merchant: str, customer: str, of: str) -> list[LedgerEntry]:
        """The ledger entries of an invoice, its refunds among them, or those of a chargeback."""
        ...
