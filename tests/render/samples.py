"""Samples: a merchant, its products and a buyer, as pages, mails and invoices get them."""

from __future__ import annotations

from datetime import UTC, datetime

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.kernel.catalog import Cancellation, Cycle, Initial, PriceTerms, PriceType, Product
from billing.kernel.customers import Address, BillTo, Consent
from billing.kernel.invoices import Invoice, InvoiceLine, InvoiceState
from billing.kernel.merchants import Merchant, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.pricing import Quote, quote
from billing.kernel.schedule import ChargeKind
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace

NOW = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
ZONE = "America/New_York"


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


ONCE = PriceTerms(PriceType.ONE_TIME, usd(9900))
ONCE_LATER = PriceTerms(PriceType.ONE_TIME, usd(9900), initial=Initial(100, Span(14, Unit.DAY)))
MONTHLY = PriceTerms(PriceType.RECURRING, usd(2999), Period.MONTHLY)
TRIAL = PriceTerms(
    PriceType.RECURRING,
    usd(2999),
    Period.MONTHLY,
    initial=Initial(100, Span(14, Unit.DAY)),
    cancellation=Cancellation.DELAYED,
)
FREE_TRIAL = replace(TRIAL, initial=Initial(0, Span(14, Unit.DAY)))
INSTALLMENTS = PriceTerms(PriceType.INSTALLMENT, usd(9900), Period.EVERY_2_WEEKS, 4)
SETS = PriceTerms(PriceType.RECURRING_INSTALLMENT, usd(9900), Period.MONTHLY, 3, Cycle.YEARLY)

MERCHANT = Merchant(
    id="mer_sunrise",
    name="Sunrise Studio",
    email="hello@sunrise.example",
    created_at=NOW,
    settings=Settings(),
    website="https://sunrise.example",
    address=Address("12 Harbor Street", "Portland", "US", None, "04101", "ME"),
)
PRODUCT = Product(
    id="prd_yoga",
    merchant=MERCHANT.id,
    name="Morning Yoga Membership",
    created_at=NOW,
    gateways=("sandbox",),
    grants=("yoga",),
    price_points=("pp_1",),
    default_price_point="pp_1",
)
BILL_TO = BillTo(
    "Ada Lovelace",
    "ada@example.com",
    Address("1 Analytical Way", "Springfield", "US", "Flat 2", "12345", "IL"),
)
INVOICE = Invoice(
    id="sub_1.0001",
    merchant=MERCHANT.id,
    customer="cus_1",
    purchase="sub_1",
    subscription="sub_1",
    seq=1,
    kind=ChargeKind.INITIAL,
    period=None,
    total=usd(100),
    lines=(InvoiceLine("charge", PRODUCT.name, usd(100)),),
    gateway="sandbox",
    gateway_account="sandbox",
    payment_method="pm_1",
    order_id="K7M2Q-9XTRV-4H3PD",
    order_kind=OrderKind.SALE,
    product=PRODUCT.id,
    product_name=PRODUCT.name,
    price_point="pp_1",
    bill_to=BILL_TO,
    download_key="dk",
    opened_at=NOW,
    scheduled_at=NOW,
    state=InvoiceState.PAID,
    settled_at=NOW,
    number="INV-000042",
)
SUBSCRIPTION = Subscription(
    id="sub_1",
    merchant=MERCHANT.id,
    customer="cus_1",
    product=PRODUCT.id,
    product_name=PRODUCT.name,
    price_point="pp_1",
    price_version=1,
    terms=TRIAL,
    anchor=Anchor.at(NOW, ZONE).plus(Span(14, Unit.DAY)),
    state=State.TRIALING,
    started_at=NOW,
    gateway="sandbox",
    gateway_account="sandbox",
    payment_method="pm_1",
    shard=0,
)
CONSENT = Consent(
    MERCHANT.id, "cus_1", "sub_1", "1", NOW, "192.0.2.1", "en", "$1.00 for the first 14 days"
)
CHECKOUT = Checkout(
    key="attempt",
    merchant=MERCHANT.id,
    fingerprint="f",
    created_at=NOW,
    shard=0,
    product=PRODUCT.id,
    product_name=PRODUCT.name,
    price_point="pp_1",
    price_version=1,
    terms=TRIAL,
    grants=("yoga",),
    anchor=Anchor.at(NOW, ZONE),
    bill_to=BILL_TO,
    consent=CONSENT,
    customer="cus_1",
    purchase="sub_1",
    payment_token="pm_card_visa",
    invoice=INVOICE,
    language="en",
    due_at=None,
    state=CheckoutState.PAID,
    action_url="/sandbox/authenticate/1",
    decline_code="insufficient_funds",
    next_charge_at=SUBSCRIPTION.anchor.instant,
)

METHODS = (
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_authenticationRequired",
    "pm_card_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
    "pm_card_chargeCustomerFail",
)


def quoted(terms: PriceTerms, text: str = PRODUCT.name) -> Quote:
    return quote(terms, text, NOW, ZONE)


def form_values(terms: PriceTerms = TRIAL) -> dict[str, object]:
    """Returns the values that checkout/form.html gets on a first visit."""
    return {
        "merchant": MERCHANT,
        "product": PRODUCT,
        "terms": terms,
        "quote": quoted(terms),
        "test": True,
        "attempt_key": "a-key",
        "payment_methods": METHODS,
        "element": None,
        "publishable_key": None,
        "gateway": "sandbox",
        "others": (),
        "form": {},
        "errors": {},
        "already_purchased": False,
        "trial_used": False,
        "offer_changed": False,
        "collects_tax": False,
        "tax_from_address": False,
        "tax_added": False,
        "coupon_added": False,
        "decline_code": None,
    }
