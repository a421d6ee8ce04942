"""The classes of stored entities, each imported when the first of its items is read.

A class costs every cold start half a millisecond, and no function reads more than a few.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

ENTITIES = {
    name: module
    for module, names in {
        "accounts": ("Account", "AccountEmail"),
        "catalog": ("Product", "PricePoint"),
        "checkouts": ("Checkout",),
        "customers": (
            "Consent",
            "Customer",
            "EmailPointer",
            "Entitlement",
            "PaymentMethod",
            "PurchaseBillTo",
        ),
        "disputes": ("Chargeback",),
        "domains": ("Domain",),
        "facts": ("Fact",),
        "ledger": ("LedgerEntry",),
        "mail_stops": ("MailStop",),
        "merchants": ("ApiKey", "Merchant"),
        "operation": ("BillingSwitch", "Trouble"),
        "orders": ("Invoice", "InvoiceCounter", "Order"),
        "payments": ("PaymentPointer",),
        "refunds": ("Refund",),
        "reminders": ("Reminder",),
        "subscription": ("Subscription",),
        "tickets": ("Message", "Ticket", "TicketOf"),
        "trials": ("TrialUse",),
    }.items()
    for name in names
}
"""The module of each entity, by the name stored as an item's `type`: renaming one of these classes
orphans its items."""


@cache
def class_of(name: str) -> type | None:
    """The class of items of that type; None for what a newer version of the code put there."""
    module = ENTITIES.get(name)
    if module is None:
        return None
    found: type = getattr(import_module(f"billing.{module}"), name)
    return found
