"""The public types of events, and what each is about (M-5).

A type is `noun.past_tense`. It is a name that merchants' programs know, so it never changes. Kinds
that are not here are between us and one person: links, sign-ins, the platform's own accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from billing.kernel.outbox_events import EventKind


class PublicType(StrEnum):
    """The type of an event in the API."""

    PURCHASE_COMPLETED = "purchase.completed"
    SUBSCRIPTION_IMPORTED = "subscription.imported"
    SUBSCRIPTION_RENEWED = "subscription.renewed"
    SUBSCRIPTION_PAUSED = "subscription.paused"
    SUBSCRIPTION_RESUMED = "subscription.resumed"
    SUBSCRIPTION_ENDED = "subscription.ended"
    CANCELLATION_REQUESTED = "cancellation.requested"
    CANCELLATION_UNDONE = "cancellation.undone"
    PLAN_CHANGED = "plan.changed"
    PLAN_CHANGE_SCHEDULED = "plan_change.scheduled"
    FREEZE_SCHEDULED = "freeze.scheduled"
    FREEZE_UNDONE = "freeze.undone"
    RENEWAL_ANNOUNCED = "renewal.announced"
    TRIAL_END_ANNOUNCED = "trial_end.announced"
    CARD_EXPIRY_ANNOUNCED = "card_expiry.announced"
    CARD_REQUESTED = "card.requested"
    PAYMENT_FAILED = "payment.failed"
    AUTHENTICATION_REQUESTED = "authentication.requested"
    INVOICE_VOIDED = "invoice.voided"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_RETURNED = "refund.returned"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_WON = "dispute.won"
    DISPUTE_LOST = "dispute.lost"
    CUSTOMER_UPDATED = "customer.updated"
    TICKET_OPENED = "ticket.opened"
    TICKET_REPLIED = "ticket.replied"
    TICKET_REASSIGNED = "ticket.reassigned"
    TICKET_APPROVED = "ticket.approved"
    TICKET_DECLINED = "ticket.declined"
    ACCESS_CHANGED = "customer.access_changed"
    FIGURES_DAY_CLOSED = "figures.day_closed"


class About(StrEnum):
    """The object that an event shows."""

    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    REFUND = "refund"
    DISPUTE = "dispute"
    CUSTOMER = "customer"
    TICKET = "ticket"
    ACCESS = "access"
    FIGURES = "figures"


PUBLIC: Mapping[EventKind, tuple[PublicType, About]] = {
    EventKind.PURCHASED: (PublicType.PURCHASE_COMPLETED, About.INVOICE),
    EventKind.RENEWED: (PublicType.SUBSCRIPTION_RENEWED, About.SUBSCRIPTION),
    EventKind.IMPORTED: (PublicType.SUBSCRIPTION_IMPORTED, About.SUBSCRIPTION),
    EventKind.PAUSED: (PublicType.SUBSCRIPTION_PAUSED, About.SUBSCRIPTION),
    EventKind.RESUMED: (PublicType.SUBSCRIPTION_RESUMED, About.SUBSCRIPTION),
    EventKind.ENDED: (PublicType.SUBSCRIPTION_ENDED, About.SUBSCRIPTION),
    EventKind.CANCEL_REQUESTED: (PublicType.CANCELLATION_REQUESTED, About.SUBSCRIPTION),
    EventKind.CANCEL_UNDONE: (PublicType.CANCELLATION_UNDONE, About.SUBSCRIPTION),
    EventKind.PLAN_CHANGED: (PublicType.PLAN_CHANGED, About.SUBSCRIPTION),
    EventKind.PLAN_ASKED: (PublicType.PLAN_CHANGE_SCHEDULED, About.SUBSCRIPTION),
    EventKind.FREEZE_ASKED: (PublicType.FREEZE_SCHEDULED, About.SUBSCRIPTION),
    EventKind.FREEZE_UNDONE: (PublicType.FREEZE_UNDONE, About.SUBSCRIPTION),
    EventKind.RENEWAL_UPCOMING: (PublicType.RENEWAL_ANNOUNCED, About.SUBSCRIPTION),
    EventKind.TRIAL_ENDING: (PublicType.TRIAL_END_ANNOUNCED, About.SUBSCRIPTION),
    EventKind.CARD_EXPIRING: (PublicType.CARD_EXPIRY_ANNOUNCED, About.SUBSCRIPTION),
    EventKind.NEW_CARD_NEEDED: (PublicType.CARD_REQUESTED, About.SUBSCRIPTION),
    EventKind.PAYMENT_FAILED: (PublicType.PAYMENT_FAILED, About.INVOICE),
    EventKind.ACTION_NEEDED: (PublicType.AUTHENTICATION_REQUESTED, About.INVOICE),
    EventKind.PAYMENT_VOID: (PublicType.INVOICE_VOIDED, About.INVOICE),
    EventKind.REFUNDED: (PublicType.REFUND_SUCCEEDED, About.REFUND),
    EventKind.REFUND_RETURNED: (PublicType.REFUND_RETURNED, About.REFUND),
    EventKind.DISPUTE_OPENED: (PublicType.DISPUTE_OPENED, About.DISPUTE),
    EventKind.DISPUTE_WON: (PublicType.DISPUTE_WON, About.DISPUTE),
    EventKind.DISPUTE_LOST: (PublicType.DISPUTE_LOST, About.DISPUTE),
    EventKind.DETAILS_CHANGED: (PublicType.CUSTOMER_UPDATED, About.CUSTOMER),
    EventKind.TICKET_OPENED: (PublicType.TICKET_OPENED, About.TICKET),
    EventKind.TICKET_REPLIED: (PublicType.TICKET_REPLIED, About.TICKET),
    EventKind.TICKET_REASSIGNED: (PublicType.TICKET_REASSIGNED, About.TICKET),
    EventKind.TICKET_APPROVED: (PublicType.TICKET_APPROVED, About.TICKET),
    EventKind.TICKET_DECLINED: (PublicType.TICKET_DECLINED, About.TICKET),
}
"""The public type of each kind of outbox event that has one."""

MAY_CHANGE_ACCESS = frozenset(
    {
        EventKind.PURCHASED,
        EventKind.IMPORTED,
        EventKind.RENEWED,
        EventKind.PAUSED,
        EventKind.RESUMED,
        EventKind.ENDED,
        EventKind.CANCEL_REQUESTED,
        EventKind.CANCEL_UNDONE,
        EventKind.PLAN_CHANGED,
        EventKind.FREEZE_ASKED,
        EventKind.FREEZE_UNDONE,
        EventKind.PAYMENT_FAILED,
        EventKind.PAYMENT_VOID,
        EventKind.REFUNDED,
        EventKind.DISPUTE_OPENED,
        EventKind.DISPUTE_WON,
        EventKind.DISPUTE_LOST,
    }
)
"""The kinds with which a customer's access is logged too: it begins, ends, or its end moves."""
