"""The keys of each entity in the core table and its indexes (ARCHITECTURE.md, 4).

The merchant's id is inside every partition key that a merchant's or customer's request can reach.
Ids of merchants, customers and subscriptions contain no `#`; only the last part of a key may.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.kernel.due import DueKind
from billing.kernel.storage import Due
from billing.kernel.writes import Change, Entity, Transaction, Write

if TYPE_CHECKING:
    from billing.accounts.accounts import Account
    from billing.checkout.checkouts import Checkout
    from billing.helpdesk.tickets import Ticket
    from billing.kernel.catalog import Product
    from billing.kernel.orders import Order
    from billing.kernel.subscription import Subscription
    from billing.notices.reminders import Reminder
    from billing.refunds.refunds import Refund

    Alarmed = Subscription | Checkout | Refund | Reminder | Account | Ticket
    """An entity with a due date in the due index."""


class Key(NamedTuple):
    """The primary key of an item, or of a row of an index."""

    pk: str
    sk: str


class Row(NamedTuple):
    """One row of an index: its sort key there, and the key of its item."""

    sk: str
    key: Key


class SortKeyRange(NamedTuple):
    """A range of sort keys, both ends included; it is one BETWEEN of a key condition."""

    low: str = " "
    high: str = "\U0010ffff"

    @classmethod
    def of(cls, prefix: str) -> SortKeyRange:
        """Returns the range of all sort keys that begin with `prefix`."""
        return cls(prefix, prefix + "\U0010ffff")


DUE, LOOKUP, LIST = "due", "lookup", "list"
INDEXES = (DUE, LOOKUP, LIST)


def stamp(instant: datetime) -> str:
    """Returns an aware instant as fixed-width UTC text, which sorts as time does."""
    assert instant.tzinfo is not None, "an instant is aware"
    return _utc_text(instant if instant.tzinfo is UTC else instant.astimezone(UTC))


@lru_cache(maxsize=1024)
def _utc_text(instant: datetime) -> str:
    # Only for UTC: two instants of one wall time that a zone has twice count as equal in Python.
    return instant.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


STAMP_LENGTH = len("2026-01-31T15:00:00.000000Z")


def merchant(merchant: str) -> Key:
    return Key(f"M#{merchant}", "MERCHANT")


def api_key(key_hash: str) -> Key:
    return Key(f"K#{key_hash}", "KEY")


def api_keys(merchant: str) -> str:
    """Returns the partition of the lookup index that lists a merchant's API keys."""
    return f"M#{merchant}#KEYS"


CATALOG = SortKeyRange("PR", "PS")
"""The range of products and price points: they, and nothing else, begin with PR."""


def product(merchant: str, product: str) -> Key:
    return Key(f"M#{merchant}", f"PRODUCT#{product}")


def price_versions(price_point: str) -> Key:
    """Returns the partition of a price point, and the sort key prefix of its versions."""
    return Key(f"M#{price_point.partition('.')[0]}", f"PRICE#{price_point}#v")


def price_version(price_point: str, version: int) -> Key:
    pk, prefix = price_versions(price_point)
    return Key(pk, f"{prefix}{version:06d}")


def invoice_counter(merchant: str, test: bool, credit_notes: bool = False) -> Key:
    series = "TEST" if test else "LIVE"
    return Key(f"M#{merchant}", f"NUMBERS#{series}{'#CREDIT_NOTES' if credit_notes else ''}")


def checkout(merchant: str, attempt_key: str) -> Key:
    return Key(f"M#{merchant}#K#{attempt_key}", "CHECKOUT")


def email_pointer(merchant: str, email_hash: str) -> Key:
    return Key(f"M#{merchant}#E#{email_hash}", "CUSTOMER")


def mail_stop(merchant: str, email_hash: str) -> Key:
    return Key(f"M#{merchant}#E#{email_hash}", "MAIL_STOP")


def of_customer(merchant: str, customer: str) -> str:
    """Returns the partition that holds all data of one customer."""
    return f"M#{merchant}#C#{customer}"


