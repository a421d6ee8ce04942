"""Subscriptions of Stripe's own are moved here: its export, its API, its cards, charged by us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.gateways.stripe.source import StripeSource
from billing.kernel.errors import Unavailable
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.migration.flows import (
    cut_over,
    imports,
    listing,
    shadow,
    shadow_report,
    undo,
    uploads,
)
from billing.migration.import_rows import ImportedRow
from billing.migration.imports import Import
from dev.stripe.faults import Faults
from dev.stripe.server import Loopback
from dev.stripe.service import Account
from tests.gateways.stripe.edge import Impatient
from tests.scenarios.stripe_shop import ACCOUNT, Shop
from tests.world import World

pytestmark = pytest.mark.spec("M-6")

KEY = "sk_test_loopback"


class Moved:
    """A merchant with three subscribers at Stripe, who leaves its billing and keeps its cards."""

    def __init__(self, loopback: Loopback, world: World, faults: Faults) -> None:
        self.loopback, self.world = loopback, world
        self.shop = Shop(world, loopback, faults)
        source = StripeSource(
            ACCOUNT,
            lambda fresh: {"secret_key": KEY},
            api_base=loopback.url,
            http_client=Impatient(),
        )
        world.ports = replace(world.ports, source=lambda account: source)
        self.shop.product()
        v1 = self.shop.dashboard.v1
        product = v1.products.create({"name": "Course"}).id
        price = v1.prices.create(
            {
                "currency": "usd",
                "product": product,
                "unit_amount": 2999,
                "recurring": {"interval": "month"},
            }
        ).id
        self.subscriptions = [self._subscribe(price, n) for n in range(3)]

    def _subscribe(self, price: str, number: int) -> str:
        v1 = self.shop.dashboard.v1
        address: Any = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
        customer = v1.customers.create(
            {"email": f"buyer{number}@example.com", "name": "Ada Example", "address": address}
        ).id
        card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        return v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price}], "default_payment_method": card}
        ).id

    def imported(self) -> Import:
        """Imports Stripe's own export."""
        names = "id,Customer ID,Customer Email,Currency,Amount,Interval,Quantity,Status"
        dates = "Start Date (UTC),Current Period End (UTC)"
        lines = [f"{names},{dates}"]
        for each in self.subscriptions:
            found = self.shop.dashboard.v1.subscriptions.retrieve(each, {"expand": ["customer"]})
            item, customer = found["items"].data[0], found.customer
            assert not isinstance(customer, str)
            lines.append(
                f"{found.id},{customer.id},{customer.email},usd,29.99,month,1,{found.status},"
                f"{_day(found.start_date)},{_day(item.current_period_end)}"
            )
        upload = uploads.keep(self.world.ports, "acme", "\n".join(lines).encode())
        wanted = imports.Wanted(upload, preset="stripe")
        begun = imports.begin(
            self.world.ports, self.world.merchant, wanted, by="key", now=self.world.now
        )
        assert (begun.found.rows, begun.found.blocking) == (3, 0), self.rows(begun.found)
        return begun.found

    def rows(self, imported: Import) -> list[ImportedRow]:
        return self.world.store.imported_rows("acme", imported.id, limit=10)

    def advance(self, days: int) -> None:
        for _ in range(days):
            self.loopback.renew()
            self.world.advance(days=1)
        self.loopback.renew()

    def status(self, subscription: str) -> tuple[str, bool]:
        found = self.shop.dashboard.v1.subscriptions.retrieve(subscription)
        return found.status, found.pause_collection is not None


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


@pytest.fixture
def moved() -> Iterator[Moved]:
    world, faults = World(), Faults()
    with Loopback(clock=lambda: world.now, faults=faults) as loopback:
        loopback.open_account(Account("acct_1", KEY))
        yield Moved(loopback, world, faults)


def test_subscribers_of_stripe_go_on_here_with_their_own_cards(moved: Moved) -> None:
    world = moved.world
    imported = moved.imported()
    assert len(moved.shop.charges) == 3
    cut_over.start(world.ports, world.merchant, imported.id, by="key", now=world.now)
    moved.advance(1)
    assert [each.state for each in moved.rows(imported)] == ["active"] * 3
    assert [moved.status(each) for each in moved.subscriptions] == [("active", True)] * 3
    found = world.subscription("buyer0@example.com")
    assert (found.state, found.period_at) == (State.ACTIVE, datetime(2026, 2, 28, 15, tzinfo=UTC))
    assert world.history("buyer0@example.com").methods[0].last4 == "4242"
    moved.advance(30)
    # Each was charged once more, by us: Stripe's own invoices of that day are void.
    assert [amount for _, amount, _ in moved.shop.charges] == [2999] * 6
    assert [moved.status(each)[0] for each in moved.subscriptions] == ["canceled"] * 3
    assert [each.state for each in moved.rows(imported)] == ["confirmed"] * 3
    found = world.subscription("buyer0@example.com")
    assert found.period_at == datetime(2026, 3, 31, 15, tzinfo=UTC)


