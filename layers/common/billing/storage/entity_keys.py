"""The key of an entity, and the keys that a transaction writes.

The table is by name of the class, because a class is imported with the first item of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from billing.kernel.storage import Due
from billing.kernel.writes import Change, Entity, Transaction, Write
from billing.storage import (
    branding_keys,
    coupon_keys,
    customer_keys,
    declaration_keys,
    event_keys,
    export_keys,
    figure_keys,
    import_keys,
    keys,
    notice_keys,
    tax_keys,
    team_keys,
)
from billing.storage.addresses import Key, stamp

if TYPE_CHECKING:
    from billing.kernel.orders import Order

MOST_WRITES = 100
"""The most writes in one transaction: DynamoDB's limit."""


def key_of(entity: Entity) -> Key[Entity]:
    return _KEYS[type(entity).__name__](entity)


def keys_of(transaction: Transaction) -> list[Key[Entity]]:
    """Returns the key of each write; raises `ValueError` for what DynamoDB would refuse as
    malformed."""
    found = [_key_of_write(write) for write in transaction]
    if len(found) > MOST_WRITES:
        raise ValueError(f"{len(found)} writes in one transaction, {MOST_WRITES} are the limit")
    if len(set(found)) < len(found):
        raise ValueError("two writes on one item in one transaction")
    return found


def _key_of_write(write: Write) -> Key[Entity]:
    if not isinstance(write, Change):
        return key_of(write.entity)
    key = key_of(write.before)
    if key != key_of(write.after):
        raise ValueError(f"a change cannot move {key} to another key")
    return key


def _order(e: Order) -> Key[Order]:
    if e.customer is None:
        assert e.attempt_key is not None, "what a stranger failed to buy lives with its attempt"
        pk = keys.checkout(e.merchant, e.attempt_key).pk
    else:
        pk = keys.of_customer(e.merchant, e.customer)
    return Key(pk, customer_keys.order_at(f"{stamp(e.at)}#{e.id}"))