def customer(merchant: str, customer: str) -> Key:
    return Key(of_customer(merchant, customer), "CUSTOMER")


def payment_method(merchant: str, customer: str, method: str) -> Key:
    return Key(of_customer(merchant, customer), f"CARD#{method}")


def subscription(merchant: str, customer: str, subscription: str) -> Key:
    return Key(of_customer(merchant, customer), f"SUB#{subscription}")


def invoice(merchant: str, customer: str, invoice: str) -> Key:
    owner, _, seq = invoice.rpartition(".")
    return Key(of_customer(merchant, customer), f"INVOICE#{owner}#{seq}")


def refund(merchant: str, customer: str, refund: str) -> Key:
    return Key(of_customer(merchant, customer), f"REFUND#{refund}")


def reminder(merchant: str, customer: str, subscription: str) -> Key:
    return Key(of_customer(merchant, customer), f"NOTICE#{subscription}")


def bill_to(merchant: str, customer: str, purchase: str) -> Key:
    return Key(of_customer(merchant, customer), f"BILL_TO#{purchase}")


def account(username: str) -> Key:
    return Key(f"M#{username}", "ACCOUNT")


def account_email(email_hash: str) -> Key:
    return Key(f"A#E#{email_hash}", "ACCOUNT")


def domain(host: str) -> Key:
    return Key(f"D#{host}", "DOMAIN")


def trial_use(merchant: str, subject: str) -> Key:
    return Key(f"M#{merchant}#U#{subject}", "TRIAL")


def ticket(merchant: str, ticket: str) -> Key:
    return Key(f"M#{merchant}#T#{ticket}", "TICKET")


def payment_pointer(gateway: str, account: str, reference: str) -> Key:
    return Key(f"GW#{gateway}#{account}#{reference}", "REF")


BILLING_SWITCH = Key("OPERATION", "BILLING")
"""The key of the operator's billing switch, which belongs to no merchant."""


def trouble(due: Due) -> Key:
    merchant, *rest = due.owner
    return Key(f"M#{merchant}", "#".join(("TROUBLE", due.kind, *rest)))


def troubles(merchant: str) -> tuple[str, SortKeyRange]:
    """Returns the partition and the sort key range of a merchant's processing failures."""
    return f"M#{merchant}", SortKeyRange.of("TROUBLE#")


TICKETS_OF = SortKeyRange.of("TICKET#")
"""The range of a customer's tickets, stored beside their purchases."""


def waiting(merchant: str, department: str) -> str:
    """Returns the partition of the lookup index that lists a department's waiting tickets."""
    return f"M#{merchant}#WAITING#{department}"


def outbox(shard: int) -> str:
    return f"OB#{shard}"


def fact(shard: int, at: datetime, fact: str) -> Key:
    return Key(outbox(shard), f"{stamp(at)}#{fact}")


def fact_of(key: Key) -> tuple[int, datetime, str]:
    """Returns shard, instant and id of the outbox event at a key."""
    shard = int(key.pk.removeprefix("OB#"))
    return shard, datetime.fromisoformat(key.sk[:STAMP_LENGTH]), key.sk[STAMP_LENGTH + 1 :]


def _order(order: Order) -> Key:
    if order.customer is None:
        assert order.attempt_key is not None, "what a stranger failed to buy lives with its attempt"
        pk = checkout(order.merchant, order.attempt_key).pk
    else:
        pk = of_customer(order.merchant, order.customer)
    return Key(pk, f"ORDER#{stamp(order.at)}#{order.id}")


def _of_customer(sk: Callable[[Any], str]) -> Callable[[Any], Key]:
    return lambda e: Key(of_customer(e.merchant, e.customer), sk(e))


