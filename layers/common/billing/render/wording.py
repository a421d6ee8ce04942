"""Sentences that pages, mails and the consent record share, so that they never disagree (C-1)."""

from __future__ import annotations

from itertools import islice

from billing.kernel import pricing
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.disclosures import DisclosedCharge, DisclosedLine, Disclosure
from billing.kernel.discounts import Discount
from billing.kernel.errors import Refused
from billing.kernel.invoice_lines import coupon_of
from billing.kernel.invoices import InvoiceLine, LineKind
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.merchants import Merchant, SelfService
from billing.kernel.money import Money
from billing.kernel.pricing import Quote
from billing.kernel.schedule import charges, ends_at
from billing.render import formats
from billing.render.errors import error_text
from billing.render.messages import MERCHANTS_LANGUAGE, has, text


def disclosure(
    merchant: Merchant, product: str, terms: PriceTerms, quote: Quote, language: str
) -> Disclosure:
    """Builds all that a buyer reads before paying; the consent keeps it (C-6)."""
    price = formats.terms(terms, language)
    button = pay_button(terms, quote.total, language)
    taxes = [each.amount for each in quote.lines if each.is_tax]
    return Disclosure(
        product=product,
        terms=price,
        lines=_lines(quote, language),
        tax=sum(taxes, Money(0, quote.total.currency)),
        total=quote.total,
        following=tuple(DisclosedCharge(each.at, each.amount) for each in quote.following),
        rest=_rest(terms, quote, language),
        cancelling=cancelling(merchant, terms, language),
        agreement=text(
            language,
            f"consent.{_course(terms)}",
            button=button,
            merchant=merchant.name,
            amount=formats.money(quote.total, language),
            terms=price,
        ),
        button=button,
        time_zone=quote.anchor.zone,
        terms_version=merchant.terms_version,
        period=terms.period,
        payments=terms.standard_payments,
        ends_at=ends_at(terms, quote.anchor),
    )


def pay_button(terms: PriceTerms, total: Money, language: str) -> str:
    """Returns the text of the pay button, which is what pressing it does."""
    amount = formats.money(total, language)
    if not total and terms.initial is not None and not terms.initial.amount_minor:
        return text(language, "checkout.button.free")
    if not total:  # by a coupon
        return text(
            language, "checkout.button.later" if terms.rebills else "checkout.button.nothing"
        )
    if terms.type is PriceType.RECURRING and terms.initial is None:
        return text(language, "checkout.button.subscribe", amount=amount)
    return text(language, "checkout.button.pay", amount=amount)


def cancelling(merchant: Merchant, terms: PriceTerms, language: str) -> tuple[str, ...]:
    """Explains how to cancel and what it does, a sentence each (C-1, P-3, P-16)."""
    if not terms.rebills:
        return (text(language, "cancelling.nothing"),)
    settings = merchant.settings
    mode = SelfService.OFF if settings.portal is None else settings.self_cancel
    sentences = [
        text(language, f"cancelling.how.{mode}", email=merchant.email),
        text(language, f"cancelling.effect.{terms.cancellation}"),
    ]
    if terms.standard_payments is not None:
        sentences.append(text(language, "cancelling.completes"))
    return tuple(sentences)


_VAT = "VAT"
"""The name that rates of VAT are stored by; each language has its own."""


def line(line: InvoiceLine, language: str) -> str:
    """Names an invoice line: a product, a tax with its rate, or the effect of a plan change."""
    if line.tax is not None:
        what = text(language, "document.vat") if line.text == _VAT else line.text
        if line.tax.reverse_charge:
            return text(language, "line.reverse_charge", what=what)
        rate = formats.rate(line.tax.rate_ppm, language)
        return text(language, "line.tax", what=what, rate=rate)
    if line.coupon is not None:
        return text(language, "line.coupon", code=line.coupon)
    key = f"line.{line.kind}"
    return text(language, key, what=line.text) if has(key) else line.text


