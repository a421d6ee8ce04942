"""Registers the consumers of outbox events: what is done, and what is mailed (R-8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from billing.accounts.flows import account_life
from billing.accounts.mail import handlers as account_mails
from billing.cards.flows import bought_with
from billing.customers.mail import handlers as customer_mails
from billing.declarations.mail import handlers as declaration_mails
from billing.event_log.flows import append
from billing.event_log.public_events import MAY_CHANGE_ACCESS, PUBLIC
from billing.helpdesk.mail import handlers as helpdesk_mails
from billing.invoices.flows import numbers
from billing.kernel.flows import gateway_payments, list_rows
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Consumer, Ports
from billing.kernel.subscription import Subscription
from billing.kernel.writes import Insert, Write
from billing.migration.flows import confirm
from billing.notices.flows import look_sooner
from billing.outbox.flows import mailing
from billing.outbox.mail import bank_decisions, notices, payments, subscriptions
from billing.outbox.mail.envelopes import Mails
from billing.refunds.flows import credit
from billing.tax.flows import sums

MailsOf = Callable[[Ports, OutboxEvent, Merchant, datetime], Mails]

MAILS: Mapping[EventKind, MailsOf] = {
    **payments.MAILS,
    **subscriptions.MAILS,
    **notices.MAILS,
    **bank_decisions.MAILS,
    **customer_mails.MAILS,
    **helpdesk_mails.MAILS,
    **declaration_mails.MAILS,
    **account_mails.MAILS,
}
"""The mails of an event; each kind but a void payment has some."""


def _make_account_due(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    account_life.make_due(ports, event)


def _mail(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> LeftOut | None:
    """Sends an event's mails; returns why none was sent, None if one was."""
    mails = MAILS[event.kind](ports, event, merchant, now)
    return mailing.send(ports, event, merchant, mails, now)


def _has_reader(merchant: Merchant) -> bool:
    """Tests whether somebody reads a merchant's event log; for others nothing is written."""
    return merchant.events_since is not None


def _log(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Appends an event to its merchant's log, and sends it to their endpoints."""
    from billing.event_log.web import snapshots  # the shapes of /v1, which few merchants need

    place = append.next_place(ports, event.merchant)
    shown, access = snapshots.of(ports, event, now), None
    if event.kind in MAY_CHANGE_ACCESS and event.customer:
        access = snapshots.of_access(ports, merchant, event.customer, now)
        look_sooner.to_end_of_access(ports, event, merchant)
    if merchant.webhooks_since is None:
        append.append(ports, event, place, shown, access=access)
        return
    from billing.webhooks.flows import fan_out  # as few have endpoints

    fan_out.append_and_send(ports, event, place, shown, access)


def log_access_ended(
    ports: Ports, merchant: Merchant, subscription: Subscription, at: datetime, now: datetime
) -> tuple[Write, ...]:
    """Returns the writes that log that access ended by time alone, for readers and endpoints."""
    from billing.event_log.web import snapshots
    from billing.webhooks.flows import fan_out

    customer, place = subscription.customer, append.next_place(ports, merchant.id)
    shown = snapshots.of_access(ports, merchant, customer, now)
    logged = append.access_ended(ports, merchant.id, customer, subscription.id, place, shown, at)
    if merchant.webhooks_since is None:
        return (Insert(logged),)
    return fan_out.writes_of(ports, logged)


def _count_offer(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Counts a save offer in its merchant's figures."""
    from billing.figures.flows import offers  # few merchants make any

    offers.on_event(ports, event, merchant, now)


OFFERS = frozenset({EventKind.OFFER_SHOWN, EventKind.OFFER_TAKEN})

CONSUMERS: tuple[Consumer, ...] = (
    Consumer("accounts", frozenset(EventKind), _make_account_due),
    Consumer("lists", list_rows.KINDS, list_rows.on_event),
    Consumer("cards", frozenset({EventKind.PURCHASED}), bought_with.keep_newest),
    Consumer(credit.NAME, frozenset({EventKind.PURCHASED, EventKind.ENDED}), credit.settle),
    Consumer("withdrawals", frozenset({EventKind.PAYMENT_VOID}), gateway_payments.withdraw_void),
    Consumer(sums.NAME, sums.KINDS, sums.on_event, notes_itself=True, serves=sums.collects),
    Consumer("offers", OFFERS, _count_offer),
    Consumer("notices", look_sooner.KINDS, look_sooner.on_event),
    Consumer(confirm.NAME, confirm.KINDS, confirm.on_event),
    Consumer("mail", frozenset(MAILS), _mail, prepare=numbers.prepare),
    Consumer(append.NAME, frozenset(PUBLIC), _log, notes_itself=True, serves=_has_reader),
)
"""All consumers of the outbox, in the order in which each event is handed to them.

Each may see an event twice, and must not rely on another one having seen it. A new consumer is a
line here: its name, its kinds, and a flow of its own room.
"""
