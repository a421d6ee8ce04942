"""Reads of parts of what one customer has: their cost does not grow with what they paid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from billing.kernel.cursors import not_of_this_list, position_in, seal
from billing.kernel.customer_reads import Billed
from billing.kernel.lists import Page
from billing.kernel.storage import History
from billing.storage import customer_keys, index_keys, keys
from billing.storage.addresses import Key, SortKeyRange, stamp
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.kernel.catalog import Product
    from billing.kernel.customers import Entitlement
    from billing.kernel.orders import Order
    from billing.kernel.writes import Entity
    from billing.refunds.chargebacks import Chargeback

T = TypeVar("T")

LOOKED_AT = 10
"""The orders that are looked at from the time of the one that is wanted: mostly it is the first."""

AROUND, LOOKED_AT_MOST = timedelta(days=1), 500
"""Where it is looked for if it is not among those, and the most that are looked at there."""


class CustomerPartReads:
    """The questions of the `CustomerParts` port."""

    _items: Items

    def holdings(self, merchant: str, customer: str) -> History:
        """Query CARD#* and SUB#* of a customer; batch get of CUSTOMER, INVOICE# and ORDER#."""
        cards = self._items.query(customer_keys.payment_methods_of(merchant, customer))
        sold = self._items.query(keys.subscriptions_of(merchant, customer))
        wanted: list[Key[Any]] = [keys.customer(merchant, customer)]
        opened = (each.open_invoice for each in sold if each.open_invoice is not None)
        wanted += (keys.invoice(merchant, customer, invoice) for invoice in opened)
        # A request's own entry, where nothing came between: an undo marks it.
        asked = (each.cancelling for each in sold if each.cancelling is not None)
        wanted += (
            customer_keys.order(merchant, customer, each.requested_at, each.order) for each in asked
        )
        read = self._items.get_many(wanted)
        return history_of([*cards, *sold, *_present(read)])

    def billed(self, merchant: str, customer: str, purchases: Sequence[str]) -> Billed:
        """Batch get of CUSTOMER, BILL_TO#<purchase> and CONSENT#<purchase>."""
        wanted: list[Key[Any]] = [keys.customer(merchant, customer)]
        wanted += (keys.bill_to(merchant, customer, each) for each in purchases)
        wanted += (keys.consent(merchant, customer, each) for each in purchases)
        owner, *found = self._items.get_many(wanted)
        count = len(purchases)
        return Billed(owner, tuple(found[:count]), tuple(found[count:]))

    def payment(self, merchant: str, customer: str, invoice: str) -> History:
        """Batch get of INVOICE#<invoice>, SUB#, CUSTOMER; query ORDER#, REFUND#<invoice>:*."""
        return history_of(self._payment(merchant, customer, invoice, None))

    def payment_of_order(self, merchant: str, order: str) -> History | None:
        """Index lookup M#<merchant>#ID#<id>, then get; the rest as `payment`."""
        found = self._order_by_id(merchant, order)
        if found is None:
            return None
        if found.customer is None or found.invoice is None:
            return history_of([found])
        return history_of(self._payment(merchant, found.customer, found.invoice, found))

    def disputed_payment(self, merchant: str, customer: str, invoice: str) -> History:
        """As `payment`; query ENTITLEMENT#* and CHARGEBACK#* of the customer."""
        from billing.kernel.customers import Entitlement

        found = self._payment(merchant, customer, invoice, None)
        if not any(isinstance(each, Entitlement) for each in found):
            found += self.entitlements(merchant, customer)
        return history_of([*found, *self.chargebacks(merchant, customer)])

    def _payment(
        self, merchant: str, customer: str, invoice: str, order: Order | None
    ) -> list[Entity]:
        purchase = invoice.rpartition(".")[0]
        read = self._items.get_many(
            [
                keys.invoice(merchant, customer, invoice),
                keys.subscription(merchant, customer, purchase),
                keys.customer(merchant, customer),
            ]
        )
        found: list[Entity] = list(_present(read))
        whole = history_of(found)
        paid = whole.invoice(invoice)
        if paid is None:
            return found
        assert paid.subscription in {None, purchase}, "a subscription is named as its purchase"
        if order is None and paid.settled_at is not None:
            order = self.order(merchant, customer, paid.order_id, since=paid.settled_at)
        found += () if order is None else (order,)
        found += self._items.query(keys.refunds_of(merchant, customer, invoice))
        owner = whole.subscription(paid.subscription)
        if owner is None:
            found += self.entitlements(merchant, customer)
        elif owner.open_invoice is not None and owner.open_invoice != invoice:
            opened = self._items.get(keys.invoice(merchant, customer, owner.open_invoice))
            found += () if opened is None else (opened,)
        return found

    def entitlements(
        self, merchant: str, customer: str, grant: str | None = None
    ) -> list[Entitlement]:
        """Query M#<merchant>#C#<customer> ENTITLEMENT#*, or ENTITLEMENT#<grant>#*."""
        found = self._items.query(customer_keys.entitlements_of(merchant, customer, grant))
        return sorted(found, key=lambda each: each.since)

    def chargebacks(self, merchant: str, customer: str) -> list[Chargeback]:
        """Query M#<merchant>#C#<customer> CHARGEBACK#*."""
        found = self._items.query(customer_keys.chargebacks_of(merchant, customer))
        return sorted(found, key=lambda each: each.opened_at)

    def order(self, merchant: str, customer: str, order: str, *, since: datetime) -> Order | None:
        """Query M#<merchant>#C#<customer> ORDER# from <since> on, a few; else many, from before."""
        partition = customer_keys.orders_of(merchant, customer)
        for begins_at, most in ((since, LOOKED_AT), (since - AROUND, LOOKED_AT_MOST)):
            low = customer_keys.order_at(stamp(begins_at))
            behind = partition._replace(between=partition.between._replace(low=low))
            for found in self._items.query(behind, limit=most):
                if found.id == order:
                    return found
        return None

    def _order_by_id(self, merchant: str, order: str) -> Order | None:
        from billing.kernel.orders import Order

        rows = self._items.rows(index_keys.by_id(merchant, order), limit=1)
        found = self._items.get(rows[0].key) if rows else None
        return found if isinstance(found, Order) else None

    def orders_of(
        self,
        merchant: str,
        customer: str,
        *,
        limit: int,
        cursor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[Order]:
        """Query M#<merchant>#C#<customer> ORDER#* up to the cursor, newest first."""
        bound = (merchant, "ORDERS", customer)
        partition = customer_keys.orders_of(merchant, customer)
        low, high = partition.between
        if since is not None:
            low = customer_keys.order_at(stamp(since))
        if until is not None:
            high = customer_keys.order_at(stamp(until))  # no order's key is a bare instant
        seen = None
        if cursor is not None:
            seen = customer_keys.order_at(position_in(cursor, *bound))
            if not partition.between.low <= seen <= partition.between.high:
                raise not_of_this_list()
            high = min(high, seen)
        if low > high:
            return Page((), None)
        between = SortKeyRange(low, high)
        found = self._items.query(
            partition._replace(between=between), newest_first=True, limit=limit + 2
        )
        left = [order for order in found if customer_keys.order_at(_place(order)) != seen]
        shown = tuple(left[:limit])
        return Page(shown, seal(_place(shown[-1]), *bound) if len(left) > limit else None)

    def products(self, products: Sequence[tuple[str, str]]) -> list[Product | None]:
        """Batch get of M#<merchant> PRODUCT#<id>."""
        return self._items.get_many([keys.product(*each) for each in products])


def _place(order: Order) -> str:
    return f"{stamp(order.at)}#{order.id}"


def _present(read: Iterable[T | None]) -> Iterable[T]:
    return (each for each in read if each is not None)


def history_of(found: Iterable[Entity]) -> History:
    """Sorts a customer's items into lists by their class, each oldest first."""
    from billing.kernel.customers import Consent, Customer, Entitlement, PaymentMethod
    from billing.kernel.invoices import Invoice
    from billing.kernel.issued_documents import IssuedDocument
    from billing.kernel.ledger import LedgerEntry
    from billing.kernel.orders import Order
    from billing.kernel.subscription import Subscription
    from billing.refunds.chargebacks import Chargeback
    from billing.refunds.refunds import Refund

    methods = _oldest_first(found, PaymentMethod, lambda e: e.added_at)
    return History(
        customer=next((e for e in found if isinstance(e, Customer)), None),
        methods=tuple(method for method in methods if method.removed_at is None),
        subscriptions=_oldest_first(found, Subscription, lambda e: e.started_at),
        orders=_oldest_first(found, Order, lambda e: e.at),
        invoices=_oldest_first(found, Invoice, lambda e: e.opened_at),
        entitlements=_oldest_first(found, Entitlement, lambda e: e.since),
        refunds=_oldest_first(found, Refund, lambda e: e.requested_at),
        ledger=_oldest_first(found, LedgerEntry, lambda e: e.at),
        chargebacks=_oldest_first(found, Chargeback, lambda e: e.opened_at),
        consents=_oldest_first(found, Consent, lambda e: e.agreed_at),
        removed_methods=tuple(method for method in methods if method.removed_at is not None),
        documents=_oldest_first(found, IssuedDocument, lambda e: e.issued_at),
    )


def _oldest_first(
    found: Iterable[object], cls: type[T], at: Callable[[T], datetime]
) -> tuple[T, ...]:
    return tuple(sorted((e for e in found if isinstance(e, cls)), key=at))
