"""Kinds of file that are no gateway's: the canonical one, Chargebee's, and a merchant's own."""

from __future__ import annotations

from collections.abc import Mapping

from billing.kernel.import_presets import SOURCE_PRICE, Cells, FilePreset
from billing.migration.canonical import COLUMNS
from billing.migration.imports import Named

CANONICAL = "canonical"
MAPPED = "mapped"
"""The preset of a file whose columns the merchant has named."""

NEEDED = frozenset({"external_id", "email", "status", "started_at"})
"""The canonical columns without which no row can be imported."""

TARGETS = (*(each for each in COLUMNS if each != "test"), SOURCE_PRICE)
"""The columns that a column of a merchant's own file can be named for."""


def _as_it_is(cells: Cells) -> dict[str, str]:
    return {name: value for name, value in cells.items() if name in COLUMNS and value.strip()}


CANONICAL_PRESET = FilePreset(
    CANONICAL, "Perennial: canonical file", frozenset(COLUMNS), NEEDED, _as_it_is
)

_PLAIN = {
    "customer[id]": "gateway_customer",
    "customer[email]": "email",
    "subscription[id]": "external_id",
    "subscription[plan_quantity]": "quantity",
    "currency": "currency",
    "subscription[trial_end]": "trial_ends_at",
    "subscription[started_at]": "started_at",
    "billing_cycles": "payments_total",
    "coupon_ids[0]": "coupon",
}
_OTHERS = (
    *("subscription[plan_id]", "subscription[plan_unit_price]", "subscription[status]"),
    *("subscription[trial_start]", "subscription[current_term_start]", "customer[first_name]"),
    *("subscription[current_term_end]", "subscription[cancelled_at]", "customer[last_name]"),
)
_STATUSES = {"in_trial": "trialing", "non_renewing": "cancel_pending"}


def _of_chargebee(cells: Cells) -> dict[str, str]:
    """Reads a row of Chargebee's.

    A unit price without a decimal point may be in cents or not, so only the plan's name counts.
    """
    found = {ours: cells[theirs] for theirs, ours in _PLAIN.items() if cells.get(theirs)}
    names = (cells.get("customer[first_name]", ""), cells.get("customer[last_name]", ""))
    found["name"] = " ".join(filter(None, names))
    found[SOURCE_PRICE] = cells.get("subscription[plan_id]", "")
    price = cells.get("subscription[plan_unit_price]", "")
    if "." in price:
        found["price"] = price
    status = cells.get("subscription[status]", "").strip().lower()
    found["status"] = _STATUSES.get(status, status)
    ends = cells.get("subscription[current_term_end]", "")
    if status == "in_trial":
        ends = cells.get("subscription[trial_end]", "") or ends
        if cells.get("subscription[cancelled_at]", "").strip():
            # A trial that was cancelled stays one until its end, and is charged nothing then.
            found["status"] = "cancel_pending"
    found["cancel_at" if found["status"] == "cancel_pending" else "next_charge_at"] = ends
    return {name: value for name, value in found.items() if value.strip()}


CHARGEBEE_PRESET = FilePreset(
    "chargebee",
    "Chargebee: subscriptions",
    frozenset({*_PLAIN, *_OTHERS}),
    frozenset({"subscription[id]"}),
    _of_chargebee,
    cards_copied=True,
)

OWN: Mapping[str, FilePreset] = {each.name: each for each in (CANONICAL_PRESET, CHARGEBEE_PRESET)}
"""The presets that are no gateway's."""


def mapped(name: str, columns: tuple[Named, ...]) -> FilePreset:
    """Returns the preset of a merchant's own kind of file; `name` is its source's too."""
    ours = {each.name: each.value for each in columns}

    def read(cells: Cells) -> dict[str, str]:
        return {
            ours[each]: value for each, value in cells.items() if each in ours and value.strip()
        }

    needed = frozenset(theirs for theirs, canonical in ours.items() if canonical == "external_id")
    return FilePreset(name, name, frozenset(ours), needed, read, cards_copied=True)


def card_maps(preset: FilePreset, known: Mapping[str, FilePreset]) -> list[tuple[str, str]]:
    """Returns the pairs of columns that a second file may have, which says where cards were copied
    to: the old and the new customer."""
    if preset.card_columns is not None or not preset.cards_copied:
        return [] if preset.card_columns is None else [preset.card_columns]
    return [each.card_columns for each in known.values() if each.card_columns is not None]