_KEYS: dict[str, Callable[..., Key[Entity]]] = {
    "Merchant": lambda e: keys.merchant(e.id),
    "ApiKey": lambda e: keys.api_key(e.key_hash),
    "Domain": lambda e: keys.domain(e.host),
    "Product": lambda e: keys.product(e.merchant, e.id),
    "PricePoint": lambda e: keys.price_version(e.id, e.version),
    "InvoiceCounter": lambda e: keys.invoice_counter(e.merchant, e.test, e.credit_notes),
    "Checkout": lambda e: keys.checkout(e.merchant, e.key),
    "TrialUse": lambda e: keys.trial_use(e.merchant, e.subject),
    "MailStop": lambda e: keys.mail_stop(e.merchant, e.email_hash),
    "EmailPointer": lambda e: keys.email_pointer(e.merchant, e.email_hash),
    "Customer": lambda e: keys.customer(e.merchant, e.id),
    "PaymentMethod": lambda e: keys.payment_method(e.merchant, e.customer, e.id),
    "Subscription": lambda e: keys.subscription(e.merchant, e.customer, e.id),
    "Invoice": lambda e: keys.invoice(e.merchant, e.customer, e.id),
    "IssuedDocument": lambda e: keys.issued_document(e.merchant, e.customer, e.kind, e.id),
    "Order": _order,
    "Refund": lambda e: keys.refund(e.merchant, e.customer, e.id),
    "Reminder": lambda e: keys.reminder(e.merchant, e.customer, e.subscription),
    "PurchaseBillTo": lambda e: keys.bill_to(e.merchant, e.customer, e.purchase),
    "Consent": lambda e: keys.consent(e.merchant, e.customer, e.purchase),
    "Entitlement": lambda e: Key(
        keys.of_customer(e.merchant, e.customer), f"ENTITLEMENT#{e.grant}#{e.source}"
    ),
    "Chargeback": lambda e: Key(keys.of_customer(e.merchant, e.customer), f"CHARGEBACK#{e.id}"),
    "LedgerEntry": lambda e: Key(keys.of_customer(e.merchant, e.customer), f"LEDGER#{e.id}"),
    "PlanRow": lambda e: keys.plan_row(e),
    "WordRow": lambda e: keys.word_row(e),
    "Ticket": lambda e: keys.ticket(e.merchant, e.id),
    "TicketOf": lambda e: Key(
        keys.of_customer(e.merchant, e.customer), f"TICKET#{stamp(e.at)}#{e.ticket}"
    ),
    "Message": lambda e: Key(keys.ticket(e.merchant, e.ticket).pk, f"MESSAGE#{stamp(e.at)}#{e.id}"),
    "Account": lambda e: keys.account(e.username),
    "AccountEmail": lambda e: keys.account_email(e.email_hash),
    "Export": lambda e: export_keys.export(e.merchant, e.id),
    "Import": lambda e: import_keys.import_(e.merchant, e.id),
    "ImportMapping": lambda e: import_keys.mapping(e.merchant, e.name),
    "ImportedRow": lambda e: import_keys.row(e.merchant, e.import_id, e.place),
    "ImportClaim": lambda e: import_keys.claim(e.merchant, e.source, e.external_id),
    "Job": lambda e: keys.job(e.owner, e.id),
    "JobLine": lambda e: keys.job_line(e.owner),
    "PaymentPointer": lambda e: keys.payment_pointer(e.gateway, e.account, e.reference),
    "BillingSwitch": lambda e: keys.BILLING_SWITCH,
    "ProcessingFailure": lambda e: keys.failure(Due(e.kind, e.last_at, e.owner)),
    "SamplePlace": lambda e: keys.sample_place(e.merchant),
    "ForecastRollup": lambda e: keys.forecast_rollup(e.merchant, draft=e.draft),
    "OutboxEvent": lambda e: event_keys.outbox_event(e.shard, e.at, e.id),
    "EventHour": lambda e: event_keys.event_hour(e.merchant, e.begins_at),
    "LoggedEvent": lambda e: event_keys.logged_event(e.merchant, e.appended_at, e.id),
    "TaxSetup": lambda e: tax_keys.setup(e.merchant),
    "TaxPlace": lambda e: tax_keys.place(e.merchant, e.generation, e),
    "TaxDay": lambda e: tax_keys.day(e),
    "SalesYear": lambda e: tax_keys.year(e),
    "Coupon": lambda e: coupon_keys.coupon(e.merchant, e.code),
    "CouponUse": lambda e: coupon_keys.coupon_use(e.merchant, e.coupon, e.subject),
    "Team": lambda e: team_keys.team(e.merchant),
    "Person": lambda e: team_keys.person(e.id),
    "PersonEmail": lambda e: team_keys.person_email(e.email_hash),
    "Branding": branding_keys.of_branding,
    "MailText": branding_keys.of_mail_text,
    "Declaration": lambda e: declaration_keys.declaration(e.merchant, e.id),
    "DeclarationOf": lambda e: declaration_keys.declaration_of(
        e.merchant, e.customer, e.declaration
    ),
    "NoticeRecord": lambda e: notice_keys.record(e.merchant, e.customer, e.subscription, e.event),
    "MissedNotice": lambda e: notice_keys.missed(e.merchant, e.id),
    "WebhookEndpoint": lambda e: event_keys.webhook_endpoint(e.merchant, e.id),
    "Delivery": lambda e: event_keys.delivery(e.merchant, e.endpoint, e.event),
    "CustomerFigures": lambda e: figure_keys.customer(e.merchant, e.customer),
    "Movement": lambda e: figure_keys.movement(e),
    "FigureBook": lambda e: figure_keys.book(e.merchant),
    "FigureSums": lambda e: figure_keys.sums(e),
    "ClosedDays": lambda e: figure_keys.closed(e),
    "CountedMonth": lambda e: figure_keys.counted(e),
    "MonthTotals": lambda e: figure_keys.totals(e),
}
