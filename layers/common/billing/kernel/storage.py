"""Storage ports: business state, and the audit log; data that may be lost is `ephemeral`'s."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from billing.kernel.branding_reads import BrandingParts
from billing.kernel.coupon_reads import CouponParts
from billing.kernel.customer_reads import CustomerParts
from billing.kernel.declaration_reads import DeclarationParts
from billing.kernel.errors import Conflict
from billing.kernel.export_reads import ExportParts
from billing.kernel.figure_reads import FigureParts
from billing.kernel.import_reads import ImportParts
from billing.kernel.lists import Lists, Page
from billing.kernel.tax_reads import TaxParts
from billing.kernel.team_reads import TeamParts
from billing.kernel.values import Value
from billing.kernel.webhook_reads import WebhookParts
from billing.kernel.work_reads import WorkParts

if TYPE_CHECKING:
    from billing.accounts.accounts import Account, AccountEmail
    from billing.checkout.checkouts import Checkout
    from billing.checkout.trials import TrialUse
    from billing.event_log.logged_events import EventHour, LoggedEvent
    from billing.helpdesk.tickets import Thread, Ticket
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import (
        Consent,
        Customer,
        Entitlement,
        PaymentMethod,
    )
    from billing.kernel.domains import Domain
    from billing.kernel.due import DueKind
    from billing.kernel.gateways import AccountRef
    from billing.kernel.invoices import Invoice, InvoiceCounter
    from billing.kernel.issued_documents import DocumentKind, IssuedDocument
    from billing.kernel.ledger import LedgerEntry
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.operation import BillingSwitch
    from billing.kernel.orders import Order
    from billing.kernel.outbox_events import OutboxEvent
    from billing.kernel.payment_refs import PaymentPointer
    from billing.kernel.subscription import Subscription
    from billing.kernel.writes import Transaction, Write
    from billing.notices.reminders import Reminder
    from billing.outbox.suppressions import MailStop
    from billing.refunds.chargebacks import Chargeback
    from billing.refunds.refunds import Refund


T = TypeVar("T")
R = TypeVar("R")


class Due(Value):
    """One row of the due index: a due date of `kind` at `due_at` for `owner`.

    `owner` is (merchant, customer, subscription) for BILL and CANCEL, (merchant, attempt key) for
    CHECKOUT, (merchant, customer, refund) for REFUND, (merchant, ticket) for TICKET, (merchant,
    declaration) for DECLARATION and DECIDE, (username,) for ACCOUNT, (owner of the line,) for JOB,
    (merchant, endpoint, event) for WEBHOOK, (merchant, endpoint) for ENDPOINT. A lease is a `Due`
    whose `due_at` is the lease's end.
    """

    kind: DueKind
    due_at: datetime
    owner: tuple[str, ...]


class History(Value):
    """All data of one customer, or the parts of it that were asked for; each list oldest first."""

    customer: Customer | None
    methods: tuple[PaymentMethod, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    orders: tuple[Order, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    refunds: tuple[Refund, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    consents: tuple[Consent, ...] = ()
    chargebacks: tuple[Chargeback, ...] = ()
    removed_methods: tuple[PaymentMethod, ...] = ()
    documents: tuple[IssuedDocument, ...] = ()

    def subscription(self, subscription_id: str | None) -> Subscription | None:
        """Returns the customer's subscription with that id, or None."""
        return next((s for s in self.subscriptions if s.id == subscription_id), None)

    def invoice(self, invoice_id: str | None) -> Invoice | None:
        """Returns the customer's invoice with that id, or None."""
        return next((i for i in self.invoices if i.id == invoice_id), None)

    def method(self, method_id: str) -> PaymentMethod | None:
        """Returns the customer's card with that id, removed or not, or None."""
        kept = (*self.methods, *self.removed_methods)
        return next((m for m in kept if m.id == method_id), None)


