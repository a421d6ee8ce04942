"""Registers each room's handlers of outbox events: what is done, and what is mailed (R-8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from billing.accounts.flows import account_life
from billing.accounts.mail import handlers as account_mails
from billing.cards.flows import cards
from billing.customers.mail import handlers as customer_mails
from billing.helpdesk.mail import handlers as helpdesk_mails
from billing.kernel.flows import gateway_payments
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.outbox.flows import mailing
from billing.outbox.mail import bank_decisions, payments, subscriptions
from billing.outbox.mail.envelopes import Mails
from billing.refunds.flows import credit

Effect = Callable[[Ports, OutboxEvent, Merchant, datetime], None]
MailsOf = Callable[[Ports, OutboxEvent, Merchant, datetime], Mails]

EFFECTS: Mapping[EventKind, tuple[Effect, ...]] = {
    EventKind.PURCHASED: (cards.keep_newest_bought_with, credit.settle),
    EventKind.ENDED: (credit.settle,),
    EventKind.PAYMENT_VOID: (gateway_payments.withdraw_void,),
}
"""The effects of an event besides its mail; each may be run twice."""

MAILS: Mapping[EventKind, MailsOf] = {
    **payments.MAILS,
    **subscriptions.MAILS,
    **bank_decisions.MAILS,
    **customer_mails.MAILS,
    **helpdesk_mails.MAILS,
    **account_mails.MAILS,
}
"""The mails of an event; each kind but a void payment has some."""


def handle(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> LeftOut | None:
    """Handles one outbox event; returns why no mail was sent, None if one was, or none is due.

    Raises `Unavailable`, and any error of our own code.
    """
    account_life.make_due(ports, event)
    for effect in EFFECTS.get(event.kind, ()):
        effect(ports, event, merchant, now)
    mails = MAILS.get(event.kind)
    if mails is None:
        return None
    return mailing.send(ports, event, merchant, mails(ports, event, merchant, now), now)
