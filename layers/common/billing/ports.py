"""What flows need of the world, as protocols; adapters fulfil them, one contract suite holds each
to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Generic, Protocol, TypeVar
from zlib import crc32

from billing import policy
from billing.accounts import Account, AccountEmail
from billing.catalog import PricePoint, Product
from billing.checkouts import Checkout
from billing.customers import Consent, Customer, Entitlement, PaymentMethod, PurchaseBillTo
from billing.disputes import Chargeback
from billing.errors import Conflict, NotFound, Unavailable
from billing.facts import Fact
from billing.gateways import (
    AccountRef,
    Capabilities,
    ChargeOrder,
    Collection,
    Declined,
    Dispute,
    GatewayEvent,
    GatewayRefund,
    Held,
    Outcome,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Standing,
)
from billing.ledger import LedgerEntry
from billing.merchants import ApiKey, Merchant
from billing.money import Money
from billing.operation import BillingSwitch, Trouble
from billing.orders import Invoice, InvoiceCounter, Order
from billing.payments import PaymentPointer
from billing.refunds import Refund
from billing.reminders import Reminder
from billing.subscription import Alarm, Subscription
from billing.tickets import Thread, Ticket
from billing.transactions import Transaction, Write
from billing.trials import TrialUse

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Due:
    """One row of the due index: an alarm of `kind` at `due_at` for what `owner` identifies.

    `owner` is (merchant, customer, subscription) for BILL and CANCEL, (merchant, attempt key) for
    CHECKOUT, (merchant, customer, refund) for REFUND, (merchant, ticket) for TICKET, (username,)
    for ACCOUNT. A lease is a `Due` whose `due_at` is the lease's end.
    """

    kind: Alarm
    due_at: datetime
    owner: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Everything of one customer, read by one query; each list oldest first."""

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


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, newest first; `next` is the cursor of what follows, None at the end."""

    data: tuple[T, ...]
    next: str | None


class Store(Protocol):
    """Business state. Reads are strongly consistent but where they say "index"; values are frozen.

    The answers are questions' names; README "Access patterns" has key conditions and who asks.
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
    def product(self, merchant: str, product: str) -> Product | None: ...
    def price_point(self, price_point: str) -> PricePoint | None:
        """The newest version; the id names its merchant (`<merchant>.<random>`)."""
        ...

    def listed_products(self, limit: int) -> list[Product]:
        """Index: products of all merchants that are switched to public listing (P-1, P-14)."""
        ...

    def checkout(self, merchant: str, key: str) -> Checkout | None: ...
    def customer(self, merchant: str, customer: str) -> Customer | None: ...
    def customer_by_email(self, merchant: str, email: str) -> str | None:
        """The customer id that an email (any spelling) belongs to."""
        ...

    def history(self, merchant: str, customer: str) -> History: ...
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

    def refund(self, merchant: str, customer: str, refund: str) -> Refund | None: ...
    def payment_method(self, merchant: str, customer: str, method: str) -> PaymentMethod | None: ...
    def reminder(self, merchant: str, customer: str, subscription: str) -> Reminder | None: ...
    def account(self, username: str) -> Account | None: ...
    def account_email(self, email: str) -> AccountEmail | None: ...
    def trial_use(self, merchant: str, subject: str) -> TrialUse | None: ...
    def ticket(self, merchant: str, ticket: str) -> Ticket | None: ...
    def thread(self, merchant: str, ticket: str) -> Thread | None:
        """A ticket with its messages, oldest first."""
        ...

    def tickets_of(self, merchant: str, customer: str) -> list[Ticket]:
        """All tickets of one customer, newest first."""
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

    def bill_tos(self, purchases: Sequence[tuple[str, str, str]]) -> list[PurchaseBillTo | None]:
        """Many at once, (merchant, customer, purchase id) each, in the order asked for."""
        ...

    def invoice_counter(
        self, merchant: str, test: bool, *, credit_notes: bool = False
    ) -> InvoiceCounter | None: ...
    def owner_of_payment(self, account: AccountRef, reference: str) -> PaymentPointer | None:
        """Whose a payment at a gateway account is, if it is one of the account's merchant."""
        ...

    def billing_switch(self) -> BillingSwitch | None: ...
    def trouble(self, due: Due) -> Trouble | None:
        """What failed by an error of our own over the owner of an alarm (R-9)."""
        ...

    def troubles(self, merchant: str) -> list[Trouble]: ...
    def fact(self, shard: int, at: datetime, fact: str) -> Fact | None: ...

    def subscription_by_id(self, merchant: str, subscription: str) -> Subscription | None:
        """Index: may not see what was written within the last second."""
        ...

    def order_by_id(self, merchant: str, order: str) -> Order | None:
        """Index: may not see what was written within the last second."""
        ...

    def orders(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Order]:
        """Index: a merchant's orders with `since <= at < until`, newest first, over all months."""
        ...

    def subscriptions_started(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Subscription]:
        """Index: a merchant's subscriptions that started in a span, newest first."""
        ...

    def due(self, kind: Alarm, shard: int, until: datetime, limit: int) -> list[Due]:
        """Index: alarms of one shard with `due_at <= until`, earliest first."""
        ...

    def lease_each(self, dues: Sequence[Due], until: datetime) -> list[Due]:
        """Move the alarms that still stand as read to `until`; those are the leases, the others
        are somebody else's by now."""
        ...

    def undelivered(self, shard: int, until: datetime, limit: int) -> list[Fact]:
        """Facts of one outbox shard written at or before `until`, oldest first."""
        ...

    def commit(self, *writes: Write) -> None:
        """All of the writes or none; raises `Conflict` when a condition does not hold."""
        ...

    def commit_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        """Each transaction by itself, but sharing round trips where that is possible."""
        ...


