"""Mails to customers: text and HTML of the same words, with the invoice attached (C-3, R-8).

A mail's Message-ID is made from the id of its outbox event, so that a mail sent twice is seen as
one. Text that people typed reaches a header only as a single line, and the merchant's template is
no program: three names are filled in, everything else stays as it was written (RELIABILITY.md 4.2,
14).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from unicodedata import category

from billing.kernel.customers import BillTo
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import CONFIRMATION_TEMPLATE, Merchant
from billing.kernel.money import Money
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import Source, State
from billing.refunds.refunds import Refund
from billing.render import formats, pages, wording
from billing.render.messages import text

TEMPLATE_MOST = 4000
"""Characters of a filled-in merchant template; what is longer is cut."""

HEADER_MOST = 200

LEAVES_CREDIT = frozenset({"cancelled", "cancel_requested"})
"""The mails about an end, which explain what becomes of the credit that is left."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The content of one mail, in the order in which it appears.

    `lines` are words and amounts, `link` is a button's text and address.
    """

    subject: str
    title: str
    opening: tuple[str, ...]
    lines: tuple[tuple[str, str], ...] = ()
    paragraphs: tuple[str, ...] = ()
    cancelling: tuple[str, ...] = ()
    invoice_url: str | None = None
    link: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The merchant, recipient and language of one mail; `fact` is the id of its outbox event.

    `to` is the recipient: a customer as they are reached now, not the party that an invoice was
    issued to (B-12). `next_charge` is the next charge where that is not the price: credit is taken
    off it (A-4).
    """

    merchant: Merchant
    to: BillTo
    language: str
    test: bool
    sender: str
    fact: str
    at: datetime
    next_charge: Money | None = None

    @property
    def identity(self) -> str:
        """Returns the start of the Message-ID: the same however often the mail is written."""
        return sha256(self.fact.encode()).hexdigest()[:32]


def confirmation(
    envelope: Envelope,
    invoice: Invoice,
    was: Snapshot | None,
    *,
    invoice_url: str,
    pdf: bytes,
) -> EmailMessage:
    """Writes the order confirmation: product, price, next charges and how to cancel (C-3).

    The Order ID is in it only where the merchant's template asks for it.
    """
    language, merchant = envelope.language, envelope.merchant
    product, name = invoice.product_name, invoice.bill_to.name
    letter = Letter(
        subject=text(language, "mail.confirmation.subject", product=product),
        title=text(language, "mail.confirmation.title"),
        opening=(
            text(language, "mail.confirmation.text", product=product, merchant=merchant.name),
        ),
        lines=_lines(invoice, envelope),
        paragraphs=(
            *_from_merchant(
                merchant.settings.confirmation_template,
                {"order_id": invoice.order_id, "product": product, "name": name},
                language,
            ),
            *what_follows(was, envelope),
        ),
        cancelling=cancelling(merchant, was, language),
        invoice_url=invoice_url,
    )
    return written(letter, envelope, pdf)


def receipt(
    envelope: Envelope,
    invoice: Invoice,
    was: Snapshot | None,
    *,
    invoice_url: str,
    pdf: bytes,
) -> EmailMessage:
    """Writes the mail about a paid rebill or plan change, and the next charge (R-8, A-4)."""
    words = words_of(invoice, envelope)
    kind = "receipt" if invoice.plan_change is None else "plan_paid"
    letter = Letter(
        subject=text(envelope.language, f"mail.{kind}.subject", **words),
        title=text(envelope.language, f"mail.{kind}.title"),
        opening=(text(envelope.language, f"mail.{kind}.text", **words),),
        lines=_lines(invoice, envelope),
        paragraphs=what_follows(was, envelope),
        cancelling=cancelling(envelope.merchant, was, envelope.language),
        invoice_url=invoice_url,
    )
    return written(letter, envelope, pdf)


def payment_failed(
    envelope: Envelope, invoice: Invoice, was: Snapshot | None, card_url: str | None
) -> EmailMessage:
    """Writes the mail about a declined rebill, with a reason where one may be given (R-4).

    It names the next try. `card_url` is the page on which to add another card, None where the
    merchant has no portal.
    """
    language, merchant = envelope.language, envelope.merchant
    words = words_of(invoice, envelope)
    retry_at = was.retry_at if was is not None and invoice.retryable else None
    if invoice.plan_change is not None:
        then = text(language, "mail.payment_failed.plan")
    elif retry_at is None:
        then = text(language, "mail.payment_failed.no_retry", email=merchant.email)
    else:
        date = formats.day(retry_at, merchant.settings.time_zone, language)
        then = text(language, "mail.payment_failed.retry", date=date)
    letter = Letter(
        subject=text(language, "mail.payment_failed.subject", **words),
        title=text(language, "mail.payment_failed.title"),
        opening=(text(language, "mail.payment_failed.text", **words),),
        paragraphs=(wording.decline(invoice.decline_code, language), then),
        link=(text(language, "mail.payment_failed.button"), card_url) if card_url else None,
        cancelling=cancelling(merchant, was, language),
    )
    return written(letter, envelope)


