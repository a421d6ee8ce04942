"""The trial guard: one paid or free trial per person, where a price point asks for it (C-9).

A person is known by a mailbox and by a card. Both are taken with the write past which money may
move, so that two checkouts that meet cannot both have the trial, and are given back if nothing is
paid.
"""

from __future__ import annotations

from datetime import datetime

from billing.checkout.checkouts import Checkout
from billing.kernel.customers import PaymentMethod
from billing.kernel.invoices import UNDER_WAY
from billing.kernel.persons import card_subject, mailbox, subjects
from billing.kernel.values import replace
from billing.kernel.writes import Entity, Insert, Remove, Write

__all__ = [
    "CODE",
    "TrialUse",
    "card_renewed",
    "card_subject",
    "given_back",
    "mailbox",
    "subjects",
    "taken",
]

CODE = "trial_used"


class TrialUse(Entity):
    """One person's trial at one merchant, taken by `purchase`.

    `subject` is the hash of a mailbox or a card.
    """

    merchant: str
    subject: str
    purchase: str
    taken_at: datetime


def taken(checkout: Checkout, now: datetime) -> tuple[Write, ...]:
    """Takes the trial; refused where one of its subjects is taken already."""
    return tuple(Insert(use) for use in _uses(checkout, now))


def card_renewed(
    before: PaymentMethod, use: TrialUse | None, after: PaymentMethod
) -> TrialUse | None:
    """Builds the trial of a card under its new number; `use` is that of its old one (W-7)."""
    if use is None or after.fingerprint in {None, before.fingerprint}:
        return None
    return replace(use, subject=card_subject(after))


def given_back(checkout: Checkout) -> tuple[Write, ...]:
    """Gives the trial back after an attempt that was not paid: the person may try again."""
    if checkout.invoice.state not in UNDER_WAY or not checkout.invoice.total:
        return ()  # It is taken at the point of no return, or with a $0 start that succeeded.
    at = checkout.created_at
    return tuple(Remove(use, expecting=("purchase",)) for use in _uses(checkout, at))


def _uses(checkout: Checkout, at: datetime) -> list[TrialUse]:
    if not checkout.terms.trial_guard:
        return []
    known = subjects(checkout.merchant, checkout.bill_to.email, checkout.method)
    return [TrialUse(checkout.merchant, subject, checkout.purchase, at) for subject in known]
