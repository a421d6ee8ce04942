"""Erasure of the hashes by which a person is known: what they used of coupons, and their trials
(A-6, C-8, C-9).

They outlive a customer who is erased, for the rules on one person count on them, and go with the
merchant who asks for those rules no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from billing.kernel.customers import PaymentMethod
from billing.kernel.persons import customer_subject, subjects
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.writes import Remove, Write

AT_ONCE = 1_000


def of_customer(ports: Ports, history: History) -> list[Write]:
    """Returns the writes that remove what a customer is known by, under every email and card."""
    owner = history.customer
    assert owner is not None, "read with their history"
    emails = {owner.email, *(invoice.bill_to.email for invoice in history.invoices)}
    cards = (*history.methods, *history.removed_methods)
    known = [customer_subject(owner.merchant, owner.id)]
    for email in sorted(emails):
        known += of_mailbox(owner.merchant, email, cards)
    return removed(ports, owner.merchant, known)


def of_mailbox(merchant: str, email: str, cards: Iterable[PaymentMethod]) -> list[str]:
    """Returns the hashes of a mailbox and of cards."""
    found = [subject for card in cards for subject in subjects(merchant, email, card)]
    return found or list(subjects(merchant, email, None))


def removed(ports: Ports, merchant: str, known: Iterable[str]) -> list[Write]:
    """Returns the writes that remove all uses of these hashes."""
    gone: list[Write] = []
    for subject in dict.fromkeys(known):
        trial = ports.store.trial_use(merchant, subject)
        gone += () if trial is None else (Remove(trial),)
        gone += map(Remove, ports.store.coupon_uses_of(merchant, subject, AT_ONCE))
    return gone
