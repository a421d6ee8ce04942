"""Implements the Store port over `Items`; each docstring is an access pattern.

DynamoDB and memory differ only in their `Items`; the meaning of each query is defined here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from billing.kernel.errors import Conflict
from billing.kernel.storage import Due, History, Page
from billing.kernel.writes import Entity, Insert, Transaction, Write
from billing.runtime import correlation
from billing.storage import keys
from billing.storage.keys import Key, Row, SortKeyRange
from billing.storage.memory.items import MemoryItems
from billing.storage.merchant_lists import MerchantList

if TYPE_CHECKING:
    from billing.accounts.accounts import Account, AccountEmail
    from billing.checkout.checkouts import Checkout
    from billing.checkout.trials import TrialUse
    from billing.helpdesk.tickets import Thread, Ticket, TicketOf
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import Customer, EmailPointer, PaymentMethod, PurchaseBillTo
    from billing.kernel.domains import Domain
    from billing.kernel.due import DueKind
    from billing.kernel.gateways import AccountRef
    from billing.kernel.invoices import Invoice, InvoiceCounter
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.operation import BillingSwitch, ProcessingFailure
    from billing.kernel.orders import Order
    from billing.kernel.outbox_events import OutboxEvent
    from billing.kernel.payment_refs import PaymentPointer
    from billing.kernel.subscription import Subscription
    from billing.notices.reminders import Reminder
    from billing.outbox.suppressions import MailStop
    from billing.refunds.refunds import Refund
    from billing.storage.dynamo.calls import Calls

EVERYTHING = SortKeyRange()


class Items(Protocol):
    """A table: items by key, partitions in order, indexes, conditional writes."""

    def get(self, key: Key) -> Entity | None:
        """Returns one item, strongly consistent."""
        ...

    def get_many(self, keys: Sequence[Key]) -> list[Entity | None]:
        """Returns items in the order asked for, strongly consistent."""
        ...

    def query(
        self,
        pk: str,
        stretch: SortKeyRange = EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Entity]:
        """Returns items of one partition by sort key, strongly consistent."""
        ...

    def rows(
        self,
        index: str,
        pk: str,
        stretch: SortKeyRange = EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Row]:
        """Returns rows of one partition of an index by sort key, eventually consistent."""
        ...

    def move_alarms(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        """Moves each due date whose kind and instant are unchanged; returns which ones it moved."""
        ...

    def write(self, transaction: Transaction) -> None:
        """Writes all or nothing; raises `Conflict`."""
        ...

    def write_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        """Writes each transaction all or nothing by itself, in order."""
        ...


class ItemStore:
    """The `storage.Store` port over any `Items`."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._orders: MerchantList[Order] = MerchantList(items, "ORDER")
        self._subscriptions: MerchantList[Subscription] = MerchantList(items, "SUB")
        self._tickets: MerchantList[Ticket] = MerchantList(items, "TICKET")

    def merchant(self, merchant: str) -> Merchant | None:
        """Get M#<merchant> MERCHANT."""
        return self._items.get(keys.merchant(merchant))

    def merchants(self) -> list[Merchant]:
        """Index list MERCHANTS, then batch get."""
        rows = self._items.rows(keys.LIST, keys.MERCHANTS)
        found = self._items.get_many([row.key for row in rows])
        return [each for each in found if each is not None]

    def api_key(self, key_hash: str) -> ApiKey | None:
        """Get K#<key hash> KEY."""
        return self._items.get(keys.api_key(key_hash))

    def api_keys(self, merchant: str) -> list[ApiKey]:
        """Index lookup M#<merchant>#KEYS, then batch get."""
        rows = self._items.rows(keys.LOOKUP, keys.api_keys(merchant))
        found = self._items.get_many([row.key for row in rows])
        return [key for key in found if key is not None]

    def catalog(self, merchant: str) -> tuple[tuple[Product, ...], tuple[PricePoint, ...]]:
        """Query M#<merchant> PR*: products, and the newest version of every price point."""
        from billing.kernel.catalog import PricePoint, Product

        found = self._items.query(keys.merchant(merchant).pk, keys.CATALOG)
        newest = {e.id: e for e in found if isinstance(e, PricePoint)}
        products = (e for e in found if isinstance(e, Product))
        return tuple(sorted(products, key=_created)), tuple(sorted(newest.values(), key=_created))

    def product(self, merchant: str, product: str) -> Product | None:
        """Get M#<merchant> PRODUCT#<id>."""
        return self._items.get(keys.product(merchant, product))

    def price_point(self, price_point: str) -> PricePoint | None:
        """Query M#<merchant> PRICE#<id>#v*, newest first, one."""
        pk, prefix = keys.price_versions(price_point)
        found = self._items.query(pk, SortKeyRange.of(prefix), newest_first=True, limit=1)
        return found[0] if found else None

    def listed_products(self, limit: int) -> list[Product]:
        """Index list DIRECTORY, then batch get."""
        rows = self._items.rows(keys.LIST, keys.DIRECTORY, limit=limit)
        found = self._items.get_many([row.key for row in rows])
        return [e for e in found if e is not None and e.public_listing]

    def checkout(self, merchant: str, key: str) -> Checkout | None:
        """Get M#<merchant>#K#<attempt key> CHECKOUT."""
        return self._items.get(keys.checkout(merchant, key))

    def customer(self, merchant: str, customer: str) -> Customer | None:
        """Get M#<merchant>#C#<customer> CUSTOMER."""
        return self._items.get(keys.customer(merchant, customer))

    def customer_by_email(self, merchant: str, email: str) -> str | None:
        """Get M#<merchant>#E#<email hash> CUSTOMER."""
        from billing.kernel.customers import email_hash

        pointer: EmailPointer | None = self._items.get(
            keys.email_pointer(merchant, email_hash(merchant, email))
        )
        return None if pointer is None else pointer.customer

    def mail_stop(self, merchant: str, email: str) -> MailStop | None:
        """Get M#<merchant>#E#<email hash> MAIL_STOP."""
        from billing.kernel.customers import email_hash

        return self._items.get(keys.mail_stop(merchant, email_hash(merchant, email)))

    def history(self, merchant: str, customer: str) -> History:
        """Query M#<merchant>#C#<customer>, all of it."""
        by_type: dict[str, list[Entity]] = {}
        for entity in self._items.query(keys.of_customer(merchant, customer)):
            by_type.setdefault(type(entity).__name__, []).append(entity)

        def oldest_first(name: str, at: Callable[[Entity], datetime]) -> tuple[Entity, ...]:
            return tuple(sorted(by_type.get(name, ()), key=at))

        methods = oldest_first("PaymentMethod", lambda e: e.added_at)
        return History(
            customer=next(iter(by_type.get("Customer", ())), None),
            methods=tuple(method for method in methods if method.removed_at is None),
            subscriptions=oldest_first("Subscription", lambda e: e.started_at),
            orders=oldest_first("Order", lambda e: e.at),
            invoices=oldest_first("Invoice", lambda e: e.opened_at),
            entitlements=oldest_first("Entitlement", lambda e: e.since),
            refunds=oldest_first("Refund", lambda e: e.requested_at),
            ledger=oldest_first("LedgerEntry", lambda e: e.at),
            chargebacks=oldest_first("Chargeback", lambda e: e.opened_at),
            consents=oldest_first("Consent", lambda e: e.agreed_at),
            removed_methods=tuple(method for method in methods if method.removed_at is not None),
        )

    def subscription(self, merchant: str, customer: str, subscription: str) -> Subscription | None:
        """Get M#<merchant>#C#<customer> SUB#<id>."""
        return self._items.get(keys.subscription(merchant, customer, subscription))

    def subscriptions(self, owners: Sequence[tuple[str, str, str]]) -> list[Subscription | None]:
        """Batch get of M#<merchant>#C#<customer> SUB#<id>."""
        return self._items.get_many([keys.subscription(*owner) for owner in owners])

    def invoice(self, merchant: str, customer: str, invoice: str) -> Invoice | None:
        """Get M#<merchant>#C#<customer> INVOICE#<owner>#<seq>."""
        return self._items.get(keys.invoice(merchant, customer, invoice))

    def invoices(self, invoices: Sequence[tuple[str, str, str]]) -> list[Invoice | None]:
        """Batch get of M#<merchant>#C#<customer> INVOICE#<owner>#<seq>."""
        return self._items.get_many([keys.invoice(*invoice) for invoice in invoices])

    def payment_method(self, merchant: str, customer: str, method: str) -> PaymentMethod | None:
        """Get M#<merchant>#C#<customer> CARD#<id>."""
        return self._items.get(keys.payment_method(merchant, customer, method))

    def account(self, username: str) -> Account | None:
        """Get M#<username> ACCOUNT."""
        return self._items.get(keys.account(username))

    def account_email(self, email: str) -> AccountEmail | None:
        """Get A#E#<email hash> ACCOUNT."""
        from billing.accounts.accounts import email_hash

        return self._items.get(keys.account_email(email_hash(email)))

    def domain(self, host: str) -> Domain | None:
        """Get D#<host> DOMAIN."""
        return self._items.get(keys.domain(host))

    def trial_use(self, merchant: str, subject: str) -> TrialUse | None:
        """Get M#<merchant>#U#<subject hash> TRIAL."""
        return self._items.get(keys.trial_use(merchant, subject))

    def ticket(self, merchant: str, ticket: str) -> Ticket | None:
        """Get M#<merchant>#T#<ticket> TICKET."""
        return self._items.get(keys.ticket(merchant, ticket))

    def thread(self, merchant: str, ticket: str) -> Thread | None:
        """Query M#<merchant>#T#<ticket>, all of it."""
        from billing.helpdesk.tickets import Message, Thread, Ticket

        found = self._items.query(keys.ticket(merchant, ticket).pk)
        messages = tuple(e for e in found if isinstance(e, Message))
        return next((Thread(e, messages) for e in found if isinstance(e, Ticket)), None)

    def tickets_of(self, merchant: str, customer: str) -> list[Ticket]:
        """Query M#<merchant>#C#<customer> TICKET#*, newest first, then batch get."""
        pk = keys.of_customer(merchant, customer)
        rows: list[TicketOf] = self._items.query(pk, keys.TICKETS_OF, newest_first=True)
        found = self._items.get_many([keys.ticket(merchant, row.ticket) for row in rows])
        return [e for e in found if e is not None]

    def waiting_tickets(self, merchant: str, department: str, limit: int) -> list[Ticket]:
        """Index lookup M#<merchant>#WAITING#<department>, oldest first, then batch get."""
        rows = self._items.rows(keys.LOOKUP, keys.waiting(merchant, department), limit=limit)
        found = self._items.get_many([row.key for row in rows])
        return [e for e in found if e is not None and e.is_waiting]

    def tickets(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Ticket]:
        """Index list M#<merchant>#L#TICKET#<yyyymm> per month, newest first, then batch get."""
        return self._tickets.page(merchant, since, until, limit, cursor)

    def bill_tos(self, purchases: Sequence[tuple[str, str, str]]) -> list[PurchaseBillTo | None]:
        """Batch get of M#<merchant>#C#<customer> BILL_TO#<purchase>."""
        return self._items.get_many([keys.bill_to(*purchase) for purchase in purchases])

    def invoice_counter(
        self, merchant: str, test: bool, *, credit_notes: bool = False
    ) -> InvoiceCounter | None:
        """Get M#<merchant> NUMBERS#LIVE or NUMBERS#TEST, of credit notes with #CREDIT_NOTES."""
        return self._items.get(keys.invoice_counter(merchant, test, credit_notes))

    def refund(self, merchant: str, customer: str, refund: str) -> Refund | None:
        """Get M#<merchant>#C#<customer> REFUND#<invoice>:r<n>."""
        return self._items.get(keys.refund(merchant, customer, refund))

    def reminder(self, merchant: str, customer: str, subscription: str) -> Reminder | None:
        """Get M#<merchant>#C#<customer> NOTICE#<subscription>."""
        return self._items.get(keys.reminder(merchant, customer, subscription))

    def owner_of_payment(self, account: AccountRef, reference: str) -> PaymentPointer | None:
        """Get GW#<gateway>#<account>#<reference> REF."""
        key = keys.payment_pointer(account.gateway, account.account, reference)
        found: PaymentPointer | None = self._items.get(key)
        return found if found and found.merchant == account.merchant else None

    def billing_switch(self) -> BillingSwitch | None:
        """Get OPERATION BILLING."""
        return self._items.get(keys.BILLING_SWITCH)

    def trouble(self, due: Due) -> ProcessingFailure | None:
        """Get M#<merchant> TROUBLE#<kind>#<owner>."""
        return self._items.get(keys.trouble(due))

    def troubles(self, merchant: str) -> list[ProcessingFailure]:
        """Query M#<merchant> TROUBLE#*."""
        return self._items.query(*keys.troubles(merchant))

    def fact(self, shard: int, at: datetime, fact: str) -> OutboxEvent | None:
        """Get OB#<shard> <time>#<id>."""
        return self._items.get(keys.fact(shard, at, fact))

    def subscription_by_id(self, merchant: str, subscription: str) -> Subscription | None:
        """Index lookup M#<merchant>#ID#<id>, then get."""
        from billing.kernel.subscription import Subscription

        found = self._by_id(merchant, subscription)
        return found if isinstance(found, Subscription) else None

    def order_by_id(self, merchant: str, order: str) -> Order | None:
        """Index lookup M#<merchant>#ID#<id>, then get."""
        from billing.kernel.orders import Order

        found = self._by_id(merchant, order)
        return found if isinstance(found, Order) else None

    def _by_id(self, merchant: str, entity_id: str) -> Entity | None:
        rows = self._items.rows(keys.LOOKUP, keys.lookup_key(merchant, entity_id).pk, limit=1)
        return self._items.get(rows[0].key) if rows else None

    def payment_method_by_id(self, merchant: str, method: str) -> PaymentMethod | None:
        """Index lookup M#<merchant>#ID#<id>, then get."""
        from billing.kernel.customers import PaymentMethod

        found = self._by_id(merchant, method)
        return found if isinstance(found, PaymentMethod) else None

    def orders(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Order]:
        """Index list M#<merchant>#L#ORDER#<yyyymm> per month, newest first, then batch get."""
        return self._orders.page(merchant, since, until, limit, cursor)

    def subscriptions_started(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Subscription]:
        """Index list M#<merchant>#L#SUB#<yyyymm> per month, newest first, then batch get."""
        return self._subscriptions.page(merchant, since, until, limit, cursor)

    def due(self, kind: DueKind, shard: int, until: datetime, limit: int) -> list[Due]:
        """Index due DUE#<kind>#<shard> up to `until`, earliest first; the rows are the answer."""
        by_then = SortKeyRange(high=f"{keys.stamp(until)}#\U0010ffff")
        rows = self._items.rows(keys.DUE, keys.due_shard(kind, shard), by_then, limit=limit)
        return [keys.due_of(kind, row) for row in rows]

    def lease_each(self, dues: Sequence[Due], until: datetime) -> list[Due]:
        """Conditional updates of the items that the rows name, many in one, without a read."""
        moved = self._items.move_alarms(dues, until)
        return [Due(d.kind, until, d.owner) for d, was in zip(dues, moved, strict=True) if was]

    def undelivered(
        self, shard: int, until: datetime, limit: int, *, after: OutboxEvent | None = None
    ) -> list[OutboxEvent]:
        """Query OB#<shard> up to `until`, oldest first."""
        high = f"{keys.stamp(until)}#\U0010ffff"
        if after is None:
            return self._items.query(keys.outbox(shard), SortKeyRange(high=high), limit=limit)
        # The range includes both ends, but only events behind `after` are wanted.
        low = keys.key_of(after).sk
        found = self._items.query(keys.outbox(shard), SortKeyRange(low, high), limit=limit + 1)
        return [fact for fact in found if fact.id != after.id][:limit]

    def commit(self, *writes: Write) -> None:
        """Conditional write, or transaction."""
        self._items.write(_correlated(writes))

    def commit_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        """Transactions, many in one where they touch different items."""
        return self._items.write_each([_correlated(writes) for writes in transactions])


def _correlated(writes: Transaction) -> Transaction:
    """Returns the writes, with the current correlation id in their new outbox events."""
    now_under = correlation.current()
    if now_under is None:
        return writes
    from billing.kernel.outbox_events import OutboxEvent  # not loaded by functions that only read

    return tuple(
        Insert(replace(write.entity, correlation=now_under))
        if isinstance(write, Insert) and isinstance(write.entity, OutboxEvent)
        else write
        for write in writes
    )


def _created(entity: Product | PricePoint) -> tuple[datetime, str]:
    return entity.created_at, entity.id


def in_memory() -> ItemStore:
    """Returns a store in memory, with DynamoDB's conditions."""
    return ItemStore(MemoryItems())


def on_dynamodb(table: str, calls: Calls) -> ItemStore:
    """Returns the store in a core table."""
    # Imported here, so that the store in memory starts without botocore.
    from billing.storage.dynamo.items import DynamoItems

    return ItemStore(DynamoItems(table, calls))