def refunded(envelope: Envelope, invoice: Invoice, refund: Refund, *, pdf: bytes) -> EmailMessage:
    """Writes the mail about a refund, with its credit note (B-7, M-7)."""
    words = words_of(invoice, envelope)
    words["amount"] = formats.money(refund.amount, envelope.language)
    letter = Letter(
        subject=text(envelope.language, "mail.refunded.subject", **words),
        title=text(envelope.language, "mail.refunded.title"),
        opening=(text(envelope.language, "mail.refunded.text", **words),),
    )
    return written(letter, envelope, pdf, "credit-note.pdf")


def refund_returned(envelope: Envelope, invoice: Invoice, refund: Refund) -> EmailMessage:
    """Writes the mail about a refund that the customer's bank sent back.

    Nothing reached the customer; it names the address to write to (B-7).
    """
    words = words_of(invoice, envelope)
    words["amount"] = formats.money(refund.amount, envelope.language)
    words |= {"email": envelope.merchant.email, "number": refund.number or refund.order_id}
    letter = Letter(
        subject=text(envelope.language, "mail.refund_returned.subject", **words),
        title=text(envelope.language, "mail.refund_returned.title"),
        opening=(text(envelope.language, "mail.refund_returned.text", **words),),
    )
    return written(letter, envelope)


