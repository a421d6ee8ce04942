"""Mails about tickets: to the requester, to the department (H-3)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.branding.flows import dressing
from billing.cancel.flows.endings import Ending
from billing.helpdesk import thread_links
from billing.helpdesk.cancellation_request import Effect
from billing.helpdesk.flows import decision, draft, ticket
from billing.helpdesk.mail import letters
from billing.helpdesk.messages import Author, Message
from billing.helpdesk.tickets import Thread, Ticket, TicketState, TicketType
from billing.kernel import departments, domains
from billing.kernel.customers import Address, BillTo, Customer
from billing.kernel.departments import Department
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.outbox.flows import answers
from billing.outbox.mail import envelopes, portal_links
from billing.render.mails import Envelope, WayIn

_TO_DEPARTMENT = frozenset({EventKind.TICKET_OPENED, EventKind.TICKET_REASSIGNED})
NOWHERE = Address("", "", "")
"""An empty address: a requester need not have given one."""


def messages(
    ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the mails of one OutboxEvent about a ticket, or why none is sent: it was erased
    meanwhile (M-8)."""
    if event.kind is EventKind.TICKET_ASKED:
        return _to_confirm(ports, event, merchant, now)
    name, _, message_id = (event.code or "").partition("~")
    thread = ports.store.thread(merchant.id, name)
    if thread is None:
        return LeftOut.ERASED
    customer = ticket.find_customer(ports, thread.ticket)
    found = _keyed(ports, merchant, thread.ticket, thread.ticket.reached_by(customer))
    to_requester = _to_requester(ports, event, merchant, found, customer, now)
    mails = _of_thread(ports, event, replace(thread, ticket=found), message_id, to_requester)
    for mail in mails if isinstance(mails, list) else ():
        if mail["To"].addresses[0].addr_spec == to_requester.to.email:
            answers.expect(mail, merchant.id, found.id)
    return mails


def _of_thread(
    ports: Ports, event: OutboxEvent, thread: Thread, message_id: str, to_requester: Envelope
) -> list[EmailMessage] | LeftOut:
    """Returns the mails of an event of a thread; `message_id` is empty if it names no message."""
    merchant, now = to_requester.merchant, to_requester.at
    found, message = thread.ticket, None
    if message_id:
        message = next((each for each in thread.messages if each.id == message_id), None)
    elif thread.public:
        message = thread.public[0]
    if event.kind in _TO_DEPARTMENT:
        return _of_opening(ports, event, found, message, to_requester)
    if event.kind is EventKind.TICKET_APPROVED:
        return [_of_approval(ports, event, found, to_requester)]
    if message is None:
        return LeftOut.ERASED
    department = department_of(merchant, found.department)
    theirs = thread_url(ports, merchant, found)
    if event.kind is EventKind.TICKET_DECLINED:
        return [letters.declined(to_requester, found, department, message, theirs)]
    if message.author is not Author.CUSTOMER:
        return [letters.answer(to_requester, found, department, message, theirs)]
    to_department = _to_department(ports, event, merchant, found, department, now)
    ours = agents_url(ports, found)
    return [letters.customer_reply(to_department, found, department, message, ours)]


def _of_opening(
    ports: Ports, event: OutboxEvent, found: Ticket, message: Message | None, to_requester: Envelope
) -> list[EmailMessage] | LeftOut:
    """Returns the mails of an opened or reassigned ticket: to its department, and of a new one to
    its requester: the charges it holds, as they stood then, whatever was decided since (H-4)."""
    merchant, was = to_requester.merchant, event.ticket_was
    department, ours = department_of(merchant, found.department), agents_url(ports, found)
    opened = event.kind is EventKind.TICKET_OPENED
    over = opened and found.state is not TicketState.OPEN
    mails: list[EmailMessage] = []
    if was is None or (was.department == found.department and not over):
        to_department = _to_department(ports, event, merchant, found, department, to_requester.at)
        mails.append(letters.new_ticket(to_department, found, department, message, ours))
    if opened:
        asked = found if was is None else replace(found, due_at=was.due_at)
        theirs = thread_url(ports, merchant, found)
        zone = _zone(ports, merchant, found)
        mails.append(
            letters.request_received(to_requester, asked, department, message, theirs, zone)
        )
    return mails or LeftOut.UNTRUE


def _of_approval(
    ports: Ports, event: OutboxEvent, found: Ticket, to_requester: Envelope
) -> EmailMessage:
    """Returns the mail of an approval: the charge that was still made then, and the end after it
    (X-8)."""
    merchant, was = to_requester.merchant, event.ticket_was
    department = department_of(merchant, found.department)
    theirs = thread_url(ports, merchant, found)
    effect, amount = None, None
    if was is None:
        effect = decision.effect(ports, found)
        amount = decision.next_amount(ports, merchant, found, now=to_requester.at)
    elif was.charge_at is not None:
        zone = _zone(ports, merchant, found)
        effect, amount = Effect(When.PERIOD_END, zone, was.ends_at, was.charge_at), was.amount
    return letters.approved(to_requester, found, department, effect, amount, theirs)


