"""One person: known by a mailbox and by a card, whatever they type (C-8, C-9).

Keys and logs must not reveal anybody, so a person is hashes of these.
"""

from __future__ import annotations

from hashlib import sha256

from billing.kernel.customers import PaymentMethod, normalised_email
from billing.kernel.values import replace

DOTS_DO_NOT_COUNT = frozenset({"gmail.com", "googlemail.com"})
"""Mail hosts that deliver whatever dots the name has (support.google.com/mail/answer/7436150)."""


def mailbox(email: str) -> str:
    """Normalizes an email to one spelling per mailbox.

    It has no tag after a plus, and no dots where they do not count.
    """
    name, _, host = normalised_email(email).rpartition("@")
    name = name.partition("+")[0] or name
    if host in DOTS_DO_NOT_COUNT:
        return f"{name.replace('.', '')}@gmail.com"
    return f"{name}@{host}"


def subjects(merchant: str, email: str, method: PaymentMethod | None) -> tuple[str, ...]:
    """Returns the hashes that identify a person by their mailbox, and by a card that has a
    fingerprint."""
    mailboxes = (_subject(merchant, f"email\n{mailbox(email)}"),)
    if method is None or method.fingerprint is None:
        return mailboxes
    return (*mailboxes, card_subject(replace(method, merchant=merchant)))


def card_subject(method: PaymentMethod) -> str:
    """Returns the hash that identifies a card with a fingerprint."""
    return _subject(method.merchant, f"card\n{method.gateway}\n{method.fingerprint}")


def customer_subject(merchant: str, customer: str) -> str:
    """Returns the hash that identifies a customer, whatever email and card they have."""
    return _subject(merchant, f"customer\n{customer}")


def _subject(merchant: str, known_by: str) -> str:
    return sha256(f"{merchant}\n{known_by}".encode()).hexdigest()[:32]
