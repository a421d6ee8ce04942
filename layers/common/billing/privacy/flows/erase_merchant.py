"""Erasure of a merchant's catalog and customers; invoices and ledger stay, as the law asks (A-6,
M-8).

Its steps are those of a background job: one for each order, which has its customer erased, and one
for each ticket, for some belong to no customer. An item is erased before the item that it is found
by, so a repeat after a crash does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.branding.flows import removal as branding
from billing.helpdesk.tickets import Ticket
from billing.jobs.flows.steps import each, place_in
from billing.jobs.jobs import Step
from billing.kernel.catalog import PricePoint
from billing.kernel.flows import whole_lists
from billing.kernel.flows.paging import entries, pages
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order
from billing.kernel.persons import customer_subject
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Remove, Write
from billing.migration.flows import erase_rows
from billing.privacy.flows import erase, erase_uses

AT_ONCE = 50
COUPONS_AT_ONCE = 500

ORDERS, TICKETS = "orders", "tickets"


def steps(
    ports: Ports, seller: Merchant, cursor: str, *, now: datetime, keep_going: KeepGoing
) -> Iterator[Step]:
    """Erases tickets and the personal data of every customer, from a cursor on."""
    of, place = place_in(cursor)
    met: set[str] = set()

    def unname(order: Order) -> Seen:
        if order.customer is None:
            _forget_stranger(ports, order)
            return _seen(erase.unname(ports, order))
        if order.customer in met:
            return Seen.FINISHED
        seen = erase.customer(
            ports, seller.id, order.customer, keep_going=keep_going, with_uses=True
        )
        if seen is not Seen.MORE:
            met.add(order.customer)
        return seen

    if of != TICKETS:
        yield from each(ORDERS, whole_lists.orders(ports, seller, after=place, now=now), unname)
        yield Step(f"{TICKETS} ", None)
        place = ""
    tickets = _tickets(ports, seller, place, now)
    yield from each(TICKETS, tickets, lambda found: _seen(erase.ticket(ports, found)))


def unsold(ports: Ports, seller: Merchant, keep_going: KeepGoing) -> Seen:
    """Erases the customers that no order names, as who was moved here and given back to the source
    before any payment; returns whether all of them are."""
    left = False
    read = pages(lambda cursor: ports.store.customers(seller.id, limit=AT_ONCE, cursor=cursor))
    for page in read:
        for found in page.data:
            seen = erase.customer(ports, seller.id, found.id, keep_going=keep_going, with_uses=True)
            if seen is Seen.MORE or not keep_going():
                return Seen.MORE
            left = left or seen is Seen.LEFT
    return Seen.LEFT if left else Seen.FINISHED


def shop(ports: Ports, seller: Merchant, keep_going: KeepGoing) -> bool:
    """Erases domain, products, price points, coupons, branding, API keys, endpoints of webhooks,
    imports, what strangers declared and the tax setup, once no customer's data is left; returns
    whether all of it is gone.

    Deliveries hold ids alone and expire by themselves; without its endpoint none is sent.
    """
    if seller.domain is not None and (held := ports.store.domain(seller.domain)) is not None:
        ports.store.commit(Change(seller, replace(seller, domain=None)), Remove(held))
    if not _listed_products(ports, seller, keep_going):
        return False
    # What no list has: the catalog of before there was one, and what was added a moment ago.
    products, points = ports.store.catalog(seller.id)
    gone: list[list[Write]] = [[Remove(key)] for key in ports.store.api_keys(seller.id)]
    gone += [_versions(point) for point in points]
    gone += [[Remove(product)] for product in products]
    gone += [[Remove(endpoint)] for endpoint in ports.store.webhook_endpoints(seller.id)]
    coupons = ports.store.coupons(seller.id, limit=COUPONS_AT_ONCE)
    gone += [[Remove(coupon)] for coupon in coupons]
    gone += branding.erase(ports, seller)
    for number, writes in enumerate(gone):
        if number and not keep_going():
            return False
        erase.commit_in_batches(ports, writes)
    if len(coupons) == COUPONS_AT_ONCE or not _imports(ports, seller, keep_going):
        return False
    if not _strangers_declarations(ports, seller, keep_going):
        return False
    return _taxes(ports, seller, keep_going)


def _strangers_declarations(ports: Ports, seller: Merchant, keep_going: KeepGoing) -> bool:
    """Erases declarations that belong to no customer, and name somebody; returns whether all of
    them are gone."""
    while found := ports.store.declarations(seller.id, limit=AT_ONCE):
        erase.commit_in_batches(ports, [Remove(each) for each in found])
        if not keep_going():
            return False
    return True


def _imports(ports: Ports, seller: Merchant, keep_going: KeepGoing) -> bool:
    """Erases imports with their rows and files, which name people; returns whether all
    of them are gone."""
    while found := ports.store.imports(seller.id, limit=1):
        while rows := ports.store.imported_rows(seller.id, found[0].id, limit=AT_ONCE):
            erase.commit_in_batches(ports, [Remove(row) for row in rows])
            if not keep_going():
                return False
        erase_rows.forget_all_files(ports, found[0])
        ports.store.commit(Remove(found[0]))
    mappings = ports.store.import_mappings(seller.id)
    erase.commit_in_batches(ports, [Remove(each) for each in mappings])
    return True


def _listed_products(ports: Ports, seller: Merchant, keep_going: KeepGoing) -> bool:
    """Erases products with their price points, a page at a time; returns whether all in the list
    are gone."""
    if seller.catalog_listed_at is None:
        return True
    read = pages(lambda cursor: ports.store.products_made(seller.id, limit=AT_ONCE, cursor=cursor))
    for page in read:
        for product in page.data:
            points = ports.store.points_made(seller.id, product.id)
            writes = [write for point in points for write in _versions(point)]
            erase.commit_in_batches(ports, [*writes, Remove(product)])
            if not keep_going():
                return False
    return True


def _versions(point: PricePoint) -> list[Write]:
    """Returns the removal of every version of a price point."""
    return [Remove(replace(point, version=n + 1)) for n in range(point.version)]


def _taxes(ports: Ports, seller: Merchant, keep_going: KeepGoing) -> bool:
    """Erases registrations and every table of rates there was; returns whether all of it is gone.

    The sums of what was taxed stay, as the ledger does.
    """
    setup = ports.store.tax_setup(seller.id)
    if setup is None:
        return True
    # The numbers of tables are drawn: one that was broken off, or replaced, is named by nothing.
    while places := ports.store.tax_tables(seller.id, AT_ONCE):
        erase.commit_in_batches(ports, [Remove(place) for place in places])
        if not keep_going():
            return False
    ports.store.commit(Remove(setup))
    return True


def _forget_stranger(ports: Ports, order: Order) -> None:
    """Erases the uses of somebody who bought nothing, before the form that names them."""
    attempt = order.attempt_key and ports.store.checkout(order.merchant, order.attempt_key)
    if order.email is None or not attempt:
        return
    cards = () if attempt.method is None else (attempt.method,)
    known = erase_uses.of_mailbox(order.merchant, order.email, cards)
    known.append(customer_subject(order.merchant, attempt.customer))
    erase.commit_in_batches(ports, erase_uses.removed(ports, order.merchant, known))


def _seen(finished: bool) -> Seen:
    return Seen.FINISHED if finished else Seen.LEFT


def _tickets(
    ports: Ports, seller: Merchant, after: str, now: datetime
) -> Iterator[tuple[Ticket, str]]:
    until = now + timedelta(microseconds=1)
    return entries(
        lambda cursor: ports.store.tickets(
            seller.id, since=seller.created_at, until=until, limit=AT_ONCE, cursor=cursor
        ),
        lambda ticket: ticket.id,
        after=after,
    )
