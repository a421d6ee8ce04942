"""Outbox events: written in the transaction of the change, delivered afterwards, once (R-8)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.snapshots import Snapshot, TicketSnapshot
from billing.kernel.writes import Entity


class EventKind(StrEnum):
    """Kinds of outbox event: most are mailed, a void payment is cancelled at the gateway.

    A subscription that was imported is mailed only where its merchant wants that.
    """

    PURCHASED = "purchased"
    RENEWED = "renewed"
    PAYMENT_FAILED = "payment_failed"
    ACTION_NEEDED = "action_needed"
    RENEWAL_UPCOMING = "renewal_upcoming"
    TRIAL_ENDING = "trial_ending"
    PROMOTION_ENDING = "promotion_ending"
    YEARLY_REMINDER = "yearly_reminder"
    PRICE_CHANGING = "price_changing"
    PRICE_KEPT = "price_kept"
    PAUSE_ENDING = "pause_ending"
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
    OFFER_SHOWN = "offer_shown"
    OFFER_TAKEN = "offer_taken"
    DECLARED = "declared"
    DECLARATION_ASKED = "declaration_asked"
    IMPORTED = "imported"


class LeftOut(StrEnum):
    """The reason why no mail was sent for an outbox event.

    A later event made it untrue, its merchant is disarmed (W-5), there is nobody to send it to, its
    customer was erased (M-8), its offer has expired, or the address is suppressed.
    """

    UNTRUE = "untrue"
    DISARMED = "disarmed"
    NOBODY = "nobody"
    ERASED = "erased"
    EXPIRED = "expired"
    WITHHELD = "withheld"


class OutboxEvent(Entity):
    """One event in the outbox; `id` is derived from its cause, so that it cannot be written twice.

    `was` and `ticket_was` are the state of its subject at that time; None in events of older code,
    whose mails use the state when they are sent. `until` is how long an ended account is kept, or
    when the window of a prescribed notice closes. `email` is the recipient where that is not the
    customer's email. `claimed_until` is the end of the consumer's claim. `correlation` names the
    request or sweep that caused it, and is set when it is written. `left_out` is set before an
    event is removed that was not mailed. `done` names the consumers that need not see it again, and
    mails that went out, and `failures` counts the deliveries in which a consumer failed; both are
    written only then.
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
    done: tuple[str, ...] = ()
    failures: int = 0
