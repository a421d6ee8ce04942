"""When each type of event happens, and what its object is, in words (M-5).

The OpenAPI document and docs/webhooks.md are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from billing.event_log.public_events import PUBLIC, About, PublicType

WHEN: Mapping[PublicType, str] = {
    PublicType.PURCHASE_COMPLETED: "Somebody bought something: it is paid, or a trial began.",
    PublicType.SUBSCRIPTION_IMPORTED: "A subscription was moved here: it is charged here now.",
    PublicType.SUBSCRIPTION_RENEWED: "A renewal was paid, and the next period began.",
    PublicType.SUBSCRIPTION_PAUSED: "A subscription was paused: nothing is charged.",
    PublicType.SUBSCRIPTION_RESUMED: "A paused subscription goes on.",
    PublicType.SUBSCRIPTION_ENDED: "A subscription ended, whatever the reason.",
    PublicType.CANCELLATION_REQUESTED: "A subscription is to end with its period.",
    PublicType.CANCELLATION_UNDONE: "A cancellation was taken back before it took effect.",
    PublicType.PLAN_CHANGED: "A subscription has another plan from now on.",
    PublicType.PLAN_CHANGE_SCHEDULED: "The next payment begins another plan.",
    PublicType.FREEZE_SCHEDULED: "The next payment begins a freeze.",
    PublicType.FREEZE_UNDONE: "A freeze was taken back, or ended.",
    PublicType.RENEWAL_ANNOUNCED: "The notice of a coming renewal was sent.",
    PublicType.TRIAL_END_ANNOUNCED: "The notice of the end of a trial was sent.",
    PublicType.CARD_EXPIRY_ANNOUNCED: "The notice of an expiring card was sent.",
    PublicType.CARD_REQUESTED: "A subscription needs another card.",
    PublicType.PAYMENT_FAILED: "A payment was declined.",
    PublicType.AUTHENTICATION_REQUESTED: "A payment waits for the buyer's bank.",
    PublicType.INVOICE_VOIDED: "An open invoice was withdrawn.",
    PublicType.REFUND_SUCCEEDED: "A refund was made.",
    PublicType.REFUND_RETURNED: "A refund was sent back by the bank.",
    PublicType.DISPUTE_OPENED: "A payment was disputed.",
    PublicType.DISPUTE_WON: "A dispute was decided for you.",
    PublicType.DISPUTE_LOST: "A dispute was decided for the buyer.",
    PublicType.CUSTOMER_UPDATED: "A customer's email, name or address changed.",
    PublicType.TICKET_OPENED: "A ticket was opened.",
    PublicType.TICKET_REPLIED: "Somebody replied to a ticket.",
    PublicType.TICKET_REASSIGNED: "A ticket was passed on to another department.",
    PublicType.TICKET_APPROVED: "A request was approved.",
    PublicType.TICKET_DECLINED: "A request was declined.",
    PublicType.ACCESS_CHANGED: "What a customer may use changed, or when it ends.",
    PublicType.FIGURES_DAY_CLOSED: "A day's figures were compared with its orders, two days later, "
    "or something late changed them since.",
}

WHEN_TESTED = "You asked for a test event. It is in no log, and goes to the endpoint you try alone."
"""When `endpoint.tested` happens, which no endpoint has to ask for."""

OBJECTS: Mapping[About, str] = {
    About.SUBSCRIPTION: "The subscription, as `GET /v1/subscriptions/{id}` shows it.",
    About.INVOICE: "The invoice, as `GET /v1/invoices` lists it, with its customer.",
    About.REFUND: "The refund: its order, invoice, customer, amount and state.",
    About.DISPUTE: "The dispute: its order, invoice, customer, amount and state.",
    About.CUSTOMER: "The customer's id, and what changed; ask `GET /v1/customers/{id}`.",
    About.ACCESS: "The customer's grants: which are active, and until when.",
    About.FIGURES: "The figures of a day in your time zone, by currency, as `GET /v1/figures` "
    "shows them; its id is the day. `revision` is higher each time the day is sent again.",
    About.TICKET: "The ticket's id, state, department and customer.",
}

TESTED = "The endpoint: its id alone."
"""The object of `endpoint.tested`."""

ABOUT: Mapping[PublicType, About] = {
    **dict(PUBLIC.values()),
    PublicType.ACCESS_CHANGED: About.ACCESS,
    PublicType.FIGURES_DAY_CLOSED: About.FIGURES,
}
"""The object of each type."""

FLOWS: Mapping[str, tuple[PublicType, ...]] = {
    "A purchase that renews": (
        PublicType.PURCHASE_COMPLETED,
        PublicType.RENEWAL_ANNOUNCED,
        PublicType.SUBSCRIPTION_RENEWED,
    ),
    "A trial": (
        PublicType.PURCHASE_COMPLETED,
        PublicType.TRIAL_END_ANNOUNCED,
        PublicType.SUBSCRIPTION_RENEWED,
    ),
    "A declined renewal that is paid later": (
        PublicType.PAYMENT_FAILED,
        PublicType.CARD_REQUESTED,
        PublicType.SUBSCRIPTION_RENEWED,
    ),
    "A declined renewal that is never paid": (
        PublicType.PAYMENT_FAILED,
        PublicType.INVOICE_VOIDED,
        PublicType.SUBSCRIPTION_ENDED,
    ),
    "A renewal that the bank asks about": (
        PublicType.AUTHENTICATION_REQUESTED,
        PublicType.SUBSCRIPTION_RENEWED,
    ),
    "A cancellation for the end of the period": (
        PublicType.CANCELLATION_REQUESTED,
        PublicType.SUBSCRIPTION_ENDED,
    ),
    "A pause": (
        PublicType.SUBSCRIPTION_PAUSED,
        PublicType.ACCESS_CHANGED,
        PublicType.SUBSCRIPTION_RESUMED,
    ),
    "A change of plan for the next payment": (
        PublicType.PLAN_CHANGE_SCHEDULED,
        PublicType.PLAN_CHANGED,
    ),
    "A dispute": (PublicType.DISPUTE_OPENED, PublicType.DISPUTE_WON),
    "A dispute that is lost": (
        PublicType.DISPUTE_OPENED,
        PublicType.DISPUTE_LOST,
        PublicType.SUBSCRIPTION_ENDED,
    ),
}
"""The usual order of the events of one purchase."""