class Ephemeral(Protocol):
    """What may be forgotten: sessions, tokens, limits, answers kept for a repeated request.

    Rows past `expires_at` count as gone, whether or not the database has deleted them.
    """

    def put(self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime) -> bool:
        """Keep a value where none stands; False, and nothing written, where one does."""
        ...

    def replace(self, kind: str, key: str, value: str, *, expires_at: datetime) -> None: ...
    def get(self, kind: str, key: str, *, now: datetime) -> str | None: ...
    def take(self, kind: str, key: str, *, now: datetime) -> str | None:
        """The value, once: whoever gets it has removed it."""
        ...

    def hit(self, kind: str, key: str, *, window: timedelta, now: datetime) -> int:
        """Count one more hit in the fixed window that `now` lies in; the count so far."""
        ...


class Gateway(Protocol):
    """A payment gateway. A decline is a value; `errors.Unreachable` says that nothing is known
    (R-6)."""

    name: str
    account: str
    capabilities: Capabilities

    def collection(self) -> Collection:
        """How a buyer gives a payment method here (C-1)."""
        ...

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        """The gateway's own page on which a buyer gives a payment method; same key, same page.

        They come back to `return_url` with `payment_method=<token>` added to its query. Raises
        `Refused` (no_page) at a gateway that has none.
        """
        ...

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        """Keep a payment method for later use off session; same key, same answer.

        `verify` asks the bank now; without it the charge that follows does. `beside` is a method
        that is kept for the same owner already, so that any of them can pay any invoice. Raises
        `Invalid` for a token that names no payment method.
        """
        ...

    def forget(self, method: str) -> None:
        """Let a saved method go for good; what it paid can still be refunded. Twice is once."""
        ...

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        """An unconfirmed payment for one invoice; its reference. Same key, same reference."""
        ...

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        """Move the money. Same key, same answer; a payment can succeed only once, ever.

        `return_url` is where the buyer comes back to from authenticating, None off session. An
        off-session attempt that asked for its buyer is confirmed again under its key once they are
        there. `Withdrawn` also says that this payment can never be made with this method.
        """
        ...

    def lookup(self, reference: str, *, attempt_key: str) -> Standing:
        """How a payment stands now, `attempt_key` naming the attempt that is asked about.

        A decline of an earlier attempt is `Unconfirmed` for this one.
        """
        ...

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        """Give money of a payment back, once per key; the key is kept with the refund."""
        ...

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        """The refund that was made under a key, among all of the payment; None if none was."""
        ...

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        """All refunds of one payment as they stand now, oldest first, each named by the one of our
        keys, `ours`, that it was made under."""
        ...

    def cancel(self, reference: str) -> Standing:
        """Withdraw a payment for good; answers how it stands after that (it may have succeeded)."""
        ...

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        """What a signed request tells; `body` as it was sent, `headers` with names in lower case.

        Raises `errors.Forged` for whatever this account's gateway did not sign around `now`.
        """
        ...

    def events_since(self, since: datetime) -> Sequence[GatewayEvent]:
        """What happened from `since` on, oldest first, told or not: the net under lost webhooks.

        May hold what is known already, and leave out what is about neither payment nor dispute.
        """
        ...

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """The chargebacks of one payment as they stand now, oldest first (W-4)."""
        ...