def _keyed(ports: Ports, merchant: Merchant, stored: Ticket, reached: Ticket) -> Ticket:
    """Returns a ticket with the key that its link has in a mail to where it is answered now."""
    secret = merchant.link_key
    if reached.email != stored.email:
        secret = portal_links.key(ports, merchant)
    key = thread_links.key_of(stored, reached, secret)
    assert key is not None, "its secret was drawn"
    return replace(reached, access_key=key)


def _zone(ports: Ports, merchant: Merchant, found: Ticket) -> str:
    """Returns the zone of the subscription that a ticket asks to cancel, as the portal dates it;
    the merchant's for other tickets."""
    if found.wish is TicketType.CANCEL and found.customer is not None and found.about is not None:
        held = ports.store.subscription(merchant.id, found.customer, found.about)
        if held is not None:
            return held.anchor.zone
    return merchant.settings.time_zone


def department_of(merchant: Merchant, department: str) -> Department:
    """Returns the department, or a stand-in with the merchant's name where it was removed."""
    found = departments.named(merchant.settings.departments.all, department)
    return found or Department(department, merchant.name, "")


def thread_url(ports: Ports, merchant: Merchant, found: Ticket) -> str:
    """Returns the address where the requester reads the thread without signing in: the link is only
    in their mail."""
    base = domains.helpdesk(ports.operation.public_url, merchant)
    return f"{base}/tickets/{found.id}~{found.access_key}"


def agents_url(ports: Ports, found: Ticket) -> str:
    """Returns the address where an agent reads the thread."""
    return f"{ports.operation.public_url}/console/tickets/{found.id}"


def _to_confirm(
    ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the mail with the link that opens a ticket from a draft; none where the draft has
    expired."""
    assert event.code is not None, "it names what was written"
    asked = draft.read(ports, event.code, now=now)
    if asked is None:
        return LeftOut.EXPIRED
    url = draft.link(ports, merchant, event.code, now=now)
    # Nothing of what was typed: the address is not known to be that of whoever typed it.
    to, sender = BillTo("", asked.email, NOWHERE), ports.operation.sender
    dress = dressing.of_mail(ports, merchant, asked.language)
    envelope = Envelope(merchant, to, asked.language, False, sender, event.id, now, dress=dress)
    department = department_of(merchant, asked.department)
    return [letters.confirm(envelope, department, url)]


def _to_requester(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    found: Ticket,
    customer: Customer | None,
    now: datetime,
) -> Envelope:
    name = found.name or (customer.name if customer else "") or found.email
    to = BillTo(name, found.email, NOWHERE)
    sender = ports.operation.sender
    way_in = _way_in(ports, merchant, found, customer, now)
    test, language = found.test, found.language
    dress = dressing.of_mail(ports, merchant, language)
    ways: tuple[Ending, ...] = ()
    if customer is not None:  # where nobody is known to live, no law's words are known
        about = found.about if found.wish is TicketType.CANCEL else None
        address = envelopes.address_of(ports, customer, about)
        ways = envelopes.endings(ports, merchant, address, language, now)
    return Envelope(
        *(merchant, to, language, test, sender, event.id, now),
        way_in=way_in,
        dress=dress,
        endings=ways,
    )


def _way_in(
    ports: Ports, merchant: Merchant, found: Ticket, customer: Customer | None, now: datetime
) -> WayIn | None:
    """Returns the link to the subscription that a customer asked to cancel, for their own address
    alone (R-8)."""
    if customer is None or found.wish is not TicketType.CANCEL or found.about is None:
        return None
    if not found.is_verified or found.email != customer.email:
        return None
    return portal_links.way_in(ports, merchant, customer, found.about, now)


def _to_department(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    found: Ticket,
    department: Department,
    now: datetime,
) -> Envelope:
    to = BillTo(department.name, department.email or merchant.email, NOWHERE)
    sender, language = ports.operation.sender, merchant.settings.language
    name, test = f"{event.id}:merchant", found.test
    return Envelope(merchant, to, language, test, sender, name, now, inward=True)


MAILS = dict.fromkeys(
    (
        EventKind.TICKET_ASKED,
        EventKind.TICKET_OPENED,
        EventKind.TICKET_REPLIED,
        EventKind.TICKET_REASSIGNED,
        EventKind.TICKET_APPROVED,
        EventKind.TICKET_DECLINED,
    ),
    messages,
)
