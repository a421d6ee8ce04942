"""The meaning of an attribute that a stored item lacks, by class and field, for ever.

An item lacks what was equal to the field's default when it was written, and what its version of the
code did not know. So an entry never changes and never goes: a default in a class is for what is to
come and may change, while every old item keeps what is written here. The codec reads no default of
a class at all. Meanings are plain: text for an enum or an instant, a dict for a value (the fields
missing in it mean what they mean in an item).
"""

from __future__ import annotations

from collections.abc import Mapping

from billing.storage.absent_state import STATE, Plain

WRITTEN_OUT = frozenset(
    {
        "ApiKey",
        "Branding",
        "Consent",
        "Coupon",
        "Customer",
        "MailText",
        "Merchant",
        "PricePoint",
        "Product",
        "TaxPlace",
        "TaxSetup",
    }
)
"""Entities that hold choices, of a merchant or of a customer: every value is stored.

Dataclasses in their fields are written out with them, such as settings, a retry schedule, or the
terms of a price. Two things are left out all the same: None where that is what absence means, which
versions before this one cannot read, and in the entries of a list what absence means there, because
a condition compares a list as a whole and older items have it so.

All others are left short, since most of them are written with every charge, by the kilobyte; what
they hold of choices (the terms and the language of a subscription) keeps its meaning by the entries
below alone.
"""


_BILLING_SCOPE = (
    "Payments, invoices, cards, plans, cancelling and refunds. Write from the email that you "
    "bought with: what you own is verified by it."
)

# An optional field that is not named here is None when it is absent.
CHOICES: Mapping[str, Mapping[str, Plain]] = {
    "ApiKey": {"scopes": ("read", "write"), "revoked_at": None, "made_by": None},
    "Merchant": {
        "settings": {},
        "website": None,
        "address": None,
        "terms_version": "1",
        "armed": True,
        "stopped": False,
        "suspended_from": None,
        "gateway_accounts": (),
        "domain": None,
        "live_keys": None,
        "link_key": None,
        "lists_complete_at": None,
        "catalog_listed_at": None,
        "events_since": None,
        "tax_since": None,
        "order_lists": 1,
        "identity": None,
        "branding": None,
        "webhooks_since": None,
        "sold_since": None,
    },
    "Settings": {
        "time_zone": "America/New_York",
        "currency": "USD",
        "language": "en",
        "portal": None,
        "self_cancel": "automatic",
        "self_refund": "off",
        "departments": {},
        "retry_schedule": {},
        "grace_days": None,
        "catch_up_days": 7,
        "revoke_on_dispute": False,
        "reminder_days": 7,
        "notice_days": 0,
        "undecided": "cancel",
        "confirmation_template": (
            "Your Order ID is {order_id}. Keep it: with it and your email you can see and change "
            "your billing."
        ),
        "freeze_price_minor": 999,
        "self_freeze": False,
        "self_pause": False,
        "self_coupon": False,
        "self_change_plan": False,
        "accounts": {},
        "custom_domain": None,
        "credit_at_end": "keep",
        "return_urls": (),
    },
    "Departments": {
        "cancel": "billing",
        "refund": "billing",
        "all": (
            {
                "id": "ask-before-buying",
                "name": "Ask Before Buying",
                "scope": "Any question that you have before you buy.",
                "asks": ("name",),
            },
            {
                "id": "billing",
                "name": "Billing",
                "scope": _BILLING_SCOPE,
                "asks": ("name", "order"),
            },
            {
                "id": "technical-support",
                "name": "Technical Support",
                "scope": (
                    "Something does not work as it should. Links to screen recordings help, any "
                    "number of them."
                ),
                "asks": ("name", "order", "browser", "recordings"),
            },
        ),
    },
    "Department": {"asks": (), "email": None},
    "RetrySchedule": {"every_days": 3, "attempts": 4, "final_action": "cancel"},
    "AccountPolicy": {"retention_days": 90, "frozen_stops": True},
    "GatewayAccount": {"active": True, "bound_to": None, "name": None},
    "Product": {
        "public_listing": False,
        "refund_days": 0,
        "limits": (),
        "archived": False,
        "default_version": 1,
        "changes_to": (),
        "save_offer": None,
    },
    "PricePoint": {"version": 1},
    "PriceTerms": {
        "period": None,
        "installments": None,
        "cycle": None,
        "initial": None,
        "cancellation": "instant",
        "trial_guard": False,
        "tax": "exclusive",
    },
    "Address": {"line2": None, "postal_code": None, "state": None},
    "Customer": {"default_method": None, "language": "en", "test": False},
    "Consent": {
        "terms_hash": None,
        "shown": None,
        "ip_country": None,
        "card_country": None,
        "starts_at_once": None,
    },
    "Branding": {
        "logo": None,
        "accent": None,
        "footer": "",
        "sender_name": "",
        "texts": (),
        "logos": (),
    },
    "MailText": {"subject": "", "opening": "", "closing": ""},
    "Coupon": {
        "basis_points": None,
        "amount_off": None,
        "charges": None,
        "applies_to_initial": False,
        "products": (),
        "price_points": (),
        "starts_at": None,
        "ends_at": None,
        "max_uses": None,
        "max_uses_per_customer": None,
        "active": True,
        "uses": 0,
    },
    "Disclosure": {"period": None, "payments": None, "ends_at": None},
    "TaxSetup": {
        "registrations": (),
        "rates": 0,
        "by_postal_code": (),
        "confirmed_without": False,
        "trust_format": False,
        "vies": False,
    },
    "Registration": {
        "state": None,
        "nexus": "presence",
        "threshold": None,
        "orders": None,
        "home": None,
        "began_on": None,
        "ended_on": None,
    },
    "TaxPlace": {"state": None, "postal_code": None, "rates": ()},
    "DatedRate": {"begins_on": None},
    "CancelRequest": {"reason": None, "comment": None, "ticket": None},
}
"""Of classes that hold choices: every field that has a default, or had one."""


def meanings(cls: type) -> Mapping[str, Plain]:
    """Returns the meaning of each attribute that an item of this class may lack."""
    return CHOICES.get(cls.__name__) or STATE.get(cls.__name__) or {}


def is_written_out(cls: type) -> bool:
    """True if every value of an entity is stored."""
    return cls.__name__ in WRITTEN_OUT
