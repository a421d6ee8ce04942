"""Turns a letter into a mail: text and HTML of the same words, with a document attached (C-3, R-8).

The letters themselves are in the rooms, as `mail/letters.py`.

A mail's Message-ID is made from the id of its outbox event. It stands in References too: SES
replaces the one and passes on the other. Text that people typed reaches a header only as a single
line, and the merchant's template is no program: three names are filled in, everything else stays as
it was written (RELIABILITY.md 4.2, 14).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

from billing.kernel import web_addresses
from billing.kernel.branding import Dress
from billing.kernel.customers import BillTo
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import State
from billing.kernel.values import Value, field
from billing.render import formats, own_words, pages, wording
from billing.render.messages import text
from billing.render.own_words import one_line

HEADER_MOST = 200


class Letter(Value):
    """The content of one mail, in the order in which it appears.

    `box` stands in a frame of its own, which a law may ask for. `lines` are words and amounts, the
    last of them the sum, or where they are not `summed` words and texts of any length; `link` is a
    button's text and address. `purpose` is the name by which merchants have words of their own for
    it (M-11), `words` are the values of their placeholders, and `closing` is theirs alone.
    """

    subject: str
    title: str
    opening: tuple[str, ...]
    box: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    summed: bool = True
    paragraphs: tuple[str, ...] = ()
    cancelling: tuple[str, ...] = ()
    invoice_url: str | None = None
    link: tuple[str, str] | None = None
    purpose: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    closing: tuple[str, ...] = ()


class WayIn(Value):
    """The way into the portal that a mail to the address on file shows (R-8).

    `url` is the signed link to a purchase, `order_id` that of a payment, which signs in (B-2); None
    where the mail must not show one (C-3). `takes_cards` is false where its gateway manages what
    pays (B-9).
    """

    url: str
    order_id: str | None
    takes_cards: bool = True


class Envelope(Value):
    """The merchant, recipient and language of one mail; `event_id` is the id of its outbox event.

    `to` is the recipient: a customer as they are reached now, not the party that an invoice was
    issued to (B-12). `next_charge` is the next charge where that is not the price: credit is taken
    off it (A-4). `way_in` is None where the portal is closed, and in mails about no purchase.
    `endings` are the words and addresses under which the recipient ends a contract (X-10).
    `inward` marks a mail to the merchant itself: it greets nobody by name, and names no address to
    write to. `dress` is everything of the merchant's own in it, None where there is nothing (M-11).
    """

    merchant: Merchant
    to: BillTo
    language: str
    test: bool
    sender: str
    event_id: str
    at: datetime
    next_charge: Money | None = None
    way_in: WayIn | None = None
    inward: bool = False
    dress: Dress | None = None
    endings: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> str:
        """Returns the start of the Message-ID: the same however often the mail is written."""
        return sha256(self.event_id.encode()).hexdigest()[:32]


def about_subscription(
    envelope: Envelope,
    was: Snapshot,
    kind: str,
    paragraphs: tuple[str, ...] = (),
    opening: str = "text",
    link: tuple[str, str] | None = None,
) -> EmailMessage:
    """Writes a mail about a subscription itself, with the texts of `mail.<kind>`.

    These are subject, title and `opening`; `paragraphs` come between it and the next payment.
    """
    language, zone = envelope.language, was.zone  # as the portal dates it, whatever zone is set now
    words = {
        "product": was.product_name,
        "merchant": envelope.merchant.name,
        "email": envelope.merchant.email,
        "date": formats.day(was.access_until or envelope.at, zone, language),
    }
    reference = was.reference
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.{opening}", **words),),
        paragraphs=(
            *paragraphs,
            *((text(language, "mail.reference", reference=reference),) if reference else ()),
            *(next_payment(was, envelope) if was.next_charge_at else ()),
        ),
        link=link,
        purpose=kind,
        words=words,
    )
    return written(letter, envelope)


def card_button(envelope: Envelope, key: str) -> tuple[str, str] | None:
    """Returns a button with this text that leads to where another card is given, if that is in the
    portal and open."""
    way_in = envelope.way_in
    if way_in is None or not way_in.takes_cards:
        return None
    return (text(envelope.language, key), way_in.url)


def greeted(name: str) -> str:
    """Returns a name as a mail may show it; empty for one that a mail program makes a link of.

    Whoever typed it may have given another's email.
    """
    return "" if web_addresses.may_become_link(name) else name


def words_of(invoice: Invoice, envelope: Envelope) -> dict[str, str]:
    """Returns the values that every sentence about an invoice may use."""
    return {
        "amount": formats.money(invoice.total, envelope.language),
        "product": invoice.product_name,
        "merchant": envelope.merchant.name,
    }


def next_payment(was: Snapshot | None, envelope: Envelope) -> tuple[str, ...]:
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
        *(() if was.discount is None else (wording.coupon(was.discount, language),)),
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
    identity, dress = envelope.identity, envelope.dress
    letter = own_words.applied(letter, dress)
    subject = letter.subject
    name = _header((dress and dress.look.sender_name) or merchant.name)
    if envelope.test:
        subject = text(language, "mail.test.subject", subject=subject)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(name, addr_spec=envelope.sender)
    message["To"] = Address(addr_spec=envelope.to.email)
    message["Reply-To"] = Address(name, addr_spec=merchant.email)
    message["Subject"] = _header(subject)
    message["Date"] = envelope.at
    message["Message-ID"] = f"<{identity}@{envelope.sender.rpartition('@')[2]}>"
    message["References"] = message["Message-ID"]
    message["Auto-Submitted"] = "auto-generated"
    values: dict[str, object] = {"letter": letter, "merchant": merchant, "test": envelope.test}
    values |= {"name": greeted(envelope.to.name), "inward": envelope.inward}
    values |= {"way_in": envelope.way_in, "dress": dress, "endings": envelope.endings}
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
    return one_line(words)[:HEADER_MOST]
