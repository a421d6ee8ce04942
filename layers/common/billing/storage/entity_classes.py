"""The classes of stored entities, each imported when its first item is read.

A class costs every cold start half a millisecond, and no function reads more than a few.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from billing.kernel.writes import Entity

Decoded = Any
"""An entity of a class that only its item names.

It is the one place where types end: an address says which class is found there (`Key[Merchant]`),
and both adapters take its word for what they decoded, or have kept.
"""

ENTITIES = {
    name: module
    for module, names in {
        "accounts.accounts": (
            "Account",
            "AccountEmail",
        ),
        "kernel.catalog": (
            "Product",
            "PricePoint",
        ),
        "kernel.branding": (
            "Branding",
            "MailText",
        ),
        "checkout.checkouts": ("Checkout",),
        "kernel.customers": (
            "Consent",
            "Customer",
            "EmailPointer",
            "Entitlement",
            "PaymentMethod",
            "PurchaseBillTo",
        ),
        "declarations.declarations": (
            "Declaration",
            "DeclarationOf",
        ),
        "refunds.chargebacks": ("Chargeback",),
        "kernel.domains": ("Domain",),
        "kernel.forecasts": ("ForecastRollup",),
        "kernel.samples": ("SamplePlace",),
        "event_log.logged_events": (
            "EventHour",
            "LoggedEvent",
        ),
        "figures.closing": ("ClosedDays",),
        "figures.month_totals": (
            "CountedMonth",
            "MonthTotals",
        ),
        "figures.movements": (
            "CustomerFigures",
            "Movement",
        ),
        "figures.sums": (
            "FigureBook",
            "FigureSums",
        ),
        "kernel.outbox_events": ("Fact",),
        "kernel.ledger": ("LedgerEntry",),
        "kernel.list_rows": (
            "PlanRow",
            "WordRow",
        ),
        "outbox.suppressions": ("MailStop",),
        "kernel.merchants": (
            "ApiKey",
            "Merchant",
        ),
        "kernel.operation": (
            "BillingSwitch",
            "Trouble",
        ),
        "kernel.orders": ("Order",),
        "kernel.invoices": (
            "Invoice",
            "InvoiceCounter",
        ),
        "kernel.issued_documents": ("IssuedDocument",),
        "kernel.payment_refs": ("PaymentPointer",),
        "refunds.refunds": ("Refund",),
        "notices.reminders": ("Reminder",),
        "notices.records": (
            "MissedNotice",
            "NoticeRecord",
        ),
        "kernel.subscription": ("Subscription",),
        "helpdesk.messages": ("Message",),
        "helpdesk.tickets": (
            "Ticket",
            "TicketOf",
        ),
        "checkout.trials": ("TrialUse",),
        "coupons.coupons": (
            "Coupon",
            "CouponUse",
        ),
        "tax.registrations": ("TaxSetup",),
        "tax.rates": ("TaxPlace",),
        "tax.sums": (
            "SalesYear",
            "TaxDay",
        ),
        "team.members": (
            "Person",
            "PersonEmail",
            "Team",
        ),
        "jobs.jobs": (
            "Job",
            "JobLine",
        ),
        "migration.exports": ("Export",),
        "migration.imports": (
            "Import",
            "ImportMapping",
        ),
        "migration.import_rows": (
            "ImportClaim",
            "ImportedRow",
        ),
        "webhooks.endpoints": ("WebhookEndpoint",),
        "webhooks.deliveries": ("Delivery",),
    }.items()
    for name in names
}
"""Maps an entity's stored name to its module.

The stored name is an item's `type`; it never changes.
"""

RENAMED = {"Fact": "OutboxEvent", "Trouble": "ProcessingFailure"}
"""Maps a stored name to its class, where the class was renamed. Items keep the stored name."""

_STORED = {cls: name for name, cls in RENAMED.items()}


@cache
def class_of(name: str) -> type[Entity] | None:
    """Returns the class of items of a type; None for a type of a newer version of the code."""
    module = ENTITIES.get(name)
    if module is None:
        return None
    found: type[Entity] = getattr(import_module(f"billing.{module}"), RENAMED.get(name, name))
    return found


def stored_name(cls: type[Entity]) -> str:
    """Returns the `type` under which entities of a class are stored."""
    return _STORED.get(cls.__name__, cls.__name__)
