"""Reads of exports, and what only they read: many of a kind at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.storage import customer_keys, export_keys, keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.kernel.customers import Consent, Customer, PaymentMethod
    from billing.kernel.ledger import LedgerEntry
    from billing.migration.exports import Export


class ExportReads:
    """The questions of the Store port about exports."""

    _items: Items

    def export(self, merchant: str, export: str) -> Export | None:
        """Get M#<merchant>#EXPORTS <id>."""
        return self._items.get(export_keys.export(merchant, export))

    def exports(self, merchant: str, *, limit: int, before: str | None = None) -> list[Export]:
        """Query M#<merchant>#EXPORTS, newest first, behind one."""
        partition = export_keys.exports(merchant, before)
        found = self._items.query(partition, newest_first=True, limit=limit + 1)
        return [each for each in found if each.id != before][:limit]

    def customers_named(self, customers: Sequence[tuple[str, str]]) -> list[Customer | None]:
        """Batch get of M#<merchant>#C#<customer> CUSTOMER."""
        return self._items.get_many([keys.customer(*each) for each in customers])

    def payment_methods(
        self, methods: Sequence[tuple[str, str, str]]
    ) -> list[PaymentMethod | None]:
        """Batch get of M#<merchant>#C#<customer> CARD#<id>."""
        return self._items.get_many([keys.payment_method(*each) for each in methods])

    def consents(self, purchases: Sequence[tuple[str, str, str]]) -> list[Consent | None]:
        """Batch get of M#<merchant>#C#<customer> CONSENT#<purchase>."""
        return self._items.get_many([keys.consent(*each) for each in purchases])

    def ledger_of(self, merchant: str, customer: str, of: str) -> list[LedgerEntry]:
        """Query M#<merchant>#C#<customer> LEDGER#<invoice or chargeback>:*."""
        return self._items.query(customer_keys.ledger_of(merchant, customer, of))
