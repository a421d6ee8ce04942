"""Mails about tickets, to requester and department: asked, answered, approved, declined (H-3)."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage

from billing.helpdesk.cancellation_request import Effect
from billing.helpdesk.messages import Message
from billing.helpdesk.tickets import Ownership, Ticket, TicketType
from billing.kernel.departments import Department
from billing.kernel.money import Money
from billing.render import formats
from billing.render.mails import Envelope, Letter, written
from billing.render.messages import has, text


def request_received(
    envelope: Envelope,
    ticket: Ticket,
    department: Department,
    message: Message | None,
    url: str,
    zone: str,
) -> EmailMessage:
    """Builds the mail to the requester that it was passed on, with its reference, and the day by
    which it is decided, in the zone of what it asks to cancel (X-1, H-2)."""
    language, words = envelope.language, _words(envelope, ticket, department)
    kind = _kind(ticket)
    masked = (text(language, "ticket.masked"),) if message is not None and message.masked else ()
    letter = Letter(
        subject=text(language, f"mail.request.{kind}.subject", **words),
        title=text(language, "mail.request.title"),
        opening=(text(language, f"mail.request.{kind}.text", **words),),
        paragraphs=(
            *masked,
            *_held_charge(envelope, ticket, zone),
            text(language, "mail.reference", reference=ticket.number),
        ),
        link=(text(language, "mail.ticket.see"), url),
        purpose=f"request_{kind}",
        words=words,
    )
    return _from(department, written(letter, envelope), envelope)


def new_ticket(
    envelope: Envelope, ticket: Ticket, department: Department, message: Message | None, url: str
) -> EmailMessage:
    """Builds the mail to the department: the requester, the request, and whether it is known to be
    theirs; an answer by mail goes to the requester."""
    language, words = envelope.language, _words(envelope, ticket, department)
    kind = _kind(ticket)
    why = _why(ticket, language)
    reason = (text(language, "mail.received.said", words=why),) if why else ()
    letter = Letter(
        subject=text(language, f"mail.received.{kind}.subject", **words),
        title=text(language, f"mail.received.{ticket.wish or kind}.title"),
        opening=(text(language, f"mail.received.{kind}.text", **words),),
        paragraphs=(
            text(language, f"ticket.ownership.{ticket.ownership}"),
            *reason,
            *_message(message),
            text(language, "mail.received.department", department=department.name),
            text(language, "mail.reference", reference=ticket.number),
        ),
        link=(text(language, "mail.ticket.decide"), url),
    )
    return _to(ticket, written(letter, envelope))


def answer(
    envelope: Envelope, ticket: Ticket, department: Department, message: Message, url: str
) -> EmailMessage:
    """Builds the mail to the requester with an agent's answer."""
    language, words = envelope.language, _words(envelope, ticket, department)
    letter = Letter(
        subject=text(language, "mail.ticket.answered.subject", **words),
        title=text(language, "mail.ticket.answered.title"),
        opening=(text(language, "mail.ticket.answered.text", **words),),
        paragraphs=(*_message(message), text(language, "mail.reference", reference=ticket.number)),
        link=(text(language, "mail.ticket.reply"), url),
    )
    return _from(department, written(letter, envelope), envelope)


def customer_reply(
    envelope: Envelope, ticket: Ticket, department: Department, message: Message, url: str
) -> EmailMessage:
    """Builds the mail to the department with the requester's new message."""
    language, words = envelope.language, _words(envelope, ticket, department)
    letter = Letter(
        subject=text(language, "mail.ticket.again.subject", **words),
        title=text(language, "mail.ticket.again.title"),
        opening=(text(language, "mail.ticket.again.text", **words),),
        paragraphs=(*_message(message), text(language, "mail.reference", reference=ticket.number)),
        link=(text(language, "mail.ticket.decide"), url),
    )
    return _to(ticket, written(letter, envelope))


