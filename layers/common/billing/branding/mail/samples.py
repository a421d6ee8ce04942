"""Writes a letter with sample data, by the same template as the real one (M-11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage

from billing.branding.letters import LETTERS
from billing.kernel.branding import Dress
from billing.kernel.catalog import Cancellation, PriceTerms, PriceType
from billing.kernel.customers import Address, BillTo
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.periods import Period
from billing.render import formats, wording
from billing.render.mails import Envelope, Letter, WayIn, written
from billing.render.messages import has, text

ORDER_ID = "K7M2Q-9XTRV-4H3PD"
CUSTOMER = "Alex Example"
PRICE_MINOR = 2900
COMING = timedelta(days=7)

_TITLES = {"nothing_due": "payment.over.title", "entry_code": "mail.entry_link.title"}
_PAID = frozenset({"confirmation", "receipt", "nothing_due", "plan_paid"})
_GOES_ON = frozenset(
    {"confirmation", "receipt", "renewal_upcoming", "trial_ending", "card_expiring", "resumed"}
    | {"cancel_undone", "plan_paid", "plan_changed", "plan_asked", "freeze_undone"}
)
_CANCELS = frozenset(
    {"confirmation", "receipt", "renewal_upcoming", "trial_ending", "payment_failed"}
)
_PLAIN = frozenset({"entry_link", "entry_code"})


def letter(merchant: Merchant, name: str, language: str, product: str, now: datetime) -> Letter:
    """Returns a letter in our own words, with sample data."""
    words = _words(merchant, language, product, now)
    key = f"mail.{LETTERS[name].texts}"
    title = _TITLES.get(name, f"{key}.title")
    if not has(title):
        title = "mail.request.title"
    goes_on, paid = name in _GOES_ON, name in _PAID
    amount = words["amount"]
    return Letter(
        subject=text(language, f"{key}.subject", **words),
        title=text(language, title),
        opening=(text(language, f"{key}.text", **words),),
        lines=(
            ((product, amount), (text(language, "mail.charged", date=words["today"]), amount))
            if paid
            else ()
        ),
        paragraphs=(text(language, "mail.next", **words),) if goes_on else (),
        cancelling=(
            wording.cancelling(merchant, _terms(merchant), language) if name in _CANCELS else ()
        ),
        invoice_url="https://example.com" if paid else None,
        purpose=name,
        words={each: words[each] for each in LETTERS[name].placeholders},
    )


def mail(
    merchant: Merchant,
    to: str,
    sample: Letter,
    language: str,
    dress: Dress,
    *,
    sender: str,
    base_url: str,
    event_id: str,
    now: datetime,
) -> EmailMessage:
    """Returns the mail of a sample; its links lead to the front pages of the merchant."""
    way_in = None if sample.purpose in _PLAIN else WayIn(base_url, ORDER_ID)
    if sample.invoice_url is not None:
        from billing.kernel.values import replace

        sample = replace(sample, invoice_url=base_url)
    recipient = BillTo(CUSTOMER, to, Address("", "", ""))
    envelope = Envelope(
        merchant, recipient, language, False, sender, event_id, now, way_in=way_in, dress=dress
    )
    return written(sample, envelope)


def _terms(merchant: Merchant) -> PriceTerms:
    price = Money(PRICE_MINOR, merchant.settings.currency)
    return PriceTerms(PriceType.RECURRING, price, Period.MONTHLY, cancellation=Cancellation.DELAYED)


def _words(merchant: Merchant, language: str, product: str, now: datetime) -> dict[str, str]:
    zone = merchant.settings.time_zone
    return {
        "product": product,
        "merchant": merchant.name,
        "email": merchant.email,
        "name": CUSTOMER,
        "amount": formats.money(Money(PRICE_MINOR, merchant.settings.currency), language),
        "date": formats.day(now + COMING, zone, language),
        "today": formats.day(now, zone, language),
        "card": "Visa •••• 4242",
        "month": formats.month(f"{now + COMING:%Y-%m}", language),
        "number": "INV-000042",
        "department": "Billing",
        "subject": product,
        "code": "123456",
    }
