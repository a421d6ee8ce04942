"""The kinds of movement of figures, and what each is summed up for (M-10)."""

from __future__ import annotations

from enum import StrEnum


class MovementKind(StrEnum):
    """The kinds of movement; those from `trial` on move figures beside recurring revenue."""

    NEW = "new"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    REACTIVATION = "reactivation"
    PAUSED = "paused"
    RESUMED = "resumed"
    IMPORTED = "imported"
    MOVED = "moved"
    TRIAL = "trial"
    PENDING = "pending"
    TRIAL_BEGUN = "trial_begun"
    TRIAL_ENDED = "trial_ended"
    TRIAL_PAID = "trial_paid"
    FAILURE_BEGUN = "failure_begun"
    FAILURE_PAID = "failure_paid"
    FAILURE_CANCELLED = "failure_cancelled"
    FAILURE_LOST = "failure_lost"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_UNDONE = "cancel_undone"
    CANCELLED = "cancelled"
    OFFER_SHOWN = "offer_shown"
    OFFER_TAKEN = "offer_taken"
    OFFER_LOST = "offer_lost"


OF_CASES = frozenset(
    {
        MovementKind.TRIAL_BEGUN,
        MovementKind.TRIAL_ENDED,
        MovementKind.TRIAL_PAID,
        MovementKind.FAILURE_BEGUN,
        MovementKind.FAILURE_PAID,
        MovementKind.FAILURE_CANCELLED,
        MovementKind.FAILURE_LOST,
        MovementKind.CANCEL_ASKED,
        MovementKind.CANCEL_UNDONE,
        MovementKind.CANCELLED,
    }
)
"""The kinds that are steps of cases."""

OF_OFFERS = frozenset({MovementKind.OFFER_SHOWN, MovementKind.OFFER_TAKEN, MovementKind.OFFER_LOST})
"""The kinds of save offers: shown, taken, and taken by a subscription that soon ended (X-11)."""

OF_MRR = frozenset(MovementKind) - {MovementKind.TRIAL, MovementKind.PENDING} - OF_CASES - OF_OFFERS
"""The kinds whose sum is the change of recurring revenue; `moved` is zero over all products."""

RETAINED = OF_MRR - {MovementKind.MOVED}
"""The kinds that a cohort's revenue is the sum of."""


class CustomerStep(StrEnum):
    """The step that a customer takes with a movement."""

    NEW = "new"
    RETURNED = "returned"
    IMPORTED = "imported"
    ENDED = "ended"