def approved(
    envelope: Envelope,
    ticket: Ticket,
    department: Department,
    effect: Effect | None,
    amount: Money | None,
    url: str,
) -> EmailMessage:
    """Builds the mail to the requester that it is done, or when it will be, after a charge of
    `amount` (X-8)."""
    language, words = envelope.language, _words(envelope, ticket, department)
    # While a bank looks into a payment, nobody can say what the next one will be (W-4).
    unknown = text(language, "ticket.effect.amount")
    words["amount"] = unknown if amount is None else formats.money(amount, language)
    said = f"mail.approved.{ticket.wish}.text"
    if effect is not None and effect.charge_at is not None:
        words["charge"] = formats.day(effect.charge_at, effect.zone, language)
        said = "ticket.effect.last"  # that payment completes it, so that nothing is left to end
        if effect.ends_at is not None:
            said = "mail.approved.late.text"
            words["end"] = formats.day(effect.ends_at, effect.zone, language)
    letter = Letter(
        subject=text(language, f"mail.approved.{ticket.wish}.subject", **words),
        title=text(language, "mail.approved.title"),
        opening=(text(language, said, **words),),
        paragraphs=(text(language, "mail.reference", reference=ticket.number),),
        link=(text(language, "mail.ticket.see"), url),
    )
    return _from(department, written(letter, envelope), envelope)


def declined(
    envelope: Envelope, ticket: Ticket, department: Department, message: Message, url: str
) -> EmailMessage:
    """Builds the mail to the requester that it was declined, with the decliner's words (H-3)."""
    language, words = envelope.language, _words(envelope, ticket, department)
    goes_on = ticket.wish is TicketType.CANCEL
    letter = Letter(
        subject=text(language, "mail.declined.subject", **words),
        title=text(language, "mail.declined.title"),
        opening=(text(language, "mail.declined.text", **words),),
        paragraphs=(
            *_message(message),
            *((text(language, "mail.declined.goes_on", **words),) if goes_on else ()),
            text(language, "mail.reference", reference=ticket.number),
        ),
        link=(text(language, "mail.ticket.reply"), url),
    )
    return _from(department, written(letter, envelope), envelope)


def confirm(envelope: Envelope, department: Department, url: str) -> EmailMessage:
    """Builds the mail with a link that turns a draft into a request (H-2).

    It repeats nothing of the draft: whoever wrote that may have given another's email.
    """
    language = envelope.language
    words = {"merchant": envelope.merchant.name, "department": department.name}
    letter = Letter(
        subject=text(language, "mail.ticket.confirm.subject", **words),
        title=text(language, "mail.ticket.confirm.title"),
        opening=(text(language, "mail.ticket.confirm.text", **words),),
        paragraphs=(text(language, "mail.ticket.confirm.unasked"),),
        link=(text(language, "mail.ticket.confirm.button"), url),
    )
    return _from(department, written(letter, envelope), envelope)


def _kind(ticket: Ticket) -> str:
    """Returns the words for a request: a question's where nobody knows yet which purchase it is
    about."""
    return ticket.wish if ticket.wish and ticket.product_name else "question"


def _why(ticket: Ticket, language: str) -> str | None:
    """Returns the reason that was chosen in the portal, in words; an API caller may have sent its
    own."""
    key = f"portal.reason.{ticket.reason}"
    return text(language, key) if ticket.reason and has(key) else ticket.reason


def _words(envelope: Envelope, ticket: Ticket, department: Department) -> dict[str, str]:
    return {
        "product": ticket.product_name or "",
        "merchant": envelope.merchant.name,
        "email": ticket.email,
        "about": ticket.about or "",
        "department": department.name,
        "subject": ticket.subject,
    }


def _held_charge(envelope: Envelope, ticket: Ticket, zone: str) -> tuple[str, ...]:
    """Returns the lines on which charges a request to cancel holds, and until when (H-4)."""
    if ticket.wish is not TicketType.CANCEL or ticket.due_at is None:
        return ()
    language = envelope.language
    key = "stands" if ticket.lets_stand else "held"
    asked = formats.day(ticket.requested_at, zone, language)
    return (text(language, f"ticket.{key}", date=asked),)


def _message(message: Message | None) -> tuple[str, ...]:
    return () if message is None else tuple(line for line in message.text.splitlines() if line)


def _from(department: Department, message: EmailMessage, envelope: Envelope) -> EmailMessage:
    """Sets the department as the address for answers."""
    address = department.email or envelope.merchant.email
    message.replace_header("Reply-To", Address(addr_spec=address))
    return message


def _to(ticket: Ticket, message: EmailMessage) -> EmailMessage:
    """Sets the requester as the address for answers, where it is known that this is their
    mailbox."""
    if ticket.ownership is not Ownership.NONE:
        message.replace_header("Reply-To", Address(addr_spec=ticket.email))
    return message