_KEYS: dict[str, Callable[[Any], Key]] = {
    "Merchant": lambda e: merchant(e.id),
    "ApiKey": lambda e: api_key(e.key_hash),
    "Product": lambda e: product(e.merchant, e.id),
    "PricePoint": lambda e: price_version(e.id, e.version),
    "InvoiceCounter": lambda e: invoice_counter(e.merchant, e.test, e.credit_notes),
    "Refund": lambda e: refund(e.merchant, e.customer, e.id),
    "Checkout": lambda e: checkout(e.merchant, e.key),
    "MailStop": lambda e: mail_stop(e.merchant, e.email_hash),
    "EmailPointer": lambda e: email_pointer(e.merchant, e.email_hash),
    "Customer": lambda e: customer(e.merchant, e.id),
    "PaymentMethod": lambda e: payment_method(e.merchant, e.customer, e.id),
    "Subscription": lambda e: subscription(e.merchant, e.customer, e.id),
    "Reminder": lambda e: reminder(e.merchant, e.customer, e.subscription),
    "Invoice": lambda e: invoice(e.merchant, e.customer, e.id),
    "Order": _order,
    "PurchaseBillTo": lambda e: bill_to(e.merchant, e.customer, e.purchase),
    "Consent": _of_customer(lambda e: f"CONSENT#{e.purchase}"),
    "Entitlement": _of_customer(lambda e: f"ENTITLEMENT#{e.grant}#{e.source}"),
    "Chargeback": _of_customer(lambda e: f"CHARGEBACK#{e.id}"),
    "LedgerEntry": _of_customer(lambda e: f"LEDGER#{e.id}"),
    "Ticket": lambda e: ticket(e.merchant, e.id),
    "PaymentPointer": lambda e: payment_pointer(e.gateway, e.account, e.reference),
    "Account": lambda e: account(e.username),
    "AccountEmail": lambda e: account_email(e.email_hash),
    "Domain": lambda e: domain(e.host),
    "TrialUse": lambda e: trial_use(e.merchant, e.subject),
    "Message": lambda e: Key(ticket(e.merchant, e.ticket).pk, f"MESSAGE#{stamp(e.at)}#{e.id}"),
    "TicketOf": _of_customer(lambda e: f"TICKET#{stamp(e.at)}#{e.ticket}"),
    "OutboxEvent": lambda e: fact(e.shard, e.at, e.id),
    "BillingSwitch": lambda e: BILLING_SWITCH,
    "ProcessingFailure": lambda e: trouble(Due(e.kind, e.last_at, e.owner)),
}


def key_of(entity: Entity) -> Key:
    return _KEYS[type(entity).__name__](entity)


MOST_WRITES = 100
"""The most writes in one transaction: DynamoDB's limit."""


def keys_of(transaction: Transaction) -> list[Key]:
    """Returns the key of each write; raises `ValueError` for what DynamoDB would refuse as
    malformed."""
    keys = [_key_of_write(write) for write in transaction]
    if len(keys) > MOST_WRITES:
        raise ValueError(f"{len(keys)} writes in one transaction, {MOST_WRITES} are the limit")
    if len(set(keys)) < len(keys):
        raise ValueError("two writes on one item in one transaction")
    return keys


def _key_of_write(write: Write) -> Key:
    if not isinstance(write, Change):
        return key_of(write.entity)
    key = key_of(write.before)
    if key != key_of(write.after):
        raise ValueError(f"a change cannot move {key} to another key")
    return key


def index_keys(entity: Entity) -> dict[str, Key]:
    """Returns the rows of an entity in the indexes, by name of the index."""
    rows = _ROWS.get(type(entity).__name__)
    return {} if rows is None else rows(entity)


DIRECTORY = "DIRECTORY"
"""The one partition of the list index without a merchant: products that are publicly listed
(P-14)."""


MERCHANTS = "MERCHANTS"
"""The partition of the list index that sweeps over all merchants read."""


def lookup_key(merchant: str, entity_id: str) -> Key:
    return Key(f"M#{merchant}#ID#{entity_id}", "ID")


def list_key(merchant: str, kind: str, at: datetime, entity_id: str) -> Key:
    text = stamp(at)
    return Key(list_month(merchant, kind, text[:7]), f"{text}#{entity_id}")


