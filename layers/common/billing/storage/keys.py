"""The keys of each entity in the core table, from its ids (ARCHITECTURE.md, 4).

The merchant's id is inside every partition key that a merchant's or customer's request can reach.
Ids of merchants, customers and subscriptions contain no `#`; only the last part of a key may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.storage import Due
from billing.storage.addresses import EVERYTHING, Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.accounts.accounts import Account, AccountEmail
    from billing.checkout.checkouts import Checkout
    from billing.checkout.trials import TrialUse
    from billing.declarations.declarations import Declaration, DeclarationOf
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
    from billing.kernel.issued_documents import DocumentKind, IssuedDocument
    from billing.kernel.ledger import LedgerEntry
    from billing.kernel.list_rows import ListRow, PlanRow, WordRow
    from billing.kernel.merchants import ApiKey, Merchant
    from billing.kernel.operation import BillingSwitch, ProcessingFailure
    from billing.kernel.orders import Order
    from billing.kernel.payment_refs import PaymentPointer
    from billing.kernel.samples import SamplePlace
    from billing.kernel.subscription import Subscription
    from billing.notices.records import MissedNotice
    from billing.notices.reminders import Reminder
    from billing.outbox.suppressions import MailStop
    from billing.refunds.chargebacks import Chargeback
    from billing.refunds.refunds import Refund
    from billing.webhooks.deliveries import Delivery
    from billing.webhooks.endpoints import WebhookEndpoint

    OfCustomer = (
        Customer
        | PaymentMethod
        | Subscription
        | Order
        | Invoice
        | IssuedDocument
        | Entitlement
        | Refund
        | LedgerEntry
        | Chargeback
        | Consent
        | PurchaseBillTo
        | Reminder
        | TicketOf
        | DeclarationOf
    )
    """An entity in the partition of one customer."""

    WithDueDate = (
        Subscription
        | Checkout
        | Refund
        | Reminder
        | Account
        | Ticket
        | JobLine
        | Delivery
        | WebhookEndpoint
        | Declaration
        | MissedNotice
    )
    """An entity with a due date in the due index."""


# A merchant, and what it sells.


def merchant(merchant: str) -> Key[Merchant]:
    return Key(f"M#{merchant}", "MERCHANT")


def api_key(key_hash: str) -> Key[ApiKey]:
    return Key(f"K#{key_hash}", "KEY")


def domain(host: str) -> Key[Domain]:
    return Key(f"D#{host}", "DOMAIN")


def catalog(merchant: str) -> Partition[Product | PricePoint]:
    """Returns where a merchant's products and price points are: they, and nothing else, begin with
    PR."""
    return Partition(f"M#{merchant}", SortKeyRange("PR", "PS"))


def product(merchant: str, product: str) -> Key[Product]:
    return Key(f"M#{merchant}", f"PRODUCT#{product}")


def price_versions(price_point: str) -> Partition[PricePoint]:
    """Returns where the versions of a price point are, oldest first."""
    return Partition(_merchant_of(price_point), SortKeyRange.of(f"PRICE#{price_point}#v"))


def price_version(price_point: str, version: int) -> Key[PricePoint]:
    return Key(_merchant_of(price_point), f"PRICE#{price_point}#v{version:06d}")


def _merchant_of(price_point: str) -> str:
    return f"M#{price_point.partition('.')[0]}"


def sample_place(merchant: str) -> Key[SamplePlace]:
    return Key(f"M#{merchant}", "SAMPLE")


def forecast_rollup(merchant: str, *, draft: bool = False) -> Key[ForecastRollup]:
    return Key(f"M#{merchant}", "FORECAST#DRAFT" if draft else "FORECAST")


def invoice_counter(merchant: str, test: bool, credit_notes: bool = False) -> Key[InvoiceCounter]:
    series = "TEST" if test else "LIVE"
    return Key(f"M#{merchant}", f"NUMBERS#{series}{'#CREDIT_NOTES' if credit_notes else ''}")


# Buyers, before and after they are customers.


def checkout(merchant: str, attempt_key: str) -> Key[Checkout]:
    return Key(f"M#{merchant}#K#{attempt_key}", "CHECKOUT")


def trial_use(merchant: str, subject: str) -> Key[TrialUse]:
    return Key(f"M#{merchant}#U#{subject}", "TRIAL")


def email_pointer(merchant: str, email_hash: str) -> Key[EmailPointer]:
    return Key(f"M#{merchant}#E#{email_hash}", "CUSTOMER")


def mail_stop(merchant: str, email_hash: str) -> Key[MailStop]:
    return Key(f"M#{merchant}#E#{email_hash}", "MAIL_STOP")


def history(merchant: str, customer: str) -> Partition[OfCustomer]:
    """Returns where all data of one customer is."""
    return Partition(of_customer(merchant, customer))


def of_customer(merchant: str, customer: str) -> str:
    """Returns the partition key of all data of one customer."""
    return f"M#{merchant}#C#{customer}"


def customer(merchant: str, customer: str) -> Key[Customer]:
    return Key(of_customer(merchant, customer), "CUSTOMER")


def payment_method(merchant: str, customer: str, method: str) -> Key[PaymentMethod]:
    return Key(of_customer(merchant, customer), f"CARD#{method}")


def subscription(merchant: str, customer: str, subscription: str) -> Key[Subscription]:
    return Key(of_customer(merchant, customer), f"SUB#{subscription}")


def invoice(merchant: str, customer: str, invoice: str) -> Key[Invoice]:
    owner, _, seq = invoice.rpartition(".")
    return Key(of_customer(merchant, customer), f"INVOICE#{owner}#{seq}")


def issued_document(
    merchant: str, customer: str, kind: DocumentKind, of: str
) -> Key[IssuedDocument]:
    """Returns the key of the document of an invoice, or of a refund by its id.

    A refund's id may end in anything, so its document has a prefix of its own.
    """
    if kind == "credit_note":
        return Key(of_customer(merchant, customer), f"CREDIT_NOTE#{of}")
    pk, sk = invoice(merchant, customer, of)
    return Key(pk, f"{sk}#ISSUED")


def refund(merchant: str, customer: str, refund: str) -> Key[Refund]:
    return Key(of_customer(merchant, customer), f"REFUND#{refund}")


def refunds_of(merchant: str, customer: str, invoice: str) -> Partition[Refund]:
    """Returns where the refunds of an invoice are."""
    return Partition(of_customer(merchant, customer), SortKeyRange.of(f"REFUND#{invoice}:"))


def reminder(merchant: str, customer: str, subscription: str) -> Key[Reminder]:
    return Key(of_customer(merchant, customer), f"NOTICE#{subscription}")


def bill_to(merchant: str, customer: str, purchase: str) -> Key[PurchaseBillTo]:
    return Key(of_customer(merchant, customer), f"BILL_TO#{purchase}")


def consent(merchant: str, customer: str, purchase: str) -> Key[Consent]:
    return Key(of_customer(merchant, customer), f"CONSENT#{purchase}")


def tickets_of(merchant: str, customer: str) -> Partition[TicketOf]:
    """Returns where a customer's tickets are named, beside their purchases."""
    return Partition(of_customer(merchant, customer), SortKeyRange.of("TICKET#"))