def ended(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a plan paid in full, or a cancelled subscription (R-7, R-8, X-7)."""
    unpaid = was.ended_by is Source.DUNNING
    more = ("mail.cancelled.unpaid",) if unpaid else ()
    kind = "completed" if was.state is State.COMPLETED else "cancelled"
    return _about(envelope, was, kind, more)


def cancel_requested(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a cancellation at period end, with reference and date (X-7)."""
    return _about(envelope, was, "cancel_requested", ("mail.cancel_requested.undo",))


def cancel_undone(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about an undone cancellation: it goes on, and the next charge (X-5)."""
    return _about(envelope, was, "cancel_undone")


def paused(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a pause: nothing is charged until it is resumed (X-11).

    It names the end of access, if a paid period has one.
    """
    ends = was.access_until
    said = "unpaid" if ends is not None and ends <= envelope.at else "text"
    return _about(envelope, was, "paused", said=said)


def resumed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a resumed subscription and its next charge (X-11)."""
    return _about(envelope, was, "resumed")


def plan_changed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a plan change without a payment, and the next charge (A-4)."""
    return _about(envelope, was, "plan_changed")


def new_card_needed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail that asks for a new card: nothing was declined (W-6).

    The present card can no longer be charged.
    """
    return _about(envelope, was, "new_card_needed")


def plan_asked(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about another plan, or this one after all, from the next payment on (A-4)."""
    return _about(envelope, was, "plan_asked")


def freeze_asked(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a freeze from the next period on: its start and its price (A-5)."""
    return _about(envelope, was, "freeze_asked")


def freeze_undone(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about an undone freeze: it goes on, and the next charge (A-5)."""
    return _about(envelope, was, "freeze_undone")


def _about(
    envelope: Envelope,
    was: Snapshot,
    kind: str,
    more: tuple[str, ...] = (),
    said: str = "text",
) -> EmailMessage:
    """Writes a mail about a subscription itself, with the texts of `mail.<kind>`.

    These are subject, title and text.
    """
    language, zone = envelope.language, envelope.merchant.settings.time_zone
    words = {
        "product": was.product_name,
        "merchant": envelope.merchant.name,
        "date": formats.day(was.access_until or envelope.at, zone, language),
    }
    given = (text(language, "mail.reference", reference=was.reference),) if was.reference else ()
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.{said}", **words),),
        paragraphs=(
            *(text(language, key) for key in more),
            *(_credit_left(was, envelope) if kind in LEAVES_CREDIT else ()),
            *given,
            *(what_follows(was, envelope) if was.next_charge_at else ()),
        ),
    )
    return written(letter, envelope)


def _credit_left(was: Snapshot, envelope: Envelope) -> tuple[str, ...]:
    """Explains what happens to the credit of a subscription that has ended (A-4)."""
    if was.credit_minor <= 0:
        return ()
    merchant, language = envelope.merchant, envelope.language
    amount = formats.money(replace(was.terms.price, amount_minor=was.credit_minor), language)
    key = f"credit.{merchant.settings.credit_at_end}"
    return (text(language, key, amount=amount, merchant=merchant.name),)


def words_of(invoice: Invoice, envelope: Envelope) -> dict[str, str]:
    """Returns the values that every sentence about an invoice may use."""
    return {
        "amount": formats.money(invoice.total, envelope.language),
        "product": invoice.product_name,
        "merchant": envelope.merchant.name,
    }


def _from_merchant(template: str, values: dict[str, str], language: str) -> tuple[str, ...]:
    """Returns the merchant's own words, or the usual ones in the reader's language."""
    if template == CONFIRMATION_TEMPLATE:
        return (text(language, "mail.confirmation.order", order_id=values["order_id"]),)
    return filled(template, values)


def filled(template: str, values: dict[str, str]) -> tuple[str, ...]:
    """Fills a merchant's template, as paragraphs: its known names once, and nothing else."""
    name = "|".join(map(re.escape, values))
    # One pass: a value that looks like a placeholder is not filled in again.
    whole = re.sub(rf"\{{({name})\}}", lambda found: values[found[1]], template[:TEMPLATE_MOST])
    return tuple(filter(None, map(_one_line, whole[:TEMPLATE_MOST].splitlines())))


def _lines(invoice: Invoice, envelope: Envelope) -> tuple[tuple[str, str], ...]:
    language = envelope.language
    lines = [
        (wording.line(line, language), formats.money(line.amount, language))
        for line in invoice.lines
    ]
    paid_at = invoice.settled_at or invoice.opened_at
    date = formats.day(paid_at, envelope.merchant.settings.time_zone, language)
    total = text(language, "mail.charged", date=date)
    return (*lines, (total, formats.money(invoice.total, language)))


def what_follows(was: Snapshot | None, envelope: Envelope) -> tuple[str, ...]:
    """Names the next payment, or that there is none."""
    language = envelope.language
    if was is None:
        return (text(language, "mail.once"),)
    if was.next_charge_at is None:
        ended = was.state is State.COMPLETED
        return (text(language, "mail.last"),) if ended else ()
    terms, amount = was.renewing_terms, envelope.next_charge
    amount = terms.price if amount is None else amount
    return (
        text(
            language,
            "mail.next",
            amount=formats.money(amount, language),
            date=formats.day(was.next_charge_at, was.zone, language),
        ),
        text(language, "mail.terms", terms=formats.terms(terms, language)),
    )


def cancelling(merchant: Merchant, was: Snapshot | None, language: str) -> tuple[str, ...]:
    """Explains how to cancel, in the checkout's words; nothing for an ended subscription."""
    if was is None:
        return (text(language, "cancelling.nothing"),)
    if not was.is_live:
        return ()
    return wording.cancelling(merchant, was.terms, language)


def written(
    letter: Letter, envelope: Envelope, pdf: bytes | None = None, filename: str = "invoice.pdf"
) -> EmailMessage:
    """Turns the letter into a mail."""
    language, merchant = envelope.language, envelope.merchant
    identity = envelope.identity
    subject = letter.subject
    if envelope.test:
        subject = text(language, "mail.test.subject", subject=subject)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(_header(merchant.name), addr_spec=envelope.sender)
    message["To"] = Address(addr_spec=envelope.to.email)
    message["Reply-To"] = Address(_header(merchant.name), addr_spec=merchant.email)
    message["Subject"] = _header(subject)
    message["Date"] = envelope.at
    message["Message-ID"] = f"<{identity}@{envelope.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    values = {"letter": letter, "merchant": merchant, "test": envelope.test}
    values["name"] = envelope.to.name
    message.set_content(pages.plain("mail/letter.txt", language, **values))
    message.add_alternative(pages.html("mail/letter.html", language, **values), subtype="html")
    if pdf is not None:
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=filename)
    multiparts = [part for part in message.walk() if part.is_multipart()]
    for n, part in enumerate(multiparts):
        # Fixed: a random boundary would make no two copies of a mail alike.
        part.set_boundary(f"=={identity}-{n}")
    return message


def _header(words: str) -> str:
    return _one_line(words)[:HEADER_MOST]


def _one_line(words: str) -> str:
    """Removes line ends and control characters, so that nothing starts a header of its own."""
    visible = (" " if category(c) in {"Cc", "Zl", "Zp"} else c for c in words)
    return " ".join("".join(visible).split())
