"""Billing addresses: per subscription, for invoices that are still to come (B-8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.cards import cards
from billing.kernel.customers import Address, BillTo, PurchaseBillTo
from billing.kernel.errors import NotFound
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.tax.flows import taxation


def bill_to(ports: Ports, merchant: str, customer: str, purchase: str) -> BillTo:
    """Returns the billing address of a purchase now; raises `NotFound`."""
    return _found(ports, merchant, customer, [purchase])[0].bill_to


def change(
    ports: Ports,
    merchant: Merchant,
    customer: str,
    purchases: Sequence[str],
    *,
    name: str,
    address: Address,
    now: datetime,
) -> None:
    """Changes the billing address of these purchases from now on; issued invoices stay as they are.

    The email stays: the purchase is found by it. Raises `NotFound`, and `Invalid` where an address
    lacks what the taxes of the next payments depend on (C-10).
    """
    owner = ports.store.customer(merchant.id, customer)
    if owner is None:
        raise NotFound("customer_unknown")
    found = _found(ports, merchant.id, customer, purchases)
    moved = [replace(each, bill_to=_moved(each.bill_to, name, address)) for each in found]
    pairs = zip(found, moved, strict=True)
    changed = [Change(before, after) for before, after in pairs if after != before]
    if changed:
        # A renewal does not wait for an address: what is not asked for here is never taxed again.
        _refuse_untaxable(ports, merchant, [each.bill_to for each in moved], now)
        events = cards.change_events(owner, "address", now, ports.shard_of(customer), purchases[0])
        ports.store.commit(*changed, *events)


def _refuse_untaxable(
    ports: Ports, merchant: Merchant, buyers: Sequence[BillTo], now: datetime
) -> None:
    today = taxation.today(merchant, now)
    for rules in taxation.rules_of(ports, merchant, buyers):
        rules.on(today)


def _moved(before: BillTo, name: str, address: Address) -> BillTo:
    """Returns a buyer at another address; a tax id is of its country, and ends with leaving it."""
    if address.country != before.address.country:
        return BillTo(name, before.email, address)
    return replace(before, name=name, address=address)


def _found(
    ports: Ports, merchant: str, customer: str, purchases: Sequence[str]
) -> list[PurchaseBillTo]:
    rows = ports.store.bill_tos([(merchant, customer, purchase) for purchase in purchases])
    found = [row for row in rows if row is not None]
    if len(found) < len(purchases):
        raise NotFound("purchase_unknown")
    return found
