"""The account of the key that asks."""

from typing import Any

from dev.stripe.work import Object, Work


def _nothing(*names: str) -> Object:
    return dict.fromkeys(names)


_REQUIREMENTS: Object = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}
_PREFIXES = ("statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji")
_SETTINGS: Object = {
    "bacs_debit_payments": _nothing("display_name", "service_user_number"),
    "branding": _nothing("icon", "logo", "primary_color", "secondary_color"),
    "card_issuing": {"tos_acceptance": _nothing("date", "ip")},
    "card_payments": {
        "decline_on": {"avs_failure": True, "cvc_failure": True},
        **_nothing("statement_descriptor_prefix", *_PREFIXES),
    },
    "invoices": _nothing("default_account_tax_ids", "hosted_payment_method_save"),
    "payments": _nothing(
        "statement_descriptor",
        "statement_descriptor_kana",
        "statement_descriptor_kanji",
        *_PREFIXES,
    ),
    "payouts": {
        "debit_negative_balances": True,
        "schedule": {"delay_days": 2, "interval": "daily"},
        "statement_descriptor": None,
    },
    "sepa_debit_payments": {},
}
_PROFILE: Object = {
    "annual_revenue": _nothing("amount", "currency", "fiscal_year_end"),
    "support_address": _nothing("city", "country", "line1", "line2", "postal_code", "state"),
    **_nothing("estimated_worker_count", "mcc", "minority_owned_business_designation"),
    **_nothing("product_description", "support_email", "support_phone", "support_url", "url"),
}


def retrieve(work: Work, params: dict[str, Any]) -> Object:
    """Returns the account; one that is not activated yet may not charge in live mode."""
    known = work.account_fields
    name, charges = known.get("name"), known.get("charges_enabled", True)
    return {
        "id": work.account,
        "object": "account",
        "business_profile": {**_PROFILE, "name": name},
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": charges,
        "controller": {"type": "account"},
        "country": "US",
        "created": work.seconds,
        "default_currency": "usd",
        "details_submitted": charges,
        "email": "seller@example.com",
        "external_accounts": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": f"/v1/accounts/{work.account}/external_accounts",
        },
        "future_requirements": _REQUIREMENTS,
        "metadata": {},
        "payouts_enabled": charges,
        "requirements": _REQUIREMENTS,
        "settings": {**_SETTINGS, "dashboard": {"display_name": name, "timezone": "Etc/UTC"}},
        "tos_acceptance": _nothing("date", "ip", "user_agent"),
        "type": "standard",
    }
