"""The state that an outbox event keeps for the mail about it (R-8).

A mail may be sent hours later, when that state has changed.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel.catalog import PriceTerms
from billing.kernel.discounts import Discount
from billing.kernel.money import Money
from billing.kernel.subscription import TERMINAL, Source, State, Subscription
from billing.kernel.values import Value


class Snapshot(Value):
    """The subscription details that mails show, as of an event.

    `terms` are those in force, `next_terms` those of the next payment if they differ;
    `credit_minor` and `discount` are taken off it. `retry_at` is when a failed payment is tried
    again, `reference` the Order ID of a cancellation, `resumes_at` the end of a pause.
    """

    product_name: str
    state: State
    terms: PriceTerms
    zone: str
    next_terms: PriceTerms | None = None
    credit_minor: int = 0
    next_charge_at: datetime | None = None
    access_until: datetime | None = None
    retry_at: datetime | None = None
    reference: str | None = None
    ended_by: Source | None = None
    discount: Discount | None = None
    resumes_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.state not in TERMINAL

    @property
    def renewing_terms(self) -> PriceTerms:
        """The terms of the next payment."""
        return self.next_terms or self.terms

    @property
    def announces(self) -> tuple[object, ...]:
        """The values that concern the future; once one changes, a mail that states it is untrue."""
        return (
            self.product_name,
            self.renewing_terms,
            self.credit_minor,
            self.next_charge_at,
            self.access_until,
            self.discount,
        )


def of(subscription: Subscription, *, reference: str | None = None) -> Snapshot:
    """Returns a snapshot of a subscription.

    `reference` is given where the cancellation request is no longer on the subscription.
    """
    renewed = subscription.renewing()
    renewing = renewed.terms
    asked = subscription.cancelling
    return Snapshot(
        product_name=subscription.product_name,
        state=subscription.state,
        terms=subscription.terms,
        zone=subscription.anchor.zone,
        next_terms=None if renewing == subscription.terms else renewing,
        credit_minor=subscription.credit_minor,
        next_charge_at=subscription.next_charge_at,
        access_until=subscription.access_until,
        retry_at=subscription.retry_at,
        reference=reference or (asked.order if asked else None),
        ended_by=subscription.ended_by,
        discount=renewed.next_discount,
        resumes_at=subscription.resumes_at,
    )


class TicketSnapshot(Value):
    """The ticket details that mails show, as of an event.

    `due_at` is the last day for its decision. If a cancellation is approved after a charge that is
    kept, the snapshot names that charge: its date, its amount, and when the subscription ends after
    it (X-8).
    """

    department: str
    due_at: datetime | None = None
    charge_at: datetime | None = None
    ends_at: datetime | None = None
    amount: Money | None = None
