"""The export of everything that is stored about a customer (M-8).

The law calls it a copy in a common, machine-readable form (GDPR, Art. 15 and 20). Keys that grant
access are left out, for they let in anybody who holds them.
"""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web import json_shapes
from billing.api.web.described import Day, Instant, OneOf
from billing.api.web.json_shapes import AddressOutput, MoneyOutput, instant, money
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.customers.web import shapes as customer_shapes
from billing.customers.web.shapes import MethodOutput, OverviewOutput
from billing.declarations.web import shapes as declaration_shapes
from billing.declarations.web.shapes import DeclarationOutput
from billing.helpdesk.web import shapes as helpdesk_shapes
from billing.helpdesk.web.shapes import ThreadOutput
from billing.kernel.customers import BillTo, Consent
from billing.kernel.disclosures import Disclosure
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.periods import zone_named
from billing.notices.records import NoticeRecord
from billing.privacy.flows.export import Export


class BilledOutput(TypedDict):
    """The name, email and address that a purchase, or an issued invoice, is billed to."""

    of: str
    name: str
    email: str
    address: AddressOutput


class DisclosedLineOutput(TypedDict):
    """One line of the charge at purchase."""

    text: str
    amount: MoneyOutput


class DisclosedTodayOutput(TypedDict):
    """The charge at purchase: the price before tax, the tax, and both."""

    lines: list[DisclosedLineOutput]
    price: MoneyOutput
    tax: MoneyOutput
    total: MoneyOutput


class DisclosedChargeOutput(TypedDict):
    """A later charge, by its day in the seller's time zone."""

    on: Day
    at: Instant
    amount: MoneyOutput


class DisclosureOutput(TypedDict):
    """Everything that was shown before a purchase, in the words that were shown."""

    product: str
    terms: str
    today: DisclosedTodayOutput
    following: list[DisclosedChargeOutput]
    rest: str | None
    period: str | None
    payments: int | None
    ends_at: Instant | None
    time_zone: str
    cancelling: list[str]
    agreement: str
    button: str


class ConsentOutput(TypedDict):
    """The consent to a purchase, and the countries of the buyer's address on the net and of their
    card; `shown` is null for purchases from before it was stored.

    `starts_at_once` are the words by which the buyer asked for an immediate start, null without.
    """

    purchase: str
    terms_version: str
    terms_hash: str | None
    starts_at_once: str | None
    agreed_at: Instant
    ip: str
    ip_country: str | None
    card_country: str | None
    language: str
    price_shown: str
    shown: DisclosureOutput | None


class AttemptOutput(BilledOutput):
    """A checkout that bought nothing, as it was filled in; `of` is the name of the product."""

    at: Instant
    state: Annotated[str, OneOf(CheckoutState)]
    ip: str


class SellerOutput(TypedDict):
    """The seller as a document names it."""

    name: str
    email: str
    website: str | None
    address: AddressOutput | None


class DocumentOutput(BilledOutput):
    """An invoice or a credit note as it was issued, `of` being the invoice or the refund.

    The day of `issued_at` is that in `time_zone`; a credit note `credits` the invoice of that
    number.
    """

    kind: Annotated[str, OneOf(DocumentKind)]
    number: str
    order_id: str
    issued_at: Instant
    time_zone: str
    language: str
    seller: SellerOutput
    lines: list[DisclosedLineOutput]
    total: MoneyOutput
    paid_with: str | None
    credits: str | None


class NoticeOutput(TypedDict):
    """A notice that a region asks for, as it was sent, kept as proof.

    `text_hash` is the SHA-256 of the text, in hex, `message_id` the mail service's, null where its
    answer was lost. `returned_at` is when the mail came back for good, null where it did not.
    """

    subscription: str
    kind: str
    sent_at: Instant
    address: str
    text: str
    text_hash: str
    message_id: str | None
    returned_at: Instant | None


class ExportOutput(OverviewOutput):
    """A customer with everything that is stored about them."""

    removed_payment_methods: list[MethodOutput]
    billed: list[BilledOutput]
    documents: list[DocumentOutput]
    consents: list[ConsentOutput]
    attempts: list[AttemptOutput]
    tickets: list[ThreadOutput]
    declarations: list[DeclarationOutput]
    notices: list[NoticeOutput]