def list_month(merchant: str, kind: str, month: str) -> str:
    """Returns the partition of one month (`YYYY-MM`) of a merchant's list."""
    return f"M#{merchant}#L#{kind}#{month.replace('-', '')}"


def _ticket_rows(entity: Ticket) -> dict[str, Key]:
    """Lists a ticket for its merchant always, and for its department while it waits for a
    person."""
    rows = _due_key(entity, (entity.merchant, entity.id))
    rows[LIST] = list_key(entity.merchant, "TICKET", entity.requested_at, entity.id)
    if entity.is_waiting:
        place = f"{stamp(entity.requested_at)}#{entity.id}"
        rows[LOOKUP] = Key(waiting(entity.merchant, entity.department), place)
    return rows


def _due_key(entity: Alarmed, owner: tuple[str, ...]) -> dict[str, Key]:
    if entity.due_at is None:
        return {}
    return {DUE: Key(due_shard(entity.alarm, entity.shard), due_sort_key(entity.due_at, owner))}


def _subscription_rows(entity: Subscription) -> dict[str, Key]:
    return {
        **_due_key(entity, (entity.merchant, entity.customer, entity.id)),
        LOOKUP: lookup_key(entity.merchant, entity.id),
        LIST: list_key(entity.merchant, "SUB", entity.started_at, entity.id),
    }


def _order_rows(entity: Order) -> dict[str, Key]:
    return {
        LOOKUP: lookup_key(entity.merchant, entity.id),
        LIST: list_key(entity.merchant, "ORDER", entity.at, entity.id),
    }


def _product_rows(entity: Product) -> dict[str, Key]:
    """Lists a product in the directory while it is publicly listed."""
    listed = {LIST: Key(DIRECTORY, f"{entity.merchant}#{entity.id}")}
    return listed if entity.public_listing else {}


_ROWS: dict[str, Callable[[Any], dict[str, Key]]] = {
    "Subscription": _subscription_rows,
    "Order": _order_rows,
    "Checkout": lambda e: _due_key(e, (e.merchant, e.key)),
    "PaymentMethod": lambda e: {LOOKUP: lookup_key(e.merchant, e.id)},
    "Reminder": lambda e: _due_key(e, (e.merchant, e.customer, e.subscription)),
    "Refund": lambda e: _due_key(e, (e.merchant, e.customer, e.id)),
    "Account": lambda e: _due_key(e, (e.username,)),
    "Ticket": _ticket_rows,
    "Merchant": lambda e: {LIST: Key(MERCHANTS, e.id)},
    "ApiKey": lambda e: {LOOKUP: Key(api_keys(e.merchant), e.id)},
    "Product": _product_rows,
}


def due_kind(kind: DueKind) -> str:
    """Returns the partition prefix of one kind of due date, for all shards."""
    return f"DUE#{kind}#"


@cache
def due_shard(kind: DueKind, shard: int) -> str:
    return f"{due_kind(kind)}{shard}"


def due_sort_key(due_at: datetime, owner: tuple[str, ...]) -> str:
    return "#".join((stamp(due_at), *owner))


def due_of(kind: DueKind, row: Row) -> Due:
    """Returns the due date of a row of the due index."""
    parts = {DueKind.CHECKOUT: 2, DueKind.ERASE: 2, DueKind.TICKET: 2, DueKind.ACCOUNT: 1}.get(
        kind, 3
    )
    due_at, owner = row.sk[:STAMP_LENGTH], row.sk[STAMP_LENGTH + 1 :]
    return Due(kind, datetime.fromisoformat(due_at), tuple(owner.split("#", parts - 1)))


def owner_key(due: Due) -> Key:
    """Returns the key of the item that a due date belongs to."""
    return _OWNERS.get(due.kind, subscription)(*due.owner)


_OWNERS: dict[DueKind, Callable[..., Key]] = {
    DueKind.CHECKOUT: checkout,
    DueKind.ERASE: checkout,
    DueKind.REFUND: refund,
    DueKind.NOTICE: reminder,
    DueKind.ACCOUNT: account,
    DueKind.TICKET: ticket,
}
