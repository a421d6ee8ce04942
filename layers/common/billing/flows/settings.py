"""A merchant's settings (M-2): what is changed holds for what happens from now on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from billing.errors import Refused
from billing.merchants import Merchant
from billing.ports import Ports
from billing.transactions import Change


def change(ports: Ports, merchant: Merchant, changes: dict[str, Any]) -> Merchant:
    """The merchant with these settings; those not named stay.

    Raises `Refused` for another currency once there are products: their prices are in the old one,
    and an account has one currency (P-20).
    """
    before = merchant.settings
    if changes.get("currency", before.currency) is not before.currency:
        products, _ = ports.store.catalog(merchant.id)
        if products:
            raise Refused("Your products have prices in the old currency.", code="currency_in_use")
    parts = {
        name: replace(getattr(before, name), **changes[name])
        for name in ("departments", "retry_schedule", "accounts")
        if name in changes
    }
    after = replace(merchant, settings=replace(before, **(changes | parts)))
    if after != merchant:
        ports.store.commit(Change(merchant, after))
    return after