def list_rows(merchant: str, customer: str) -> Partition[ListRow]:
    """Returns where the rows are by which lists find a customer and what they bought."""
    return Partition(f"M#{merchant}#R#{customer}")


def plan_row(row: PlanRow) -> Key[PlanRow]:
    pk = list_rows(row.merchant, row.customer).pk
    return Key(pk, f"SUB#{row.subscription}#{row.of.name}#{row.plan}")


def word_row(row: WordRow) -> Key[WordRow]:
    return Key(list_rows(row.merchant, row.customer).pk, f"WORD#{row.word}")


def subscription_of(row: Key[PlanRow]) -> Key[Subscription]:
    """Returns the key of the subscription that a row at this key is of."""
    _, merchant, _, customer = row.pk.split("#")
    return subscription(merchant, customer, row.sk.split("#")[1])


def customer_of(row: Key[WordRow]) -> Key[Customer]:
    """Returns the key of the customer that a row at this key is of."""
    _, merchant, _, owner = row.pk.split("#")
    return customer(merchant, owner)


def subscriptions_of(merchant: str, customer: str) -> Partition[Subscription]:
    """Returns where a customer's subscriptions are."""
    return Partition(of_customer(merchant, customer), SortKeyRange.of("SUB#"))


# The helpdesk.


def ticket(merchant: str, ticket: str) -> Key[Ticket]:
    return Key(f"M#{merchant}#T#{ticket}", "TICKET")


def thread(merchant: str, ticket: str) -> Partition[Ticket | Message]:
    """Returns where a ticket and its messages are."""
    return Partition(f"M#{merchant}#T#{ticket}", EVERYTHING)


# The platform: accounts, gateways' payments, the outbox, what the operator sees.


def account(username: str) -> Key[Account]:
    return Key(f"M#{username}", "ACCOUNT")


def account_email(email_hash: str) -> Key[AccountEmail]:
    return Key(f"A#E#{email_hash}", "ACCOUNT")


def payment_pointer(gateway: str, account: str, reference: str) -> Key[PaymentPointer]:
    return Key(f"GW#{gateway}#{account}#{reference}", "REF")


OPERATION = "OPERATION"
"""The partition key of what belongs to no merchant."""

BILLING_SWITCH: Key[BillingSwitch] = Key(OPERATION, "BILLING")
"""The key of the operator's billing switch."""


def job(owner: str, job: str) -> Key[Job]:
    return Key(_of_owner(owner), f"JOB#{job}")


def job_line(owner: str) -> Key[JobLine]:
    return Key(_of_owner(owner), "JOBS")


def _of_owner(owner: str) -> str:
    """Returns the partition key of a merchant, or of the platform, whose name is empty."""
    return f"M#{owner}" if owner else OPERATION


def failure(due: Due) -> Key[ProcessingFailure]:
    merchant, *rest = due.owner
    return Key(f"M#{merchant}", "#".join(("TROUBLE", due.kind, *rest)))


def failures(merchant: str) -> Partition[ProcessingFailure]:
    """Returns where a merchant's processing failures are."""
    return Partition(f"M#{merchant}", SortKeyRange.of("TROUBLE#"))
