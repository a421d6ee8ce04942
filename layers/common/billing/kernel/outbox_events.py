"""Facts for the outbox: written in the transaction that makes them true, told afterwards, once
(R-8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.kernel.snapshots import Snapshot, TicketSnapshot


class EventKind(StrEnum):
    """What the outside is told about: customers by mail, of a void payment the gateway."""

    PURCHASED = "purchased"
    RENEWED = "renewed"
    PAYMENT_FAILED = "payment_failed"
    ACTION_NEEDED = "action_needed"
    RENEWAL_UPCOMING = "renewal_upcoming"
    TRIAL_ENDING = "trial_ending"
    CARD_EXPIRING = "card_expiring"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_UNDONE = "cancel_undone"
    PAUSED = "paused"
    RESUMED = "resumed"
    PLAN_CHANGED = "plan_changed"
    PLAN_ASKED = "plan_asked"
    FREEZE_ASKED = "freeze_asked"
    FREEZE_UNDONE = "freeze_undone"
    ENDED = "ended"
    REFUNDED = "refunded"
    REFUND_RETURNED = "refund_returned"
    DETAILS_CHANGED = "details_changed"
    LINK_ASKED = "link_asked"
    ACCOUNT_EXISTS = "account_exists"
    ACCOUNT_ENDED = "account_ended"
    ACCOUNT_ACTIVE = "account_active"
    RESET_ASKED = "reset_asked"
    CREDENTIALS_CHANGED = "credentials_changed"
    EMAIL_ASKED = "email_asked"
    TICKET_ASKED = "ticket_asked"
    TICKET_OPENED = "ticket_opened"
    NEW_CARD_NEEDED = "new_card_needed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    TICKET_REPLIED = "ticket_replied"
    TICKET_REASSIGNED = "ticket_reassigned"
    TICKET_APPROVED = "ticket_approved"
    TICKET_DECLINED = "ticket_declined"
    PAYMENT_VOID = "payment_void"


class LeftOut(StrEnum):
    """Why no mail went out about a fact: a later event made it untrue, its merchant is disarmed
    (W-5), nobody is there to be told, its customer was erased (M-8), what it offers has expired, or
    the address takes no mail."""

    UNTRUE = "untrue"
    DISARMED = "disarmed"
    NOBODY = "nobody"
    ERASED = "erased"
    EXPIRED = "expired"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One fact; `id` is derived from what made it true, so that it cannot be written twice.

    `was` and `ticket_was` are what it is about, as it stood then; None in facts of older code,
    whose mails say how it stands when they are sent. `until` is how long an ended account is kept.
    `email` is whom to tell where that is not the customer's email. `claimed_until` is the lease of
    the consumer that is telling it; `correlation` names the request or sweep that made it true, and
    is put in when it is written. `left_out` is set before a fact goes that was not mailed.
    """

    id: str
    kind: EventKind
    merchant: str
    customer: str
    at: datetime
    shard: int
    invoice: str | None = None
    subscription: str | None = None
    code: str | None = None
    claimed_until: datetime | None = None
    correlation: str | None = None
    was: Snapshot | None = None
    ticket_was: TicketSnapshot | None = None
    until: datetime | None = None
    email: str | None = None
    left_out: LeftOut | None = None