def export(found: Export) -> ExportOutput:
    overview, history = found.overview, found.overview.history
    owner = overview.customer
    return {
        **customer_shapes.overview(overview),
        "removed_payment_methods": [
            customer_shapes.method(each, owner) for each in history.removed_methods
        ],
        "billed": [
            *(_billed(each.purchase, each.bill_to) for each in found.bill_tos),
            *(_billed(each.id, each.bill_to) for each in history.invoices),
        ],
        "documents": [_document(each) for each in history.documents],
        "consents": [consent(each) for each in history.consents],
        "attempts": [_attempt(each) for each in found.attempts],
        "tickets": [helpdesk_shapes.thread(each, None) for each in found.threads],
        "declarations": [declaration_shapes.declaration(each) for each in found.declarations],
        "notices": [_notice(each) for each in found.notices],
    }


def _billed(of: str, to: BillTo) -> BilledOutput:
    address = json_shapes.address(to.address)
    return {"of": of, "name": to.name, "email": to.email, "address": address}


def _document(issued: IssuedDocument) -> DocumentOutput:
    seller, means = issued.seller, issued.paid_with
    return {
        **_billed(issued.id, issued.buyer),
        "kind": issued.kind.value,
        "number": issued.number,
        "order_id": issued.order_id,
        "issued_at": instant(issued.issued_at),
        "time_zone": issued.time_zone,
        "language": issued.language,
        "seller": {
            "name": seller.name,
            "email": seller.email,
            "website": seller.website,
            "address": None if seller.address is None else json_shapes.address(seller.address),
        },
        "lines": [{"text": each.text, "amount": money(each.amount)} for each in issued.lines],
        "total": money(issued.total),
        "paid_with": None if means is None else f"{means.brand} {means.last4}".strip(),
        "credits": issued.credits,
    }


def consent(consent: Consent) -> ConsentOutput:
    """Returns the consent to a purchase as JSON."""
    return {
        "purchase": consent.purchase,
        "terms_version": consent.terms_version,
        "terms_hash": consent.terms_hash,
        "starts_at_once": consent.starts_at_once,
        "agreed_at": instant(consent.agreed_at),
        "ip": consent.ip,
        "ip_country": consent.ip_country,
        "card_country": consent.card_country,
        "language": consent.language,
        "price_shown": consent.price_shown,
        "shown": None if consent.shown is None else _disclosure(consent.shown),
    }


def _disclosure(shown: Disclosure) -> DisclosureOutput:
    zone = zone_named(shown.time_zone)
    return {
        "product": shown.product,
        "terms": shown.terms,
        "today": {
            "lines": [{"text": each.text, "amount": money(each.amount)} for each in shown.lines],
            "price": money(shown.price),
            "tax": money(shown.tax),
            "total": money(shown.total),
        },
        "following": [
            {
                "on": each.at.astimezone(zone).date().isoformat(),
                "at": instant(each.at),
                "amount": money(each.amount),
            }
            for each in shown.following
        ],
        "rest": shown.rest,
        "period": shown.period,
        "payments": shown.payments,
        "ends_at": instant(shown.ends_at),
        "time_zone": shown.time_zone,
        "cancelling": list(shown.cancelling),
        "agreement": shown.agreement,
        "button": shown.button,
    }


def _attempt(attempt: Checkout) -> AttemptOutput:
    return {
        **_billed(attempt.product_name, attempt.bill_to),
        "at": instant(attempt.created_at),
        "state": attempt.state.value,
        "ip": attempt.consent.ip,
    }


def _notice(proof: NoticeRecord) -> NoticeOutput:
    return {
        "subscription": proof.subscription,
        "kind": proof.kind,
        "sent_at": instant(proof.sent_at),
        "address": proof.address,
        "text": proof.text,
        "text_hash": proof.text_hash,
        "message_id": proof.message_id,
        "returned_at": instant(proof.returned_at),
    }
