"""Billing addresses: per subscription, for invoices that are still to come (B-8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.cards import cards
from billing.kernel.customers import Address, BillTo, PurchaseBillTo
from billing.kernel.errors import NotFound
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change


def bill_to(ports: Ports, merchant: str, customer: str, purchase: str) -> BillTo:
    """Returns the billing address of a purchase now; raises `NotFound`."""
    return _found(ports, merchant, customer, [purchase])[0].bill_to


def change(
    ports: Ports,
    merchant: str,
    customer: str,
    purchases: Sequence[str],
    *,
    name: str,
    address: Address,
    now: datetime,
) -> None:
    """Changes the billing address of these purchases from now on; issued invoices stay as they are.

    The email stays: the purchase is found by it.
    """
    owner = ports.store.customer(merchant, customer)
    if owner is None:
        raise NotFound("customer_unknown")
    found = _found(ports, merchant, customer, purchases)
    changes = [
        Change(before, replace(before, bill_to=_moved(before.bill_to, name, address)))
        for before in found
    ]
    changed = [change for change in changes if change.changed]
    if changed:
        events = cards.change_events(owner, "address", now, ports.shard_of(customer), purchases[0])
        ports.store.commit(*changed, *events)


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
