"""Sends a customer a mail of the past again, because somebody of the merchant asks for it (R-8).

The outbox event of the mail is written once more, under another name, and says that every consumer
but the mail is done with it: lists, sums, figures, the event log and webhooks are told nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.customers import Customer
from billing.kernel.errors import NotFound, Refused, TooMany
from billing.kernel.flows import consumers, subscriptions
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.writes import Insert
from billing.outbox import again, suppressions
from billing.outbox.again import Again

PAUSE, AN_HOUR, A_DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
MOST_A_DAY = 10
"""The mails to one customer that a merchant sends again in a day."""

MOST_AN_HOUR = 200
"""The mails to all customers that a merchant sends again in an hour."""


class Found(Value):
    """An order, the mail that can be sent again of it, and its reader."""

    order: Order
    again: Again
    customer: Customer


def find(ports: Ports, merchant: Merchant, order: str) -> Found:
    """Returns the mail of an order; raises `NotFound`, or `Refused` where none would go out."""
    held = ports.store.payment_of_order(merchant.id, order)
    if held is None:
        raise NotFound("order_unknown")
    (found,) = [each for each in held.orders if each.id == order]
    mail = again.of_payment(found, held)
    if mail is None and found.kind in again.ENDINGS and found.subscription is not None:
        subscription = subscriptions.fresh(ports, merchant.id, found.subscription)
        mail = again.of_ending(found, subscription)
    if mail is None:
        raise Refused("mail_none")
    return Found(found, mail, reader(ports, merchant, mail.customer, mail.kind))


def has_mail(order: Order) -> bool:
    """Tests whether an order is of a kind that has a mail to send again."""
    return order.kind in again.MAILED and not order.withdrawn and order.customer is not None


def send(ports: Ports, merchant: Merchant, found: Found, *, now: datetime) -> None:
    """Has the mail of an order sent again; raises `Refused` for the second in 5 minutes, and for
    more than 10 a day to a customer."""
    limit(ports, found.customer, found.order.id, now)
    mail = found.again
    about = mail.subscription or (mail.invoice or "").rpartition(".")[0]
    event = mail.event(merchant.id, ports.new_id("again"), ports.shard_of(about), now)
    ports.store.commit(Insert(consumers.for_mail_alone(ports, event)))


def reader(ports: Ports, merchant: Merchant, customer: str, kind: EventKind) -> Customer:
    """Returns the customer whom a mail goes to.

    Raises `NotFound`, and `Refused` for who was erased, for an address that mail is stopped to, and
    where the merchant sends nothing here (W-5).
    """
    found = ports.store.customer(merchant.id, customer)
    if found is None:
        raise NotFound("customer_unknown")
    if found.is_erased:
        raise Refused("mail_to_erased")
    if not merchant.armed_in(ports.operation.environment):
        raise Refused("mail_disarmed")
    if not suppressions.may_be_sent(kind, ports.store.mail_stop(merchant.id, found.email)):
        raise Refused("mail_stopped")
    return found


def limit(ports: Ports, customer: Customer, what: str, now: datetime) -> None:
    """Counts a mail; raises `Refused` for the same within 5 minutes, or for more than 10 a day, and
    `TooMany` for a merchant whose people send more than a helpdesk does."""
    owner = f"{customer.merchant}#{customer.id}"
    if ports.ephemeral.hit("mail_again", f"{owner}#{what}", window=PAUSE, now=now) > 1:
        raise Refused("mail_just_sent")
    if ports.ephemeral.hit("mails_again", owner, window=A_DAY, now=now) > MOST_A_DAY:
        raise Refused("mails_used_up", count=MOST_A_DAY)
    merchant = customer.merchant
    if ports.ephemeral.hit("mails_of", merchant, window=AN_HOUR, now=now) > MOST_AN_HOUR:
        raise TooMany()
