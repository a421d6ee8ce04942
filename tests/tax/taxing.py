"""A merchant who collects tax, in the tests' world."""

from __future__ import annotations

from datetime import date

from billing.kernel.customers import Address
from billing.kernel.invoices import Invoice
from billing.kernel.ledger import trial_balance
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import Source
from billing.kernel.writes import Insert
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.tax.rates import DatedRate, TaxPlace
from billing.tax.registrations import Registration, TaxSetup
from tests.world import START, World

LONG_AGO = date(2020, 1, 1)
BERLIN = Address("Unter den Linden 1", "Berlin", "DE", postal_code="10117")
BUDAPEST = Address("Andrássy út 1", "Budapest", "HU", postal_code="1061")
LOS_ANGELES = Address("1 Spring Street", "Los Angeles", "US", postal_code="90012", state="CA")

OSS = Registration("reg_eu", "EU", home="DE", began_on=LONG_AGO)
CALIFORNIA = Registration("reg_ca", "US", "CA", began_on=LONG_AGO)
STACKED = (
    TaxPlace("acme", 1, "US", "CA", rates=(DatedRate("California", 60_000),)),
    TaxPlace("acme", 1, "US", "CA", "900", (DatedRate("Los Angeles County", 2_500),)),
    TaxPlace("acme", 1, "US", "CA", "90012", (DatedRate("Los Angeles", 22_500),)),
)


def collecting(world: World, *registrations: Registration) -> World:
    """Registers the world's merchant, from long ago on; California has three rates."""
    setup = TaxSetup("acme", registrations or (OSS, CALIFORNIA), rates=1, by_postal_code=("US-CA",))
    world.store.commit(Insert(setup), *(Insert(place) for place in STACKED))
    world.change_merchant(tax_since=START)
    return world


def booked(world: World, email: str = "ann@example.com") -> dict[str, int]:
    """Returns the balances of sales and taxes in the customer's ledger, as people read them."""
    balance = trial_balance(world.history(email).ledger)
    assert sum(balance.values()) == 0
    return {
        account: -amount
        for (account, _), amount in balance.items()
        if account.startswith(("revenue", "liabilities")) and amount
    }


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


def newest(world: World) -> Invoice:
    return world.history().invoices[-1]


def returned(world: World, invoice: Invoice, amount: int | None = None) -> None:
    world.now = world.now.replace(microsecond=world.now.microsecond + 1)
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", invoice.order_id),
        amount_minor=amount,
        source=Source.MERCHANT,
        takes=Takes.OWN,
        now=world.now,
    )
