"""Customers in /v1: their details, purchases and access."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf
from billing.api.web.json_shapes import (
    AddressOutput,
    MoneyOutput,
    OrderOutput,
    address,
    instant,
    money,
    order,
)
from billing.api.web.subscription_shapes import SubscriptionOutput, subscription
from billing.customers.flows.customers import Overview
from billing.invoices.flows.invoice_list import CreditNote
from billing.kernel import hand_off
from billing.kernel.customers import Access, Customer, PaymentMethod
from billing.kernel.gateways import DisputeStanding
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.issued_documents import DocumentKind
from billing.outbox.suppressions import MailStop, StopReason
from billing.refunds.refunds import RefundState


class CustomerOutput(TypedDict):
    """A customer."""

    id: str
    email: str
    name: str
    address: AddressOutput
    language: str
    created_at: Instant
    test: bool


AccessOutput = TypedDict(
    "AccessOutput", {"grant": str, "active": bool, "until": Instant | None, "from": list[str]}
)


class MethodOutput(TypedDict):
    """A saved way to pay; last four digits only."""

    id: str
    gateway: str
    brand: str
    last4: str
    expires_on: str | None
    default: bool


class InvoiceOutput(TypedDict):
    """An invoice, or a credit note of the invoice that it `credits`.

    `number` is given once an invoice is paid or a refund is done. `order` is the Order ID of the
    payment or the refund; a credit note's id is the same.
    """

    id: str
    kind: Annotated[str, OneOf(DocumentKind)]
    number: str | None
    state: Annotated[str, OneOf(InvoiceState, RefundState)]
    total: MoneyOutput
    customer: str
    subscription: str | None
    order: str
    credits: str | None
    dispute: Annotated[str, OneOf(DisputeStanding)] | None
    opened_at: Instant
    settled_at: Instant | None
    client_reference: str | None
    metadata: dict[str, str]


class MailStopOutput(TypedDict):
    """The reason why no mail goes to a customer's address: `bounced` or `complained`."""

    reason: Annotated[str, OneOf(StopReason)]
    code: str | None
    at: Instant


class OverviewOutput(CustomerOutput):
    """A customer with what belongs to them, each list newest first.

    `orders` are the newest 50 and `invoices` those that they name; `orders_next` is the cursor by
    which `GET /v1/orders?customer=` goes on, null where these are all.
    """

    mail_stopped: MailStopOutput | None

    access: list[AccessOutput]
    subscriptions: list[SubscriptionOutput]
    orders: list[OrderOutput]
    orders_next: str | None
    invoices: list[InvoiceOutput]
    payment_methods: list[MethodOutput]


def customer(customer: Customer) -> CustomerOutput:
    return {
        "id": customer.id,
        "email": customer.email,
        "name": customer.name,
        "address": address(customer.address),
        "language": customer.language,
        "created_at": instant(customer.created_at),
        "test": customer.test,
    }


def access(access: Access) -> AccessOutput:
    return {
        "grant": access.grant,
        "active": access.active,
        "until": instant(access.until),
        "from": list(access.sources),
    }


def method(method: PaymentMethod, owner: Customer) -> MethodOutput:
    return {
        "id": method.id,
        "gateway": method.gateway,
        "brand": method.brand,
        "last4": method.last4,
        "expires_on": method.expires_on,
        "default": method.id == owner.default_method,
    }


def invoice(invoice: Invoice) -> InvoiceOutput:
    return {
        "id": invoice.id,
        "kind": DocumentKind.INVOICE.value,
        "number": invoice.number,
        "state": invoice.state.value,
        "total": money(invoice.total),
        "customer": invoice.customer,
        "subscription": invoice.subscription,
        "order": invoice.order_id,
        "credits": None,
        "dispute": invoice.dispute,
        "opened_at": instant(invoice.opened_at),
        "settled_at": instant(invoice.settled_at),
        "client_reference": hand_off.reference_of(invoice.hand_off),
        "metadata": hand_off.metadata_of(invoice.hand_off),
    }


def document(found: Invoice | CreditNote) -> InvoiceOutput:
    if isinstance(found, Invoice):
        return invoice(found)
    refund = found.refund
    return {
        "id": refund.order_id,
        "kind": DocumentKind.CREDIT_NOTE.value,
        "number": refund.number,
        "state": refund.state.value,
        "total": money(refund.amount),
        "customer": refund.customer,
        "subscription": found.invoice.subscription,
        "order": refund.order_id,
        "credits": refund.invoice,
        "dispute": None,
        "opened_at": instant(refund.requested_at),
        "settled_at": instant(refund.settled_at),
        "client_reference": hand_off.reference_of(found.invoice.hand_off),
        "metadata": hand_off.metadata_of(found.invoice.hand_off),
    }


def mail_stop(stop: MailStop | None) -> MailStopOutput | None:
    if stop is None:
        return None
    return {"reason": stop.reason.value, "code": stop.code, "at": instant(stop.at)}


def overview(overview: Overview) -> OverviewOutput:
    history = overview.history
    return {
        **customer(overview.customer),
        "mail_stopped": mail_stop(overview.mail_stop),
        "access": [access(entry) for entry in overview.access],
        "subscriptions": [subscription(entry) for entry in reversed(history.subscriptions)],
        "orders": [order(entry) for entry in reversed(history.orders)],
        "orders_next": overview.older,
        "invoices": [invoice(entry) for entry in reversed(history.invoices)],
        "payment_methods": [
            method(entry, overview.customer) for entry in reversed(history.methods)
        ],
    }
