"""Looks up the taxes that a buyer owes, from the merchant's setup and rates (C-7, C-10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from billing.kernel import taxes
from billing.kernel.customers import BillTo
from billing.kernel.errors import Invalid
from billing.kernel.merchants import Merchant
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import UNTAXED, Taxation, Taxes
from billing.kernel.values import Value
from billing.runtime import telemetry
from billing.tax import decision, states
from billing.tax.rates import TaxPlace, places_of
from billing.tax.registrations import TaxSetup


def today(merchant: Merchant, now: datetime) -> date:
    """Returns the day in the merchant's zone, by which rates and registrations begin."""
    return Anchor.at(now, merchant.settings.time_zone).wall.date()


class Rules(Value):
    """All that decides the taxes of one buyer, read once; `places` are theirs, the closest last."""

    buyer: BillTo
    home: str | None
    setup: TaxSetup | None = None
    places: tuple[TaxPlace, ...] = ()

    def on(self, day: date) -> Taxation:
        """Returns the taxes on what is sold on a day; raises `Invalid` where the address lacks what
        they depend on (C-10)."""
        if self.setup is None:
            return UNTAXED
        return decision.decide(self.setup, self.places, self.buyer, self.home, day)


def rules(ports: Ports, merchant: Merchant, buyer: BillTo) -> Rules:
    """Reads what decides a buyer's taxes; nothing for a merchant who has set up none."""
    home = merchant.address.country if merchant.address is not None else None
    if merchant.tax_since is None:
        return Rules(buyer, home)
    setup = ports.store.tax_setup(merchant.id) or TaxSetup(merchant.id)
    address = buyer.address
    state = states.code(address.country, address.state)
    rows: list[TaxPlace | None] = []
    if setup.rates and any(r.covers(address.country, state) for r in setup.registrations):
        wanted = places_of(address.country, address.state, address.postal_code)
        rows = ports.store.tax_places(merchant.id, setup.rates, wanted)
    return Rules(buyer, home, setup, tuple(row for row in rows if row is not None))


def of_buyer(ports: Ports, merchant: Merchant, buyer: BillTo, *, now: datetime) -> Taxation:
    """Returns the taxes on what is sold to a buyer now; raises `Invalid` as `Rules.on` does."""
    return rules(ports, merchant, buyer).on(today(merchant, now))


def of_charge(
    ports: Ports, merchant: Merchant, subscription: Subscription, buyer: BillTo, *, now: datetime
) -> Taxes:
    """Returns the taxes on a subscription's next charge, and those on what it has paid before.

    A renewal does not wait for an address: where that lacks what the tax depends on, as one that
    was given before the merchant registered may, it is charged without, and counted.
    """
    try:
        current = of_buyer(ports, merchant, buyer, now=now)
    except Invalid as lacking:
        telemetry.tally({"address_incomplete": 1}, "tax_")
        telemetry.happened("charged without tax", merchant=merchant.id, why=lacking.reason)
        current = UNTAXED
    return Taxes(current, paid(ports, subscription, subscription.money.taxed_by))


def paid(ports: Ports, subscription: Subscription, invoices: Iterable[str]) -> dict[str, Taxation]:
    """Returns the taxes that invoices of a customer were charged with, by invoice."""
    names = list(invoices)
    keys = [(subscription.merchant, subscription.customer, name) for name in names]
    found = ports.store.invoices(keys) if keys else []
    taxed = {}
    for name, invoice in zip(names, found, strict=True):
        assert invoice is not None, "an invoice is never removed"
        taxed[name] = taxes.of_invoice(invoice)
    return taxed
