"""Addresses that mail no longer goes to: it came back, or somebody complained of it (R-8).

A stop is one merchant's: mail that came back from one says nothing to another. It holds no address,
only the hash that stands for one in keys.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.customers import email_hash
from billing.kernel.outbox_events import EventKind
from billing.kernel.values import Value
from billing.kernel.writes import Entity


class StopReason(StrEnum):
    """The reason of a stop; a mailbox that does not exist weighs more than a complaint of its
    owner."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"


class OfNotice(Value):
    """The notice that a mail was: its customer, its event, and the mail service's id of the
    mail."""

    customer: str
    event: str
    message_id: str


class Returned(Value):
    """A mail provider's report about one address; `code` is the provider's own word for it.

    `notice` is set where the mail that bounced was a notice that a region asks for.
    """

    merchant: str
    email: str
    reason: StopReason
    at: datetime
    code: str | None
    notice: OfNotice | None = None


class MailStop(Entity):
    """A stop on mail of this merchant to this address, until somebody lifts it."""

    merchant: str
    email_hash: str
    reason: StopReason
    at: datetime
    code: str | None = None


SENT_ALL_THE_SAME = frozenset(
    {
        # The contract on a durable medium: Directive 2011/83/EU, article 8(7).
        EventKind.PURCHASED,
        # The receipt of a cancellation, at once and in text: BGB section 312k(4).
        EventKind.CANCEL_REQUESTED,
        EventKind.ENDED,
        # The receipt of a declaration: the same, and Directive (EU) 2023/2673, article 11a.
        EventKind.DECLARED,
        # Unanswered, what somebody declared in this person's name is carried out.
        EventKind.DECLARATION_ASKED,
        # Ahead of an automatic renewal: California B&P Code section 17602.
        EventKind.RENEWAL_UPCOMING,
        EventKind.TRIAL_ENDING,
        EventKind.PROMOTION_ENDING,
        EventKind.YEARLY_REMINDER,
        # A price is charged only where it was told of in time.
        EventKind.PRICE_CHANGING,
        # Just asked for by the person at this address.
        EventKind.LINK_ASKED,
        EventKind.RESET_ASKED,
        EventKind.EMAIL_ASKED,
        EventKind.TICKET_ASKED,
    }
)
"""Kinds that are mailed even after a complaint: the law or the person asks for them."""


def may_be_sent(kind: EventKind, stop: MailStop | None) -> bool:
    """Tests whether mail about such an event goes to an address: never where it cannot arrive."""
    if stop is None:
        return True
    return stop.reason is StopReason.COMPLAINED and kind in SENT_ALL_THE_SAME


def stop_of(returned: Returned) -> MailStop:
    return MailStop(
        returned.merchant,
        email_hash(returned.merchant, returned.email),
        returned.reason,
        returned.at,
        returned.code,
    )


def outweighs(new: MailStop, current: MailStop) -> bool:
    """Tests whether a new stop has a stronger reason than the present one; a repeated report has
    not."""
    return new.reason is StopReason.BOUNCED and current.reason is StopReason.COMPLAINED
