"""Stripe's export of subscriptions, its map of copied cards, and its export of invoices (M-6).

The exporter chooses the columns, so all but the id may be missing. Times are UTC
(https://docs.stripe.com/reports/select-a-report).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from billing.gateways.stripe.spec import STRIPE
from billing.kernel.import_presets import SOURCE_PRICE, FilePreset

PLAIN = {
    "id": "external_id",
    "Customer ID": "gateway_customer",
    "Customer Email": "email",
    "Customer Name": "name",
    "Quantity": "quantity",
    "Currency": "currency",
    "Amount": "price",
    "Start Date (UTC)": "started_at",
    "Trial End (UTC)": "trial_ends_at",
    "Coupon": "coupon",
}
"""Columns that are the canonical ones under another name."""

READ = frozenset(
    {
        *PLAIN,
        *("Plan", "Interval", "Interval Count", "Status", "Created (UTC)"),
        *(
            "Current Period End (UTC)",
            "Cancel At Period End",
            "Canceled At (UTC)",
            "Ended At (UTC)",
        ),
    }
)

STATUSES = {"canceled": "cancelled", "incomplete_expired": "cancelled"}

_INTERVAL = re.compile(r"(?:every )?(\d+ )?(day|week|month|year)s?", re.IGNORECASE)


def read(cells: Mapping[str, str]) -> dict[str, str]:
    """Returns the canonical cells of a row."""
    found = {ours: cells[theirs] for theirs, ours in PLAIN.items() if cells.get(theirs)}
    found[SOURCE_PRICE] = cells.get("Plan", "")
    found["period"] = _period(cells.get("Interval", ""), cells.get("Interval Count", ""))
    found.setdefault("started_at", cells.get("Created (UTC)", ""))
    status = cells.get("Status", "").strip().lower()
    ends = cells.get("Current Period End (UTC)", "")
    if cells.get("Ended At (UTC)", "").strip():
        status = "canceled"
    elif _is_ending(cells) and status in {"active", "trialing"}:
        found["cancel_at"] = ends
        status = "cancel_pending"
    elif status in {"active", "trialing"}:
        found["next_charge_at"] = ends
    found["status"] = STATUSES.get(status, status)
    found["gateway"] = STRIPE
    return {name: value for name, value in found.items() if value.strip()}


def _is_ending(cells: Mapping[str, str]) -> bool:
    """Tests whether a running subscription was cancelled: Stripe keeps when, until that is undone.

    Its default export has that instant alone.
    """
    asked = cells.get("Cancel At Period End", "").strip().lower() in {"true", "yes", "1"}
    return asked or bool(cells.get("Canceled At (UTC)", "").strip())


def charges(cells: Mapping[str, str]) -> dict[str, str]:
    """Returns an invoice as a charge of its subscription."""
    status = cells.get("Status", "").strip()
    if not status:
        status = "paid" if cells.get("Paid", "true").strip().lower() in {"true", "1"} else "open"
    return {
        "external_id": cells.get("Subscription", ""),
        "charged_at": cells.get("Date (UTC)") or cells.get("Created (UTC)", ""),
        "amount": cells.get("Total", ""),
        "currency": cells.get("Currency", ""),
        "status": status,
    }


def _period(interval: str, times: str) -> str:
    """Returns `3m` for three months; what it does not know stays as it is, and is refused later."""
    found = _INTERVAL.fullmatch(interval.strip())
    if found is None:
        return interval.strip()
    count = (found[1] or times or "1").strip()
    if found[2].lower() == "month" and count == "12":
        return "1y"
    return f"{count}{found[2][0].lower()}"


PRESET = FilePreset(
    name=STRIPE,
    title="Stripe: subscriptions export",
    columns=READ,
    needed=frozenset({"id"}),
    read=read,
    zone="UTC",
    gateway=STRIPE,
    card_columns=("old_customer_id", "stripe_customer_id"),
    charges=charges,
    charges_needed=frozenset({"Subscription", "Total", "Currency"}),
)
