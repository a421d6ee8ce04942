"""Entities for the tests of adapters: whole, plain, all of one merchant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing.checkout.checkouts import Checkout
from billing.event_log.logged_events import LoggedEvent, id_at
from billing.kernel.catalog import PricePoint, PriceTerms, PriceType, Product
from billing.kernel.customers import Address, BillTo, Consent, Customer, FormerCard, PaymentMethod
from billing.kernel.disclosures import DisclosedCharge, DisclosedLine, Disclosure
from billing.kernel.invoices import Invoice, InvoiceLine
from billing.kernel.issued_documents import DocumentKind, IssuedDocument, PaidWith, Seller
from billing.kernel.ledger import LedgerEntry, payment
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Anchor, Period
from billing.kernel.schedule import ChargeKind
from billing.kernel.subscription import State, Subscription

T0 = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MERCHANT = "mer_1"
PRICE = Money(1999, Currency.USD)
TERMS = PriceTerms(PriceType.RECURRING, PRICE, Period.MONTHLY)
BILL_TO = BillTo("Ann Buyer", "ann@example.com", Address("1 Main St", "Springfield", "US"))


def subscription(n: int = 1, *, customer: str = "cus_1", at: datetime = T0) -> Subscription:
    return Subscription(
        id=f"sub_{n}",
        merchant=MERCHANT,
        customer=customer,
        product="prod_1",
        product_name="Club",
        price_point=f"{MERCHANT}.pp1",
        price_version=1,
        terms=TERMS,
        anchor=Anchor.at(at, "America/New_York"),
        state=State.ACTIVE,
        started_at=at,
        gateway="sandbox",
        gateway_account="acct_1",
        payment_method="pm_1",
        shard=0,
        due_at=at + 31 * DAY,
    )


def invoice(n: int = 1, seq: int = 1, *, customer: str = "cus_1", at: datetime = T0) -> Invoice:
    return Invoice(
        id=f"sub_{n}.{seq:04d}",
        merchant=MERCHANT,
        customer=customer,
        purchase=f"sub_{n}",
        subscription=f"sub_{n}",
        seq=seq,
        kind=ChargeKind.STANDARD,
        period=seq - 1,
        total=PRICE,
        lines=(InvoiceLine("charge", "Club", PRICE),),
        gateway="sandbox",
        gateway_account="acct_1",
        payment_method="pm_1",
        order_id=f"K7M2Q-9XTRV-{n:05d}",
        order_kind=OrderKind.REBILL,
        product="prod_1",
        product_name="Club",
        price_point=f"{MERCHANT}.pp1",
        bill_to=BILL_TO,
        download_key="dk_1",
        opened_at=at,
        scheduled_at=at,
    )


def issued_document(kind: DocumentKind = DocumentKind.INVOICE) -> IssuedDocument:
    of_refund = kind is DocumentKind.CREDIT_NOTE
    return IssuedDocument(
        id="sub_1.0001:once#ISSUED" if of_refund else "sub_1.0001",
        merchant=MERCHANT,
        customer="cus_1",
        kind=kind,
        number="CN-000001" if of_refund else "INV-000001",
        order_id="K7M2Q-9XTRV-00001",
        issued_at=T0,
        time_zone="America/New_York",
        language="de",
        seller=Seller("Acme", "a@example.com", BILL_TO.address, "https://acme.example"),
        buyer=BILL_TO,
        total=PRICE,
        file="doc_1",
        lines=() if of_refund else (InvoiceLine("charge", "Club", PRICE),),
        paid_with=None if of_refund else PaidWith("visa", "4242"),
        credits="INV-000001" if of_refund else None,
        test=True,
    )


def order(n: int = 1, *, customer: str | None = "cus_1", at: datetime = T0) -> Order:
    return Order(
        id=f"ORD-{n:05d}",
        merchant=MERCHANT,
        customer=customer,
        kind=OrderKind.SALE if customer else OrderKind.FAILED,
        at=at,
        amount=PRICE,
        product="prod_1",
        product_name="Club",
        price_point=f"{MERCHANT}.pp1",
        attempt_key=None if customer else f"attempt-{n}",
    )


def ledger_entry(n: int = 1) -> LedgerEntry:
    return payment(invoice(n), T0)


def outbox_event(n: int = 1, *, shard: int = 0, at: datetime = T0) -> OutboxEvent:
    return OutboxEvent(f"fact_{n}", EventKind.RENEWED, MERCHANT, "cus_1", at, shard)


def logged_event(n: int = 1, *, at: datetime = T0) -> LoggedEvent:
    return LoggedEvent(
        merchant=MERCHANT,
        id=id_at(at, f"fact_{n}"),
        type="subscription.renewed",
        at=T0,
        cause=f"fact_{n}",
        object='{"object":"subscription","id":"sub_1"}',
        version="1",
        customer="cus_1",
        subscription="sub_1",
    )


def customer(customer: str = "cus_1") -> Customer:
    return Customer(customer, MERCHANT, BILL_TO.email, BILL_TO.name, BILL_TO.address, T0)


def payment_method(method: str = "cus_s:pm_1") -> PaymentMethod:
    former = (FormerCard("visa", "0005", T0 + DAY),)
    return PaymentMethod(
        *(method, MERCHANT, "cus_1", "stripe", "acct_1_test", "visa", "4242", "2034-12", "fp_4242"),
        added_at=T0,
        formerly=former,
    )


def consent(purchase: str = "sub_1") -> Consent:
    shown = Disclosure(
        product="Club",
        terms="$19.99 a month",
        lines=(
            DisclosedLine("Club", PRICE),
            DisclosedLine("Sales tax IL", Money(125, PRICE.currency)),
        ),
        tax=Money(125, PRICE.currency),
        total=Money(2124, PRICE.currency),
        following=(DisclosedCharge(T0 + 28 * DAY, PRICE),),
        rest=None,
        cancelling=("Write to us.", "It then ends at once."),
        agreement="By pressing \u201cPay\u201d you agree.",
        button="Pay",
        time_zone="America/New_York",
        terms_version="1",
        period=Period.MONTHLY,
        payments=12,
        ends_at=T0 + 330 * DAY,
    )
    said = ("1", T0, "192.0.2.1", "en", shown.terms, shown.digest, shown)
    return Consent(MERCHANT, "cus_1", purchase, *said)


def product(product: str = "prod_1", *, at: datetime = T0) -> Product:
    point = f"{MERCHANT}.pp1"
    return Product(product, MERCHANT, "Club", at, ("sandbox",), ("club",), (point,), point)


def price_point(version: int = 1, name: str = "pp1") -> PricePoint:
    return PricePoint(f"{MERCHANT}.{name}", MERCHANT, "prod_1", TERMS, T0, version)


def checkout(key: str = "attempt-1", *, due_at: datetime | None = T0) -> Checkout:
    return Checkout(
        key=key,
        merchant=MERCHANT,
        fingerprint="f" * 32,
        created_at=T0,
        shard=0,
        product="prod_1",
        product_name="Club",
        price_point=f"{MERCHANT}.pp1",
        price_version=1,
        terms=TERMS,
        grants=("club",),
        anchor=Anchor.at(T0, "America/New_York"),
        bill_to=BILL_TO,
        consent=consent(),
        customer="cus_1",
        purchase="sub_1",
        payment_token="tok_visa",
        invoice=invoice(),
        language="en",
        due_at=due_at,
    )
