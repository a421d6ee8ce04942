"""Kinds of due date in the due index, which sweeps query."""

from __future__ import annotations

from enum import StrEnum


class DueKind(StrEnum):
    """Kinds of due date in the due index; a subscription has one at a time (ARCHITECTURE.md, 4).

    DECIDE is a person's last day to decide: no sweep acts on it, one that is late is an alarm.
    """

    BILL = "BILL"
    CANCEL = "CANCEL"
    CHECKOUT = "CHECKOUT"
    REFUND = "REFUND"
    TICKET = "TICKET"
    NOTICE = "NOTICE"
    ACCOUNT = "ACCOUNT"
    ERASE = "ERASE"
    JOB = "JOB"
    DECLARATION = "DECLARATION"
    DECIDE = "DECIDE"
    WEBHOOK = "WEBHOOK"
    ENDPOINT = "ENDPOINT"
