"""The keys of parts of what one customer has, each read by itself (ARCHITECTURE.md, 4)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from billing.storage import keys
from billing.storage.addresses import Key, Partition, SortKeyRange, stamp

if TYPE_CHECKING:
    from billing.kernel.customers import Entitlement, PaymentMethod
    from billing.kernel.ledger import LedgerEntry
    from billing.kernel.orders import Order
    from billing.refunds.chargebacks import Chargeback


def payment_methods_of(merchant: str, customer: str) -> Partition[PaymentMethod]:
    """Returns where a customer's cards are, removed ones too."""
    return Partition(keys.of_customer(merchant, customer), SortKeyRange.of("CARD#"))


def orders_of(merchant: str, customer: str) -> Partition[Order]:
    """Returns where a customer's orders are, oldest first."""
    return Partition(keys.of_customer(merchant, customer), SortKeyRange.of("ORDER#"))


def order_at(place: str) -> str:
    """Returns the sort key of a customer's order at a place, `<time>#<id>`, or from an instant."""
    return f"ORDER#{place}"


def order(merchant: str, customer: str, at: datetime, order: str) -> Key[Order]:
    return Key(keys.of_customer(merchant, customer), order_at(f"{stamp(at)}#{order}"))


def entitlements_of(
    merchant: str, customer: str, grant: str | None = None
) -> Partition[Entitlement]:
    """Returns where a customer's access is, or that to one grant."""
    prefix = "ENTITLEMENT#" if grant is None else f"ENTITLEMENT#{grant}#"
    return Partition(keys.of_customer(merchant, customer), SortKeyRange.of(prefix))


def chargebacks_of(merchant: str, customer: str) -> Partition[Chargeback]:
    """Returns where a customer's chargebacks are."""
    return Partition(keys.of_customer(merchant, customer), SortKeyRange.of("CHARGEBACK#"))


def ledger_of(merchant: str, customer: str, of: str) -> Partition[LedgerEntry]:
    """Returns where the ledger entries of an invoice or a chargeback are."""
    return Partition(keys.of_customer(merchant, customer), SortKeyRange.of(f"LEDGER#{of}:"))
