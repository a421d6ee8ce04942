"""The key of an entity, and the keys that a transaction writes.

The table is by name of the class, because a class is imported with the first item of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from billing.kernel.storage import Due
from billing.kernel.writes import Change, Entity, Transaction, Write
from billing.storage import coupon_keys, customer_keys, event_keys, figure_keys, keys, tax_keys
from billing.storage.addresses import Key, stamp

if TYPE_CHECKING:
    from billing.accounts.accounts import Account, AccountEmail
    from billing.checkout.checkouts import Checkout
    from billing.checkout.trials import TrialUse
    from billing.coupons.coupons import Coupon, CouponUse
    from billing.event_log.logged_events import EventHour, LoggedEvent
    from billing.figures.movements import CustomerFigures, Movement
    from billing.figures.sums import FigureBook, FigureSums
    from billing.helpdesk.messages import Message
    from billing.helpdesk.tickets import Ticket, TicketOf
    from billing.jobs.jobs import Job, JobLine
    from billing.kernel.catalog import PricePoint, Product
    from billing.kernel.customers import (
        Consent,
        Customer,
        EmailPointer,
        Entitlement,
        PaymentMethod,
        PurchaseBillTo,
    )
    from billing.kernel.domains import Domain
    from billing.kernel.forecasts import ForecastRollup
    from billing.kernel.invoices import Invoice, InvoiceCounter
    from billing.kernel.issued_documents import IssuedDocument
    from billing.kernel.ledger import LedgerEntry
    from billing.kernel.list_rows import PlanRow, WordRow
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.operation import BillingSwitch, ProcessingFailure
    from billing.kernel.orders import Order
    from billing.kernel.outbox_events import OutboxEvent
    from billing.kernel.payment_refs import PaymentPointer
    from billing.kernel.subscription import Subscription
    from billing.notices.reminders import Reminder
    from billing.outbox.suppressions import MailStop
    from billing.refunds.chargebacks import Chargeback
    from billing.refunds.refunds import Refund
    from billing.tax.rates import TaxPlace
    from billing.tax.registrations import TaxSetup
    from billing.tax.sums import SalesYear, TaxDay

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


def _merchant(e: Merchant) -> Key[Merchant]:
    return keys.merchant(e.id)


def _api_key(e: ApiKey) -> Key[ApiKey]:
    return keys.api_key(e.key_hash)


def _domain(e: Domain) -> Key[Domain]:
    return keys.domain(e.host)


def _product(e: Product) -> Key[Product]:
    return keys.product(e.merchant, e.id)


def _price_point(e: PricePoint) -> Key[PricePoint]:
    return keys.price_version(e.id, e.version)


def _invoice_counter(e: InvoiceCounter) -> Key[InvoiceCounter]:
    return keys.invoice_counter(e.merchant, e.test, e.credit_notes)


def _checkout(e: Checkout) -> Key[Checkout]:
    return keys.checkout(e.merchant, e.key)


def _trial_use(e: TrialUse) -> Key[TrialUse]:
    return keys.trial_use(e.merchant, e.subject)


def _mail_stop(e: MailStop) -> Key[MailStop]:
    return keys.mail_stop(e.merchant, e.email_hash)


def _email_pointer(e: EmailPointer) -> Key[EmailPointer]:
    return keys.email_pointer(e.merchant, e.email_hash)


def _customer(e: Customer) -> Key[Customer]:
    return keys.customer(e.merchant, e.id)


def _payment_method(e: PaymentMethod) -> Key[PaymentMethod]:
    return keys.payment_method(e.merchant, e.customer, e.id)


def _subscription(e: Subscription) -> Key[Subscription]:
    return keys.subscription(e.merchant, e.customer, e.id)


def _invoice(e: Invoice) -> Key[Invoice]:
    return keys.invoice(e.merchant, e.customer, e.id)


def _issued_document(e: IssuedDocument) -> Key[IssuedDocument]:
    return keys.issued_document(e.merchant, e.customer, e.kind, e.id)


def _order(e: Order) -> Key[Order]:
    if e.customer is None:
        assert e.attempt_key is not None, "what a stranger failed to buy lives with its attempt"
        pk = keys.checkout(e.merchant, e.attempt_key).pk
    else:
        pk = keys.of_customer(e.merchant, e.customer)
    return Key(pk, customer_keys.order_at(f"{stamp(e.at)}#{e.id}"))


def _refund(e: Refund) -> Key[Refund]:
    return keys.refund(e.merchant, e.customer, e.id)


def _reminder(e: Reminder) -> Key[Reminder]:
    return keys.reminder(e.merchant, e.customer, e.subscription)


def _purchase_bill_to(e: PurchaseBillTo) -> Key[PurchaseBillTo]:
    return keys.bill_to(e.merchant, e.customer, e.purchase)


def _consent(e: Consent) -> Key[Consent]:
    return Key(keys.of_customer(e.merchant, e.customer), f"CONSENT#{e.purchase}")


def _entitlement(e: Entitlement) -> Key[Entitlement]:
    return Key(keys.of_customer(e.merchant, e.customer), f"ENTITLEMENT#{e.grant}#{e.source}")


def _chargeback(e: Chargeback) -> Key[Chargeback]:
    return Key(keys.of_customer(e.merchant, e.customer), f"CHARGEBACK#{e.id}")


def _ledger_entry(e: LedgerEntry) -> Key[LedgerEntry]:
    return Key(keys.of_customer(e.merchant, e.customer), f"LEDGER#{e.id}")


def _plan_row(e: PlanRow) -> Key[PlanRow]:
    return keys.plan_row(e)


def _word_row(e: WordRow) -> Key[WordRow]:
    return keys.word_row(e)


def _ticket(e: Ticket) -> Key[Ticket]:
    return keys.ticket(e.merchant, e.id)


def _ticket_of(e: TicketOf) -> Key[TicketOf]:
    return Key(keys.of_customer(e.merchant, e.customer), f"TICKET#{stamp(e.at)}#{e.ticket}")


def _message(e: Message) -> Key[Message]:
    return Key(keys.ticket(e.merchant, e.ticket).pk, f"MESSAGE#{stamp(e.at)}#{e.id}")


def _account(e: Account) -> Key[Account]:
    return keys.account(e.username)


def _account_email(e: AccountEmail) -> Key[AccountEmail]:
    return keys.account_email(e.email_hash)


def _job(e: Job) -> Key[Job]:
    return keys.job(e.owner, e.id)


def _job_line(e: JobLine) -> Key[JobLine]:
    return keys.job_line(e.owner)


def _payment_pointer(e: PaymentPointer) -> Key[PaymentPointer]:
    return keys.payment_pointer(e.gateway, e.account, e.reference)


def _billing_switch(e: BillingSwitch) -> Key[BillingSwitch]:
    return keys.BILLING_SWITCH


def _processing_failure(e: ProcessingFailure) -> Key[ProcessingFailure]:
    return keys.failure(Due(e.kind, e.last_at, e.owner))


def _event_hour(e: EventHour) -> Key[EventHour]:
    return event_keys.event_hour(e.merchant, e.begins_at)


def _logged_event(e: LoggedEvent) -> Key[LoggedEvent]:
    return event_keys.logged_event(e.merchant, e.appended_at, e.id)


def _forecast_rollup(e: ForecastRollup) -> Key[ForecastRollup]:
    return keys.forecast_rollup(e.merchant, draft=e.draft)


def _outbox_event(e: OutboxEvent) -> Key[OutboxEvent]:
    return event_keys.outbox_event(e.shard, e.at, e.id)


def _tax_setup(e: TaxSetup) -> Key[TaxSetup]:
    return tax_keys.setup(e.merchant)


def _tax_place(e: TaxPlace) -> Key[TaxPlace]:
    return tax_keys.place(e.merchant, e.generation, e)


def _tax_day(e: TaxDay) -> Key[TaxDay]:
    return tax_keys.day(e)


def _sales_year(e: SalesYear) -> Key[SalesYear]:
    return tax_keys.year(e)


def _coupon(e: Coupon) -> Key[Coupon]:
    return coupon_keys.coupon(e.merchant, e.code)


def _coupon_use(e: CouponUse) -> Key[CouponUse]:
    return coupon_keys.coupon_use(e.merchant, e.coupon, e.subject)


def _customer_figures(e: CustomerFigures) -> Key[CustomerFigures]:
    return figure_keys.customer(e.merchant, e.customer)


def _movement(e: Movement) -> Key[Movement]:
    return figure_keys.movement(e)


def _figure_book(e: FigureBook) -> Key[FigureBook]:
    return figure_keys.book(e.merchant)


def _figure_sums(e: FigureSums) -> Key[FigureSums]:
    return figure_keys.sums(e)


_KEYS: dict[str, Callable[..., Key[Entity]]] = {
    "Merchant": _merchant,
    "ApiKey": _api_key,
    "Domain": _domain,
    "Product": _product,
    "PricePoint": _price_point,
    "InvoiceCounter": _invoice_counter,
    "Checkout": _checkout,
    "TrialUse": _trial_use,
    "MailStop": _mail_stop,
    "EmailPointer": _email_pointer,
    "Customer": _customer,
    "PaymentMethod": _payment_method,
    "Subscription": _subscription,
    "Invoice": _invoice,
    "IssuedDocument": _issued_document,
    "Order": _order,
    "Refund": _refund,
    "Reminder": _reminder,
    "PurchaseBillTo": _purchase_bill_to,
    "Consent": _consent,
    "Entitlement": _entitlement,
    "Chargeback": _chargeback,
    "LedgerEntry": _ledger_entry,
    "PlanRow": _plan_row,
    "WordRow": _word_row,
    "Ticket": _ticket,
    "TicketOf": _ticket_of,
    "Message": _message,
    "Account": _account,
    "AccountEmail": _account_email,
    "Job": _job,
    "JobLine": _job_line,
    "PaymentPointer": _payment_pointer,
    "BillingSwitch": _billing_switch,
    "ProcessingFailure": _processing_failure,
    "ForecastRollup": _forecast_rollup,
    "OutboxEvent": _outbox_event,
    "EventHour": _event_hour,
    "LoggedEvent": _logged_event,
    "TaxSetup": _tax_setup,
    "TaxPlace": _tax_place,
    "TaxDay": _tax_day,
    "SalesYear": _sales_year,
    "Coupon": _coupon,
    "CouponUse": _coupon_use,
    "CustomerFigures": _customer_figures,
    "Movement": _movement,
    "FigureBook": _figure_book,
    "FigureSums": _figure_sums,
}
