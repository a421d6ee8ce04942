"""Lists of an account: refunds and chargebacks of a payment, past events (W-1, W-4).

Lists are immediate, as Stripe's search is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import stripe

from billing.gateways.stripe import events as stripe_events
from billing.gateways.stripe.client import field_of, with_advice
from billing.kernel.gateways import (
    Dispute,
    DisputeStanding,
    GatewayEvent,
    GatewayRefund,
    RefundFailed,
    RefundSucceeded,
)
from billing.kernel.money import Currency, Money

if TYPE_CHECKING:
    from stripe.params import EventListParamsCreated

AT_ONCE = 100

REFUND_FAILED = frozenset({"failed", "canceled"})
"""Statuses of a refund that failed; the others have taken the money from the merchant
(https://docs.stripe.com/api/refunds/object#refund_object-status)."""

STANDINGS = {
    "needs_response": DisputeStanding.OPEN,
    "under_review": DisputeStanding.OPEN,
    "won": DisputeStanding.WON,
    "lost": DisputeStanding.LOST,
}
"""Maps Stripe's dispute statuses to ours
(https://docs.stripe.com/api/disputes/object#dispute_object-status).

The others are inquiries, and disputes that were settled before they became a chargeback: no money
moved.
"""


def refunds(
    client: stripe.StripeClient, reference: str, ours: Sequence[str]
) -> list[GatewayRefund]:
    """Lists every refund of a payment, oldest first; ours have our key in the metadata."""
    listed = client.v1.refunds.list({"payment_intent": reference, "limit": AT_ONCE})
    newest_first = [
        GatewayRefund(
            id=each.id,
            key=key if (key := with_advice(each.metadata, "refund")) in ours else None,
            amount=Money(each.amount, Currency(each.currency.upper())),
            outcome=refunded(each),
        )
        for each in listed.auto_paging_iter()
    ]
    return newest_first[::-1]


def refunded(refund: stripe.Refund) -> RefundSucceeded | RefundFailed:
    """Maps a refund to its outcome.

    One that succeeded may have failed since (https://docs.stripe.com/refunds#failed-refunds).
    """
    if refund.status in REFUND_FAILED:
        return RefundFailed(field_of(refund, "failure_reason") or refund.status or "refund_failed")
    return RefundSucceeded(refund.id)


def disputes(client: stripe.StripeClient, reference: str) -> list[Dispute]:
    """Lists the chargebacks of a payment, oldest first."""
    listed = client.v1.disputes.list({"payment_intent": reference, "limit": AT_ONCE})
    found = [
        Dispute(
            id=each.id,
            standing=STANDINGS[each.status],
            amount=Money(each.amount, Currency(each.currency.upper())),
            reference=reference,
            opened_at=datetime.fromtimestamp(each.created, tz=UTC),
        )
        for each in listed.auto_paging_iter()
        if each.status in STANDINGS
    ]
    return sorted(found, key=lambda dispute: dispute.opened_at)


def events(
    client: stripe.StripeClient, start: datetime, end: datetime | None, *, whole: bool
) -> tuple[list[GatewayEvent], bool]:
    """Lists the newest events of a span, oldest first, and tells whether there are more of it.

    `whole` lists all of them.
    """
    created: EventListParamsCreated = {"gte": int(start.timestamp())}
    if end is not None:
        created["lt"] = int(end.timestamp())
    listed = client.v1.events.list({"created": created, "limit": AT_ONCE})
    shown = listed.auto_paging_iter() if whole else listed.data
    found = [stripe_events.from_object(event.to_dict()) for event in shown]
    return found[::-1], listed.has_more and not whole
