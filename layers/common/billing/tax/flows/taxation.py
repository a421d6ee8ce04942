"""Looks up the taxes that a buyer owes, from the merchant's setup and rates (C-7, C-10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from billing.kernel import states, taxes
from billing.kernel.customers import BillTo
from billing.kernel.errors import Invalid
from billing.kernel.merchants import Merchant
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import UNTAXED, Taxation, Taxes
from billing.kernel.values import Value
from billing.runtime import telemetry
from billing.tax import decision
from billing.tax.rates import Place, TaxPlace, places_of
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

    def ask_register_on(self, day: date) -> bool:
        """Tells whether the EU's register is asked about the buyer's tax id."""
        setup = self.setup
        return setup is not None and decision.asks_register(setup, self.buyer, self.home, day)


def rules(ports: Ports, merchant: Merchant, buyer: BillTo) -> Rules:
    """Reads what decides a buyer's taxes; nothing for a merchant who has set up none."""
    (found,) = rules_of(ports, merchant, [buyer])
    return found


def rules_of(ports: Ports, merchant: Merchant, buyers: Sequence[BillTo]) -> list[Rules]:
    """Reads what decides the taxes of many buyers, in two reads at most."""
    home = merchant.address.country if merchant.address is not None else None
    if merchant.tax_since is None or not buyers:
        return [Rules(buyer, home) for buyer in buyers]
    setup = ports.store.tax_setup(merchant.id) or TaxSetup(merchant.id)
    wanted = [_places(setup, buyer) for buyer in buyers]
    each = list(dict.fromkeys(place for places in wanted for place in places))
    rows = ports.store.tax_places(merchant.id, setup.rates, each) if each else []
    known = {place: row for place, row in zip(each, rows, strict=True) if row is not None}
    return [
        Rules(buyer, home, setup, tuple(known[place] for place in places if place in known))
        for buyer, places in zip(buyers, wanted, strict=True)
    ]


def _places(setup: TaxSetup, buyer: BillTo) -> list[Place]:
    """Returns the places whose rates are looked up for a buyer, the closest last."""
    where = buyer.address
    state = states.code(where.country, where.state)
    if not setup.rates or not any(r.covers(where.country, state) for r in setup.registrations):
        return []
    return places_of(where.country, where.state, where.postal_code)


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
    return paid_of(
        ports, [(subscription.merchant, subscription.customer, name) for name in invoices]
    )


def paid_of(ports: Ports, invoices: Sequence[tuple[str, str, str]]) -> dict[str, Taxation]:
    """Returns the taxes that invoices (merchant, customer, id) were charged with, by id."""
    taxed = {}
    for invoice in ports.store.invoices(invoices) if invoices else ():
        assert invoice is not None, "an invoice is never removed"
        taxed[invoice.id] = taxes.of_invoice(invoice)
    return taxed