def test_an_undone_import_is_charged_by_stripe_again(moved: Moved) -> None:
    world = moved.world
    imported = moved.imported()
    cut_over.start(world.ports, world.merchant, imported.id, by="key", now=world.now)
    moved.advance(1)
    undo.start(world.ports, world.merchant, imported.id, by="key", now=world.now)
    moved.advance(1)
    assert [each.state for each in moved.rows(imported)] == ["undone"] * 3
    assert [moved.status(each) for each in moved.subscriptions] == [("active", False)] * 3
    moved.advance(30)
    assert [amount for _, amount, _ in moved.shop.charges] == [2999] * 6
    assert world.subscription("buyer0@example.com").last_charged_on is None


def listed(moved: Moved) -> Import:
    """Imports Stripe's own list, without a file."""
    world = moved.world
    asked = listing.Listing("stripe")
    begun = listing.begin(world.ports, world.merchant, asked, by="key", now=world.now)
    world.tick()
    found = world.store.import_("acme", begun.found.id)
    assert found is not None
    return found


def shadowed(moved: Moved, imported: Import) -> list[tuple[str, str]]:
    world = moved.world
    world.advance(seconds=1)
    shadow.begin(world.ports, world.merchant, imported.id, charges=None, now=world.now)
    world.tick()
    assert shadow.one(world.ports, "acme", imported.id).totals is not None
    report = shadow_report.first(world.ports, "acme", imported.id)
    return [(each.external_id, each.kind) for each in report.differences]


def test_stripes_own_list_runs_in_its_shadow_and_is_moved(moved: Moved) -> None:
    world, v1 = moved.world, moved.shop.dashboard.v1
    imported = listed(moved)
    assert (imported.state, imported.rows, imported.ok) == ("checked", 3, 3), moved.rows(imported)
    assert {each.external_id for each in moved.rows(imported)} == set(moved.subscriptions)
    moved.advance(40)
    assert len(moved.shop.charges) == 6, "by Stripe"
    assert shadowed(moved, imported) == []
    first = v1.subscriptions.retrieve(moved.subscriptions[0])
    v1.subscriptions.update(first.id, {"cancel_at_period_end": True})
    v1.subscriptions.cancel(moved.subscriptions[1])
    assert sorted(shadowed(moved, imported)) == sorted(
        [(moved.subscriptions[0], "source_ends"), (moved.subscriptions[1], "source_ended")]
    )
    cut_over.start(world.ports, world.merchant, imported.id, by="key", now=world.now)
    moved.advance(1)
    states = {each.external_id: each.state.value for each in moved.rows(imported)}
    assert [states[each] for each in moved.subscriptions] == ["skipped", "skipped", "active"]
    assert len(shadowed(moved, imported)) == 2, "what is moved is not compared any more"
    moved.advance(30)
    assert world.subscription("buyer2@example.com").last_charged_on is not None


def test_a_subscription_with_two_prices_is_listed_and_blocked(moved: Moved) -> None:
    v1 = moved.shop.dashboard.v1
    found = v1.subscriptions.retrieve(moved.subscriptions[0])
    price = found["items"].data[0].price
    other = v1.prices.create(
        {
            "currency": "usd",
            "product": str(price.product),
            "unit_amount": 500,
            "recurring": {"interval": "month"},
        }
    ).id
    customer = str(found.customer)
    v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": price.id}, {"price": other}],
            "default_payment_method": str(found.default_payment_method),
        }
    )
    imported = listed(moved)
    assert (imported.rows, imported.ok, imported.blocking) == (4, 3, 1)
    blocked = moved.rows(imported)[0]
    assert [each.reason for each in blocked.problems] == ["source_lines"]
    assert blocked.columns["source_price"] == price.id


def test_an_account_whose_keys_are_refused_is_read_later(moved: Moved) -> None:
    world = moved.world
    asked = listing.Listing("stripe")
    begun = listing.begin(world.ports, world.merchant, asked, by="key", now=world.now)
    source = StripeSource(
        ACCOUNT,
        lambda fresh: {"secret_key": "sk_test_other"},
        api_base=moved.loopback.url,
        http_client=Impatient(),
    )
    good = world.ports
    world.ports = replace(world.ports, source=lambda account: source)
    with pytest.raises(Unavailable, match="keys_refused"):
        world.tick()
    world.ports = good
    world.advance(minutes=10)
    found = world.store.import_("acme", begun.found.id)
    assert found is not None and (found.state, found.rows) == ("checked", 3)