class Each(Protocol):
    """Runs independent calls, side by side where that helps; results in order of the items.

    An `errors.Unavailable` is a result too: one call's outage is no other's.
    """

    def __call__(self, call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]: ...


class Queue(Protocol):
    """From the sweep to the workers; at least once, in any order."""

    def send(self, leases: Sequence[Due]) -> None: ...


class Passwords(Protocol):
    """Keeps passwords so that they can be checked, and not read."""

    def hash(self, password: str) -> str: ...
    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is this password; None is nobody's, and takes as long."""
        ...


class Mailer(Protocol):
    """Sends one mail. `message` is complete but for what the transport adds."""

    def send(self, message: EmailMessage, *, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Operation:
    """The operator's settings that flows look at; everything else is the merchant's.

    `environment` is where this runs, which gateway accounts are bound to (W-5). `lease_seconds` is
    longer than a worker can live. `shards` may only grow. `platform` is the merchant whose products
    are the plans of accounts, empty where there are no accounts (A-1).
    """

    public_url: str
    sender: str = "billing@example.com"
    shards: int = 4
    billing_paused: bool = False
    environment: str = "local"
    limits: bool = True
    platform: str = ""
    lease_seconds: int = 900
    checkout_hours: int = 1
    gateway_calls_per_second: int = 25

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)


@dataclass(frozen=True, slots=True)
class Ports:
    """The world, as one argument of every flow.

    `new_id(kind)` draws an unguessable id: "order" gives an Order ID, any other kind `<kind>_<16
    symbols>`.
    """

    clock: Callable[[], datetime]
    new_id: Callable[[str], str]
    store: Store
    ephemeral: Ephemeral
    gateway: Callable[[AccountRef], Gateway]
    each: Each
    queue: Queue
    mailer: Mailer
    operation: Operation
    passwords: Passwords

    def gateway_of(self, held: Held) -> Gateway:
        """The gateway that something lives at; raises `NotFound` when it is gone (W-6)."""
        return self.gateway(AccountRef(held.merchant, held.gateway, held.gateway_account))

    def minimum_minor(self, subscription: Subscription) -> int:
        """The least that can be charged for a subscription where it is paid, in minor units; 1
        where its account is gone, for then nothing is charged (W-6)."""
        currency = subscription.terms.price.currency
        try:
            gateway = self.gateway_of(subscription)
        except NotFound:
            return 1
        return gateway.capabilities.minimum_in(currency)

    def stopped(self, merchant: Merchant) -> policy.Hold | None:
        """What forbids any charge for a merchant here and now."""
        return policy.selling_stopped(
            merchant,
            billing_paused=self.operation.billing_paused,
            environment=self.operation.environment,
        )

    def hold(self, subscription: Subscription, merchant: Merchant) -> policy.Hold | None:
        """What forbids charging a subscription here and now (R-3)."""
        return policy.hold(
            subscription,
            merchant,
            billing_paused=self.operation.billing_paused,
            environment=self.operation.environment,
        )

    def as_switched(self) -> Ports:
        """The world with the operator's switch as it stands now (R-3): read before each charge.

        What the deployment itself pauses stays paused, whatever the switch says.
        """
        if self.operation.billing_paused:
            return self
        switch = self.store.billing_switch()
        if switch is None or not switch.paused:
            return self
        return replace(self, operation=replace(self.operation, billing_paused=True))

    def shard_of(self, key: str) -> int:
        """The shard that alarms and facts of what `key` names live in."""
        return crc32(key.encode()) % self.operation.shards
