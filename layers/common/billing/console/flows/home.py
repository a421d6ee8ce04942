"""The home page of the console: first steps, what needs attention, today (M-4, C-10).

Each question is one read by an index, however much a merchant has sold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from billing.catalog.flows import product_lists
from billing.helpdesk.flows import helpdesk
from billing.kernel.catalog import Product
from billing.kernel.gateways import SANDBOX
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.orders import PAYMENTS, Order, OrderKind
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value
from billing.rebill.flows import attention
from billing.tax.flows import setup
from billing.tax.registrations import TaxSetup

COUNTED_MOST = 100
PRODUCTS_READ = 50
ORDERS_MOST = 500
"""The most orders that are added up for today."""


class Step(Value):
    """A first step; `url` is where it is taken, None where it is not taken on a page of ours."""

    name: str
    done: bool
    url: str | None


class Concern(Value):
    """Something that needs attention, how often, and where to look; `more` where not all count."""

    name: str
    count: int
    url: str
    more: bool = False


class Takings(Value):
    """Money that was paid in one currency, refunds not taken off; `test` in the sandbox."""

    amount: Money
    test: bool


class Today(Value):
    """The orders of a local day by kind; `more` where there are more than were read."""

    date: date
    counts: Mapping[str, int]
    takings: tuple[Takings, ...]
    more: bool


class Home(Value):
    """The home page; `untaxed` until a merchant without taxes has confirmed that (C-10).

    `newest_only` where waiting and disputed subscriptions were looked for among the newest alone.
    """

    steps: tuple[Step, ...]
    concerns: tuple[Concern, ...]
    newest_only: bool
    today: Today
    untaxed: bool

    @property
    def left(self) -> int:
        """The number of first steps that are not done."""
        return sum(not step.done for step in self.steps)


def home(ports: Ports, merchant: Merchant, *, now: datetime) -> Home:
    """Returns what the home page shows now."""
    taxes = setup.of(ports, merchant)
    today = _today(ports, merchant, now)
    newest = ports.store.subscriptions_started(
        merchant.id,
        since=merchant.oldest_sold,
        until=now + timedelta(microseconds=1),
        limit=COUNTED_MOST,
    )
    concerns, newest_only = _concerns(ports, merchant, newest, now)
    bought = bool(newest.data) or _has_sold(ports, merchant, today)
    return Home(
        steps=_steps(ports, merchant, taxes, bought=bought),
        concerns=concerns,
        newest_only=newest_only,
        today=today,
        untaxed=not taxes.open_registrations and not taxes.confirmed_without,
    )


def _has_sold(ports: Ports, merchant: Merchant, today: Today) -> bool:
    """Tests whether anybody has bought; a sale of today spares the question."""
    sold_today = OrderKind.SALE in today.counts or OrderKind.REBILL in today.counts
    return sold_today or bool(ports.store.customers(merchant.id, limit=1).data)


def _steps(ports: Ports, merchant: Merchant, taxes: TaxSetup, *, bought: bool) -> tuple[Step, ...]:
    on_sale = _on_sale(ports, merchant)
    link = f"/console/products/{on_sale[0].id}" if on_sale else None
    sold_for_real = any(set(product.gateways) - {SANDBOX} for product in on_sale)
    taxed = bool(taxes.open_registrations) or taxes.confirmed_without
    return (
        Step("product", bool(on_sale), "/console/products/new"),
        Step("tax", taxed, "/console/tax"),
        Step("portal", merchant.settings.portal is not None, None),
        Step("purchase", bought, link),
        Step("gateway", merchant.is_live, "/console/gateways"),
        Step("live", merchant.is_live and sold_for_real, link and f"{link}/edit"),
    )


def _on_sale(ports: Ports, merchant: Merchant) -> Sequence[Product]:
    """Returns the newest products on sale, one at least if there is any."""
    newest = product_lists.made(ports, merchant, limit=PRODUCTS_READ)
    on_sale = [product for product in newest.data if not product.archived]
    if not on_sale and newest.next is not None:
        return product_lists.made(ports, merchant, lambda found: not found.archived, limit=1).data
    return on_sale


def _concerns(
    ports: Ports, merchant: Merchant, newest: Page[Subscription], now: datetime
) -> tuple[tuple[Concern, ...], bool]:
    """Returns what needs attention, and whether there are subscriptions that were not looked at."""
    parked = attention.parked(ports, merchant, now=now)
    tickets = helpdesk.waiting(ports, merchant, most=COUNTED_MOST)
    waits = sum(each.waiting_since is not None for each in newest.data)
    disputed = sum(each.dispute == "open" for each in newest.data)
    cut = newest.next is not None
    past_due = SubscriptionFilter(state=State.PAST_DUE)
    late = Page(tuple(e for e in newest.data if past_due.takes(e.as_of(now))), None)
    if cut:
        late = ports.store.subscriptions_where(merchant.id, past_due, now=now, limit=COUNTED_MOST)
    found = (
        Concern("parked", len(parked), "/console/attention"),
        Concern(
            *("past_due", len(late.data), "/console/subscriptions?state=past_due"),
            more=late.next is not None,
        ),
        Concern("waiting", waits, "/console/attention", more=cut),
        Concern("disputes", disputed, "/console/transactions?kind=chargeback", more=cut),
        Concern(
            *("tickets", min(len(tickets), COUNTED_MOST), "/console/tickets?state=open"),
            more=len(tickets) >= COUNTED_MOST,
        ),
    )
    return tuple(concern for concern in found if concern.count), cut


def _today(ports: Ports, merchant: Merchant, now: datetime) -> Today:
    zone = merchant.settings.time_zone
    wall = Anchor.at(now, zone).wall
    midnight = Anchor(wall.replace(hour=0, minute=0, second=0, microsecond=0), zone).instant
    until = now + timedelta(microseconds=1)
    page = ports.store.orders(
        merchant.id, since=midnight, until=until, limit=ORDERS_MOST, lists=merchant.order_lists
    )
    counts = Counter(order.kind.value for order in page.data)
    return Today(wall.date(), counts, _takings(page.data), page.next is not None)


def _takings(orders: Sequence[Order]) -> tuple[Takings, ...]:
    sums: Counter[tuple[bool, Currency]] = Counter()
    for order in orders:
        if order.kind in PAYMENTS:
            sums[order.test, order.amount.currency] += order.amount.amount_minor
    return tuple(
        Takings(Money(minor, currency), test) for (test, currency), minor in sorted(sums.items())
    )
