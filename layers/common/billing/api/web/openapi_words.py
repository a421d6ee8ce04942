"""Words of the OpenAPI document: what the API is, its tags, and docstrings as callers read them."""

from __future__ import annotations

import re
from typing import Any

INFO = {
    "title": "Perennial merchant API",
    "version": "1",
    "description": "Products, purchases, subscriptions and all that a merchant sees and does.\n\n"
    "Money is in minor units. Instants are RFC 3339 in UTC. Lists come newest first unless they "
    "say otherwise; `next` of one is the `cursor` of its next page. Errors are "
    "`application/problem+json` with a stable `code`. Answers may get more fields, and fields "
    "that name a state or a kind more values: let them pass.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

TAGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Catalog": ("Products and their prices.", ("preview", "products", "price-points")),
    "Coupons": ("Coupons that buyers enter at the checkout.", ("coupons", "coupons.csv")),
    "Subscriptions": ("What is charged again, and what waits for you.", ("subscriptions",)),
    "Orders": ("Payments, refunds and their documents.", ("orders", "invoices")),
    "Customers": (
        "Customers, what they may use, and their way into the portal.",
        ("customers", "access", "portal-links", "declarations"),
    ),
    "Helpdesk": ("Requests to your departments.", ("tickets", "inbound-mail")),
    "Figures": (
        "Recurring revenue and what is expected.",
        ("figures", "figures.csv", "forecast", "attention"),
    ),
    "Webhooks": ("Events, and where they are sent.", ("webhook-endpoints", "deliveries", "events")),
    "Tax": ("Registrations, rates and reports of tax.", ("tax",)),
    "Moving": ("Files of all that you have.", ("exports", "imports", "uploads")),
    "Gateways": ("Your accounts at gateways.", ("gateway-accounts", "arm")),
    "Team": ("People, API keys, and who did what.", ("team", "keys", "console-links", "audit")),
    "Settings": ("How your account works.", ("settings", "accounts")),
}
"""Tags with their words and the parts of /v1 under them."""

OTHER = "Other"
"""The tag of a part that has none; a test lets no operation have it."""

_MARKS = re.compile(
    r"\s*\((?:(?:see )?(?:[A-Z]{1,2}-\d+|[A-Z]+\.md[^)]*|words|RELIABILITY[^)]*)(?:,\s| and )?)+\)"
)


def tag_of(path: str) -> str:
    """Returns the tag of an address of /v1."""
    part = path.removeprefix("/v1/").partition("/")[0].removesuffix(".csv")
    return next((tag for tag, (_, parts) in TAGS.items() if part in parts), OTHER)


def tags() -> list[dict[str, str]]:
    """Returns the tags with their words."""
    return [{"name": tag, "description": words} for tag, (words, _) in TAGS.items()]


def of_docstring(docstring: str) -> dict[str, str]:
    """Splits a handler's docstring: its first paragraph as summary, the rest as description."""
    summary, *more = plain(docstring).strip().split("\n\n")
    described = "\n\n".join(" ".join(each.split()) for each in more)
    summary = " ".join(summary.split())
    return {"summary": summary, "description": described} if described else {"summary": summary}


def plain(text: str) -> str:
    """Removes what only our own readers follow: ids of rules, and names of documents."""
    return _MARKS.sub("", text)


def unmarked(part: Any) -> Any:
    """Returns part of a document whose descriptions are for its readers."""
    if isinstance(part, dict):
        return {
            key: plain(value)
            if key == "description" and isinstance(value, str)
            else unmarked(value)
            for key, value in part.items()
        }
    return [unmarked(each) for each in part] if isinstance(part, list) else part