class Store(
    Lists,
    CustomerParts,
    TaxParts,
    CouponParts,
    ExportParts,
    ImportParts,
    FigureParts,
    TeamParts,
    BrandingParts,
    DeclarationParts,
    WebhookParts,
    WorkParts,
    Protocol,
):
    """The store of business state.

    Reads are strongly consistent but where they say "index"; values are frozen. Methods are named
    after what they return; docs/access-patterns.md lists key conditions and callers.
    """

    def merchant(self, merchant: str) -> Merchant | None: ...
    def merchants(self) -> list[Merchant]:
        """Index: all merchants."""
        ...

    def api_key(self, key_hash: str) -> ApiKey | None: ...
    def api_keys(self, merchant: str) -> list[ApiKey]:
        """Index: all keys of a merchant, revoked ones too."""
        ...

    def catalog(self, merchant: str) -> tuple[tuple[Product, ...], tuple[PricePoint, ...]]: ...
    def products_made(
        self, merchant: str, *, limit: int, cursor: str | None = None
    ) -> Page[Product]:
        """Index: a merchant's products, newest first; all once `catalog_listed_at` is set."""
        ...

    def points_made(self, merchant: str, product: str) -> list[PricePoint]:
        """Index: the newest version of each price point of a product, those off sale too."""
        ...

    def newest_price_points(self, price_points: Sequence[str]) -> list[PricePoint]:
        """The newest versions of price points, in the order of their ids."""
        ...

    def product(self, merchant: str, product: str) -> Product | None: ...
    def price_point(self, price_point: str) -> PricePoint | None:
        """The newest version; the id names its merchant (`<merchant>.<random>`)."""
        ...

    def price_points(self, versions: Sequence[tuple[str, int]]) -> list[PricePoint | None]:
        """The price points of these ids and versions, in the order asked for."""
        ...

    def checkout(self, merchant: str, key: str) -> Checkout | None: ...
    def customer(self, merchant: str, customer: str) -> Customer | None: ...
    def customer_by_email(self, merchant: str, email: str) -> str | None:
        """The customer id that an email (any spelling) belongs to."""
        ...

    def mail_stop(self, merchant: str, email: str) -> MailStop | None: ...
    def history(self, merchant: str, customer: str) -> History:
        """All data of one customer; grows with what they paid, so no request asks for it."""
        ...

    def subscription(
        self, merchant: str, customer: str, subscription: str
    ) -> Subscription | None: ...
    def subscriptions(self, owners: Sequence[tuple[str, str, str]]) -> list[Subscription | None]:
        """Many at once, (merchant, customer, id) each, in the order asked for."""
        ...

    def invoice(self, merchant: str, customer: str, invoice: str) -> Invoice | None: ...
    def invoices(self, keys: Sequence[tuple[str, str, str]]) -> list[Invoice | None]:
        """Many at once, (merchant, customer, invoice id) each, in the order asked for."""
        ...

    def issued_document(
        self, merchant: str, customer: str, kind: DocumentKind, of: str
    ) -> IssuedDocument | None:
        """The document of an invoice, or of a refund by its id."""
        ...

    def refund(self, merchant: str, customer: str, refund: str) -> Refund | None: ...
    def refunds(self, keys: Sequence[tuple[str, str, str]]) -> list[Refund | None]:
        """Many at once, (merchant, customer, refund id) each, in the order asked for."""
        ...

    def refunds_of(self, merchant: str, customer: str, invoice: str) -> list[Refund]:
        """All refunds of one invoice, in no order."""
        ...

    def payment_method(self, merchant: str, customer: str, method: str) -> PaymentMethod | None: ...
    def payment_method_by_id(self, merchant: str, method: str) -> PaymentMethod | None:
        """Index: a saved method by the gateway's id; none of those kept before there was this
        index."""
        ...

    def chargebacks(self, merchant: str, customer: str) -> list[Chargeback]:
        """A customer's chargebacks, oldest first."""
        ...

    def reminder(self, merchant: str, customer: str, subscription: str) -> Reminder | None: ...
    def account(self, username: str) -> Account | None: ...
    def account_email(self, email: str) -> AccountEmail | None: ...
    def domain(self, host: str) -> Domain | None: ...
    def trial_use(self, merchant: str, subject: str) -> TrialUse | None: ...
    def ticket(self, merchant: str, ticket: str) -> Ticket | None: ...
    def thread(self, merchant: str, ticket: str) -> Thread | None:
        """A ticket with all its messages, oldest first: for copies and erasure, not for pages."""
        ...

    def thread_page(
        self, merchant: str, ticket: str, *, limit: int, cursor: str | None = None
    ) -> Thread | None:
        """A ticket with its newest messages, or those before a cursor, oldest first."""
        ...

    def tickets_of(
        self, merchant: str, customer: str, *, limit: int, cursor: str | None = None
    ) -> Page[Ticket]:
        """Tickets of one customer, newest first."""
        ...

    def waiting_tickets(self, merchant: str, department: str, limit: int) -> list[Ticket]:
        """Index: those of one department that a person has something left to do about, those that
        wait longest first."""
        ...

    def tickets(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Ticket]:
        """Index: a merchant's tickets requested in a span, newest first."""
        ...

    def invoice_counter(
        self, merchant: str, test: bool, *, credit_notes: bool = False
    ) -> InvoiceCounter | None: ...
    def owner_of_payment(self, account: AccountRef, reference: str) -> PaymentPointer | None:
        """The owner of a payment at a gateway account, if it is one of the account's merchant."""
        ...

    def billing_switch(self) -> BillingSwitch | None: ...
    def merchants_and_switch(
        self, merchants: Sequence[str]
    ) -> tuple[list[Merchant | None], BillingSwitch | None]:
        """Returns merchants in the order asked for, and the operator's switch, in one read: all
        that may stop a charge (R-3)."""
        ...

    def event_hour(self, merchant: str, begins_at: datetime) -> EventHour | None:
        """The mark that a merchant's log has events in an hour."""
        ...

    def event_hours(
        self, merchant: str, since: datetime, until: datetime, limit: int
    ) -> list[EventHour]:
        """The hours of a span in which a merchant's log has events, oldest first."""
        ...

    def logged_events(
        self, merchant: str, hour: datetime, *, after: str, until: str, limit: int
    ) -> list[LoggedEvent]:
        """A merchant's events of one hour in the order in which they were appended: those behind
        the id `after` and before `until`."""
        ...

    def outbox_event(self, shard: int, at: datetime, event_id: str) -> OutboxEvent | None: ...

    def due(
        self, kind: DueKind, shard: int, until: datetime, limit: int, *, newest_first: bool = False
    ) -> list[Due]:
        """Index: alarms of one shard with `due_at <= until`, earliest first or latest first."""
        ...

    def lease_each(self, dues: Sequence[Due], until: datetime) -> list[Due]:
        """Move the alarms that still stand as read to `until`; those are the leases, the others
        are somebody else's by now."""
        ...

    def undelivered(
        self,
        shard: int,
        until: datetime,
        limit: int,
        *,
        since: datetime | None = None,
        after: OutboxEvent | None = None,
    ) -> list[OutboxEvent]:
        """Events of one outbox shard written at or before `until`, oldest first; those from `since`
        on, or behind `after`, if one is named."""
        ...

    def commit(self, *writes: Write) -> None:
        """All of the writes or none; raises `Conflict` when a condition does not hold, and
        `Uncertain` where the answer was lost."""
        ...

    def commit_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        """Each transaction by itself, but sharing round trips where that is possible."""
        ...
