"""Departments of a helpdesk: their scope and the questions they ask (H-1)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from billing.kernel.values import Value


class Ask(StrEnum):
    """A question that a department asks besides email, subject and text."""

    NAME = "name"
    ORDER = "order"
    SITE = "site"
    LOGIN = "login"
    BROWSER = "browser"
    RECORDINGS = "recordings"


class Department(Value):
    """A helpdesk department.

    `scope` is the description that people read before they choose it. `email` is notified of its
    tickets; without it, the merchant's own address is.
    """

    id: str
    name: str
    scope: str
    asks: tuple[Ask, ...] = ()
    email: str | None = None


ASK_BEFORE_BUYING = Department(
    "ask-before-buying",
    "Ask Before Buying",
    "Any question that you have before you buy.",
    (Ask.NAME,),
)
BILLING = Department(
    "billing",
    "Billing",
    "Payments, invoices, cards, plans, cancelling and refunds. Write from the email that you "
    "bought with: what you own is verified by it.",
    (Ask.NAME, Ask.ORDER, Ask.SITE, Ask.LOGIN),
)
AFFILIATE_PROGRAM = Department(
    "affiliate-program",
    "Affiliate Program",
    "For affiliates, and for those who want to become one.",
    (Ask.NAME, Ask.LOGIN),
)
TECHNICAL_SUPPORT = Department(
    "technical-support",
    "Technical Support",
    "Something does not work, you cannot log in, or your sign-in must be reset. Write from the "
    "present email of your account. Links to screen recordings help, any number of them.",
    (Ask.NAME, Ask.SITE, Ask.LOGIN, Ask.BROWSER, Ask.RECORDINGS),
)

PLATFORM = (ASK_BEFORE_BUYING, BILLING, AFFILIATE_PROGRAM, TECHNICAL_SUPPORT)
"""The platform's own four departments (H-1)."""

USUAL = (
    ASK_BEFORE_BUYING,
    Department("billing", "Billing", BILLING.scope, (Ask.NAME, Ask.ORDER)),
    Department(
        "technical-support",
        "Technical Support",
        "Something does not work as it should. Links to screen recordings help, any number of "
        "them.",
        (Ask.NAME, Ask.ORDER, Ask.BROWSER, Ask.RECORDINGS),
    ),
)
"""The departments that a new merchant starts with."""


def named(departments: Iterable[Department], department: str) -> Department | None:
    """Returns the department with an id, or None."""
    return next((each for each in departments if each.id == department), None)
