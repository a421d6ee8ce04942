"""What an event keeps for the mail about it: how things stood when it happened (R-8).

A mail may go out hours later, when they stand otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.kernel.catalog import PriceTerms
from billing.kernel.money import Money
from billing.kernel.subscription import TERMINAL, Source, State, Subscription


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What mails say of a subscription, as it was at an event.

    `terms` are those in force, `next_terms` those of the next payment where they are others;
    `credit_minor` is taken off it. `retry_at` is when a failed payment is tried again,
    `reference` the Order ID of a cancellation.
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

    @property
    def is_live(self) -> bool:
        return self.state not in TERMINAL

    @property
    def renewing_terms(self) -> PriceTerms:
        """The terms that the next payment is made on."""
        return self.next_terms or self.terms

    @property
    def announces(self) -> tuple[object, ...]:
        """What of it is still to come: another value makes a mail that names it untrue."""
        return (
            self.product_name,
            self.renewing_terms,
            self.credit_minor,
            self.next_charge_at,
            self.access_until,
        )


def of(subscription: Subscription, *, reference: str | None = None) -> Snapshot:
    """The subscription as it stands; `reference` where its request is not on it any more."""
    renewing = subscription.renewing().terms
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
    )


@dataclass(frozen=True, slots=True)
class TicketSnapshot:
    """What mails say of a ticket, as it was at an event.

    `due_at` is the last day of its decision. A cancellation that was approved after a charge that
    stands names that charge: when, how much, and when it ends after it (X-8).
    """

    department: str
    due_at: datetime | None = None
    charge_at: datetime | None = None
    ends_at: datetime | None = None
    amount: Money | None = None
