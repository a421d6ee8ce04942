"""The key in the link by which a requester reads their thread without signing in (H-3, B-12)."""

from __future__ import annotations

import hmac

from billing.helpdesk.tickets import Ticket
from billing.kernel.customers import email_hash

SYMBOLS = 40


def key_of(ticket: Ticket, reached: Ticket, secret: str | None) -> str | None:
    """Returns the key in the link that is mailed to where a ticket's requester is reached now.

    It is the ticket's own while that is the address that asked. Each later address has another,
    signed with the merchant's `secret`: the reader of the former mailbox may be a stranger by now.
    None where no secret was drawn yet, so that no such link was mailed.
    """
    if reached.email == ticket.email:
        return ticket.access_key
    if secret is None:
        return None
    to = email_hash(ticket.merchant, reached.email)
    signed = "\n".join(("thread link", ticket.merchant, ticket.id, to))
    return hmac.digest(secret.encode(), signed.encode(), "sha256").hex()[:SYMBOLS]
