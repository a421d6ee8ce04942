"""What is mailed about tickets: to the requester, to the department (H-3)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.message import EmailMessage

from billing import departments, domains
from billing.customers import Address, BillTo
from billing.departments import Department
from billing.facts import Fact, FactKind
from billing.flows import decision, draft
from billing.merchants import Merchant
from billing.ports import Ports
from billing.render import ticket_mails
from billing.render.mails import Envelope
from billing.tickets import Author, Message, Ticket

KINDS = frozenset(
    {
        FactKind.TICKET_ASKED,
        FactKind.TICKET_OPENED,
        FactKind.TICKET_REPLIED,
        FactKind.TICKET_REASSIGNED,
        FactKind.TICKET_APPROVED,
        FactKind.TICKET_DECLINED,
    }
)
MAIL = "ticket_mail"
ANSWERED_WITHIN = timedelta(days=90)
NOWHERE = Address("", "", "")
"""Who writes to a helpdesk need not have told where they live."""


def messages(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> list[EmailMessage]:
    """The mails of one fact about a ticket; none where it was erased meanwhile (M-8)."""
    if fact.kind is FactKind.TICKET_ASKED:
        return _to_confirm(ports, fact, merchant, now)
    name, _, said_id = (fact.code or "").partition("~")
    thread = ports.store.thread(merchant.id, name)
    if thread is None:
        return []
    found, said = thread.ticket, None
    if said_id:
        said = next((each for each in thread.messages if each.id == said_id), None)
    elif thread.public:
        said = thread.public[0]
    department = department_of(merchant, found.department)
    to_requester = _to_requester(ports, fact, merchant, found, now)
    _remember(ports, to_requester, found, now)
    to_department = _to_department(ports, fact, merchant, found, department, now)
    theirs, ours = thread_url(ports, merchant, found), agents_url(ports, found)
    match fact.kind:
        case FactKind.TICKET_OPENED:
            return [
                ticket_mails.received(to_department, found, department, said, ours),
                ticket_mails.noted(to_requester, found, department, said, theirs),
            ]
        case FactKind.TICKET_REASSIGNED:
            return [ticket_mails.received(to_department, found, department, said, ours)]
        case FactKind.TICKET_APPROVED:
            effect, amount = decision.effect(ports, found), decision.next_amount(ports, found)
            return [ticket_mails.approved(to_requester, found, department, effect, amount, theirs)]
    if said is None:
        return []
    if fact.kind is FactKind.TICKET_DECLINED:
        return [ticket_mails.declined(to_requester, found, department, said, theirs)]
    return [_reply(said, found, department, to_requester, to_department, theirs, ours)]


def ticket_of_mail(ports: Ports, merchant: str, identity: str, *, now: datetime) -> str | None:
    """The ticket that a mail to its requester was about, by what its Message-ID begins with."""
    kept = ports.ephemeral.get(MAIL, identity, now=now)
    named = json.loads(kept) if kept is not None else {}
    return named["ticket"] if named.get("merchant") == merchant else None


def _remember(ports: Ports, envelope: Envelope, found: Ticket, now: datetime) -> None:
    """So that an answer by mail finds its ticket, though no address or subject names it."""
    value = json.dumps({"merchant": found.merchant, "ticket": found.id})
    ports.ephemeral.replace(MAIL, envelope.identity, value, expires_at=now + ANSWERED_WITHIN)


def department_of(merchant: Merchant, department: str) -> Department:
    """The department, or in its place the merchant where it is no more."""
    found = departments.named(merchant.settings.departments.all, department)
    return found or Department(department, merchant.name, "")


def thread_url(ports: Ports, merchant: Merchant, found: Ticket) -> str:
    """Where its requester reads the thread, without signing in: the link is only in their mail."""
    base = domains.helpdesk(ports.operation.public_url, merchant)
    return f"{base}/tickets/{found.id}~{found.access_key}"


def agents_url(ports: Ports, found: Ticket) -> str:
    """Where an agent does."""
    return f"{ports.operation.public_url}/console/tickets/{found.id}"


def _to_confirm(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> list[EmailMessage]:
    """The link that makes a ticket of what a stranger wrote; nothing where it is over."""
    assert fact.code is not None, "it names what was written"
    asked = draft.read(ports, fact.code, now=now)
    if asked is None:
        return []
    url = draft.link(ports, merchant, fact.code, now=now)
    to, sender = BillTo(asked.name or asked.email, asked.email, NOWHERE), ports.operation.sender
    envelope = Envelope(merchant, to, asked.language, False, sender, fact.id, now)
    department = department_of(merchant, asked.department)
    return [ticket_mails.confirm(envelope, asked.subject, department, url)]


def _reply(
    said: Message,
    found: Ticket,
    department: Department,
    to_requester: Envelope,
    to_department: Envelope,
    theirs: str,
    ours: str,
) -> EmailMessage:
    if said.author is Author.CUSTOMER:
        return ticket_mails.written_again(to_department, found, department, said, ours)
    return ticket_mails.answered(to_requester, found, department, said, theirs)


def _to_requester(
    ports: Ports, fact: Fact, merchant: Merchant, found: Ticket, now: datetime
) -> Envelope:
    record = found.customer and ports.store.customer(merchant.id, found.customer)
    name = found.name or (record.name if record else "") or found.email
    to = BillTo(name, found.email, NOWHERE)
    sender = ports.operation.sender
    return Envelope(merchant, to, found.language, found.test, sender, fact.id, now)


def _to_department(
    ports: Ports,
    fact: Fact,
    merchant: Merchant,
    found: Ticket,
    department: Department,
    now: datetime,
) -> Envelope:
    to = BillTo(department.name, department.email or merchant.email, NOWHERE)
    sender, language = ports.operation.sender, merchant.settings.language
    return Envelope(merchant, to, language, found.test, sender, f"{fact.id}:merchant", now)
