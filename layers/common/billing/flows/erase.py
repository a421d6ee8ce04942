"""Erasing what a merchant sold with, and who bought it; invoices and ledger stay, as the law asks
(A-6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from billing.customers import Address, Customer, EmailPointer, PurchaseBillTo, email_hash
from billing.merchants import Merchant
from billing.orders import Order
from billing.ports import Ports
from billing.transactions import Change, Remove, Write

AT_ONCE = 200
ERASED = "erased"
"""What stands in place of a name or an address."""


def merchant(
    ports: Ports, seller: Merchant, *, now: datetime, keep_going: Callable[[], bool]
) -> bool:
    """Products, price points, API keys, and the personal data of every customer; whether all of it
    is done. Doing it again does no harm."""
    for order in _orders(ports, seller, now):
        if not keep_going():
            return False
        if order.customer is not None:
            customer(ports, seller.id, order.customer)
        if order.email is not None:
            ports.store.commit(Change(order, replace(order, email=None)))
    if seller.domain is not None and (held := ports.store.domain(seller.domain)) is not None:
        ports.store.commit(Change(seller, replace(seller, domain=None)), Remove(held))
    products, points = ports.store.catalog(seller.id)
    for key in ports.store.api_keys(seller.id):
        ports.store.commit(Remove(key))
    for point in points:
        versions = (replace(point, version=n + 1) for n in range(point.version))
        ports.store.commit(*(Remove(version) for version in versions))
    for product in products:
        ports.store.commit(Remove(product))
    return True


def customer(ports: Ports, merchant: str, customer: str) -> None:
    """Name, address, email, cards and consents of one customer."""
    history = ports.store.history(merchant, customer)
    found = history.customer
    if found is None or found.name == ERASED:
        return
    gone: list[Write] = [Remove(method) for method in history.methods]
    gone += [Remove(consent) for consent in history.consents]
    purchases = [(merchant, customer, consent.purchase) for consent in history.consents]
    gone += [Remove(kept) for kept in _bill_tos(ports, purchases)]
    for start in range(0, len(gone), AT_ONCE // 2):
        ports.store.commit(*gone[start : start + AT_ONCE // 2])
    pointer = EmailPointer(merchant, email_hash(merchant, found.email), customer)
    ports.store.commit(Change(found, _nobody(found)), Remove(pointer))


def _nobody(found: Customer) -> Customer:
    nowhere = Address(ERASED, ERASED, found.address.country)
    return replace(found, email=ERASED, name=ERASED, address=nowhere, default_method=None)


def _bill_tos(ports: Ports, purchases: list[tuple[str, str, str]]) -> list[PurchaseBillTo]:
    return [kept for kept in ports.store.bill_tos(purchases) if kept is not None]


def _orders(ports: Ports, seller: Merchant, now: datetime) -> Iterator[Order]:
    cursor: str | None = None
    until = now + timedelta(microseconds=1)
    while True:
        page = ports.store.orders(
            seller.id, since=seller.created_at, until=until, limit=AT_ONCE, cursor=cursor
        )
        yield from page.data
        cursor = page.next
        if cursor is None:
            return