def coupon(discount: Discount, language: str) -> str:
    """Names a coupon in use, and for how many payments it stays (C-8)."""
    if discount.charges_left is None:
        return text(language, "coupon.always", code=discount.coupon)
    return text(language, "coupon.left", code=discount.coupon, count=discount.charges_left)


def _lines(quote: Quote, language: str) -> tuple[DisclosedLine, ...]:
    """Returns the lines of a quote; a coupon that lowers only what follows has one too."""
    lines = [
        DisclosedLine(_shown(each, quote.discount, language), each.amount) for each in quote.lines
    ]
    if quote.discount is not None and coupon_of(quote.lines) is None:
        nothing = Money(0, quote.total.currency)
        lines.insert(1, DisclosedLine(coupon(quote.discount, language), nothing))
    return tuple(lines)


def _shown(each: InvoiceLine, discount: Discount | None, language: str) -> str:
    if each.coupon is not None and discount is not None:
        return coupon(discount, language)
    named = each.is_tax or each.kind == LineKind.POSTPONED
    return line(each, language) if named else each.text


def paid(document: IssuedDocument) -> str:
    """Says when and with what an invoice was paid, or that a refund went back."""
    language = document.language
    if document.kind is DocumentKind.CREDIT_NOTE:
        return text(language, "credit_note.paid")
    if not document.total:  # the card stands ready, and paid nothing
        return text(language, "invoice.free")
    date = formats.day(document.issued_at, document.time_zone, language)
    if document.paid_with is None:
        return text(language, "invoice.paid", date=date)
    paid_with = formats.means(document.paid_with, language)
    return text(language, "invoice.paid_with", date=date, card=paid_with)


def decline(code: str | None, language: str, gateway: str | None = None) -> str:
    """Explains what a buyer can do about a decline; generic for codes that would help a thief.

    A gateway may have words of its own: not each is paid by a card that a bank issued.
    """
    keys = (
        *(f"gateway.{gateway}.decline.{each}" for each in (code, "generic")),
        *(f"decline.{each}" for each in (code, "generic")),
    )
    return text(language, next(key for key in keys if has(key)))


def by_gateway(gateway: str, key: str, language: str, **values: object) -> str:
    """Returns a text about a payment, in its gateway's own words where it has some: not each is
    paid by a card that a bank issued."""
    own = f"gateway.{gateway}.{key}"
    return text(language, own if has(own) else key, **values)


def merchants_reason(code: str) -> str:
    """Names for a merchant why a payment failed or a refund came back, by the gateway's code.

    Gateways add codes: one that we do not know yet is written as words.
    """
    key = f"console.reason.{code}"
    return text(MERCHANTS_LANGUAGE, key) if has(key) else code.replace("_", " ").capitalize()


def changed_elsewhere(gateway: str, language: str) -> str:
    """Explains where a payment method is changed that its gateway manages (B-9)."""
    return error_text(Refused("card_elsewhere", gateway=gateway), language)


def _course(terms: PriceTerms) -> str:
    if not terms.rebills:
        return "once"
    return "endless" if terms.standard_payments is None else "completes"


def _price_of_rest(terms: PriceTerms, quote: Quote) -> Money:
    """Returns the price of the payments that are not listed: less the discount, where it is on all
    of them."""
    scheduled = pricing.discounted(charges(terms, quote.anchor), quote.discount)
    rest = list(islice(scheduled, len(quote.following) + 1, None))
    reduced = {charge.amount if off is None else off.reduced(charge.amount) for charge, off in rest}
    return reduced.pop() if len(reduced) == 1 else terms.price


def _rest(terms: PriceTerms, quote: Quote, language: str) -> str | None:
    if not terms.rebills:
        return None
    total = terms.standard_payments
    if total is None:
        return text(language, "checkout.rest.endless")
    last = ends_at(terms, quote.anchor)
    assert last is not None
    paid_today = 1 if terms.initial is None else 0
    left = total - paid_today - len(quote.following)
    if left == 0:
        return text(language, "checkout.rest.none")
    return text(
        language,
        "checkout.rest.more",
        count=left,
        amount=formats.money(_price_of_rest(terms, quote), language),
        date=formats.day(last, quote.anchor.zone, language),
    )
