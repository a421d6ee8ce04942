"""Events, and what the bank does some time after an answer."""

from typing import Any

from dev.stripe import disputes, form, lists, refunds
from dev.stripe import payment_methods as methods
from dev.stripe.errors import StripeError
from dev.stripe.work import Object, Work

LIST: form.Fields = {
    **lists.CURSORS,
    "delivery_success": form.boolean,
    "type": form.text,
    "types": form.texts,
}

LISTENED = frozenset(
    {
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.refunded",
        "checkout.session.completed",
        "checkout.session.expired",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.automatically_updated",
        "refund.created",
        "refund.failed",
        "refund.updated",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
    }
)
"""The events that a webhook endpoint is sent; the others are only listed."""


def retrieve(work: Work, params: dict[str, Any], event: str) -> Object:
    return work.load("event", event)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    types = params.get("types") or ([params["type"]] if params.get("type") else None)
    delivered = params.get("delivery_success")
    found = (
        e
        for e in work.newest_first("event")
        if (types is None or _is_one_of(e["type"], types))
        and (delivered is None or (e["pending_webhooks"] == 0) == delivered)
    )
    return lists.page("/v1/events", found, params)


def happen(work: Work, action: str, subject: str) -> None:
    """Carries out one of the things left for later; what has become impossible is left out."""
    try:
        if action == "dispute":
            charge = work.load("charge", subject)
            card = methods.card_of(work.load("payment_method", charge["payment_method"]))
            disputes.opened(work, charge, card.dispute or "general", inquiry=card.inquiry)
        elif action == "refund":
            refunds.settled(work, work.load("refund", subject))
        elif action == "verdict":
            dispute = work.load("dispute", subject)
            disputes.decided(work, dispute, disputes.verdict(dispute) or "lost")
        elif action == "expire":
            from dev.stripe import checkout_sessions

            checkout_sessions.expired(work, work.load("checkout.session", subject))
    except StripeError:
        work.discard()


def _is_one_of(kind: str, wanted: list[str]) -> bool:
    return any(
        kind == each or (each.endswith(".*") and kind.startswith(each[:-1])) for each in wanted
    )
