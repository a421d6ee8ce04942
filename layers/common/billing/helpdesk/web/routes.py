"""The routes of tickets in /v1 (CONTRACT.md)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call, Later
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.helpdesk.flows import decision, helpdesk, inbound
from billing.helpdesk.flows import ticket as threads
from billing.helpdesk.flows.helpdesk import Filter
from billing.helpdesk.tickets import TicketType
from billing.helpdesk.web import shapes
from billing.helpdesk.web.shapes import (
    ApproveInput,
    DeclineInput,
    MailInput,
    MailOutput,
    NewTicketInput,
    RecordedOutput,
    ReplyInput,
    ThreadOutput,
    TicketOutput,
    TicketsQuery,
)
from billing.kernel.errors import Unavailable
from billing.kernel.ports import Ports
from billing.render.messages import text
from billing.team import rights
from billing.web.problems import Forbidden


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of tickets: opened, read, answered and decided with an API key."""

    @api.get("/v1/tickets", TicketsQuery)
    def list_tickets(call: Call[TicketsQuery]) -> Listed[TicketOutput]:
        """List requests to your departments, newest first."""
        query = call.input
        wanted = Filter(query.department, query.state, query.customer)
        page = helpdesk.page(
            ports, call.merchant, wanted, limit=query.limit, cursor=query.cursor, now=call.now
        )
        return json_shapes.listed(map(shapes.ticket, page.data), page.next)

    @api.post("/v1/tickets", NewTicketInput)
    def open_ticket(call: Call[NewTicketInput]) -> ThreadOutput | Later[RecordedOutput]:
        """Enter a request in somebody's name; an Order ID must be of an order of theirs."""
        request = call.input.request(_key(ports, call.named))
        opened = helpdesk.open_for(ports, call.merchant, request, now=call.now)
        return _written(ports, call.merchant.id, opened.id)

    @api.get("/v1/tickets/<ticket>", PageQuery)
    def show_ticket(call: Call[PageQuery], ticket: str) -> ThreadOutput:
        """Show one ticket with its newest messages, and with the effect of approving it."""
        query = call.input
        return _shown(ports, call.merchant.id, ticket, limit=query.limit, cursor=query.cursor)

    @api.post("/v1/tickets/<ticket>/approve", ApproveInput, status=200)
    def approve_ticket(
        call: Call[ApproveInput], ticket: str
    ) -> ThreadOutput | Later[RecordedOutput]:
        """Carry out the cancel or refund, once; `carried_out_at` is null until that is done.

        To approve a refund, a key needs the money area too.
        """
        _check_refund(ports, call, ticket)
        decision.approve(
            ports,
            call.merchant.id,
            ticket,
            by=call.key.id,
            wish=call.input.wish,
            cancels=call.input.cancel,
            now=call.now,
        )
        return _written(ports, call.merchant.id, ticket)

    @api.post("/v1/tickets/<ticket>/decline", DeclineInput, status=200)
    def decline_ticket(
        call: Call[DeclineInput], ticket: str
    ) -> ThreadOutput | Later[RecordedOutput]:
        """Decline it with words; charges that it held are made at once."""
        found = threads.fresh(ports, call.merchant.id, ticket)
        words = call.input.text or text(found.language, "ticket.declined")
        decision.decline(ports, call.merchant, ticket, words, by=call.key.id, now=call.now)
        return _written(ports, call.merchant.id, ticket)

    @api.post("/v1/tickets/<ticket>/reply", ReplyInput)
    def reply_to_ticket(
        call: Call[ReplyInput], ticket: str
    ) -> ThreadOutput | Later[RecordedOutput]:
        """Answer its requester, or leave a note among agents."""
        given, key = call.input, _key(ports, call.named)
        merchant = call.merchant.id
        write = threads.note if given.internal else threads.answer
        write(ports, merchant, ticket, given.text, key=key, now=call.now, closes=given.close)
        return _written(ports, merchant, ticket)

    @api.post("/v1/inbound-mail", MailInput, status=200)
    def take_mail(call: Call[MailInput]) -> MailOutput:
        """Take a mail to support: a reply joins its ticket, anything else waits for confirmation by
        its sender."""
        raw = call.input.message.encode()
        mail = inbound.from_mail(ports, call.merchant, call.input.department, raw, now=call.now)
        return shapes.taken(mail)


def _key(ports: Ports, named: str | None) -> str:
    """Returns the id for a repeatable call, from its Idempotency-Key: the same call is the same
    ticket or message."""
    return (named or ports.new_id("key"))[:40]


def _written(ports: Ports, merchant: str, ticket: str) -> ThreadOutput | Later[RecordedOutput]:
    """Returns the ticket after a write; where it cannot be read just now, that it is written
    (202)."""
    try:
        return _shown(ports, merchant, ticket)
    except Unavailable:
        return Later({"state": "recorded", "ticket": ticket})


def _shown(
    ports: Ports,
    merchant: str,
    ticket: str,
    *,
    limit: int = threads.SHOWN_AT_ONCE,
    cursor: str | None = None,
) -> ThreadOutput:
    found = threads.thread(ports, merchant, ticket, limit=limit, cursor=cursor)
    return shapes.thread(found, decision.effect(ports, found.ticket))


def _check_refund(ports: Ports, call: Call[ApproveInput], ticket: str) -> None:
    """Raises `Forbidden` where a key that may not refund approves one (M-9)."""
    if rights.REFUNDS in rights.of_scopes(call.key.scopes):
        return
    wish = call.input.wish or threads.fresh(ports, call.merchant.id, ticket).wish
    if wish is TicketType.REFUND:
        raise Forbidden(code="scope_missing", scope=rights.key_scope(rights.REFUNDS))
