"""Kinds of due date in the due index, which sweeps query."""

from __future__ import annotations

from enum import StrEnum


class DueKind(StrEnum):
    """Kinds of due date in the due index; a subscription has one at a time (ARCHITECTURE.md, 4)."""

    BILL = "BILL"
    CANCEL = "CANCEL"
    CHECKOUT = "CHECKOUT"
    REFUND = "REFUND"
    TICKET = "TICKET"
    NOTICE = "NOTICE"
    ACCOUNT = "ACCOUNT"
    ERASE = "ERASE"
    JOB = "JOB"
    WEBHOOK = "WEBHOOK"
    ENDPOINT = "ENDPOINT"
