"""Mails about a change of plan or a freeze that takes no payment (A-4, A-5)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.snapshots import Snapshot
from billing.render.mails import Envelope, about_subscription


def plan_changed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a plan change without a payment, and the next charge (A-4)."""
    return about_subscription(envelope, was, "plan_changed")


def plan_asked(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about another plan, or this one after all, from the next payment on (A-4)."""
    return about_subscription(envelope, was, "plan_asked")


def freeze_asked(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a freeze from the next period on: its start and its price (A-5)."""
    return about_subscription(envelope, was, "freeze_asked")


def freeze_undone(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about an undone freeze: it goes on, and the next charge (A-5)."""
    return about_subscription(envelope, was, "freeze_undone")
