"""The taxes that a buyer owes: by registrations, rates, address and tax id (C-7, C-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from billing.kernel import states
from billing.kernel.customers import BillTo
from billing.kernel.errors import Invalid
from billing.kernel.taxes import UNTAXED, Taxation, TaxRate
from billing.tax import vat
from billing.tax.countries import EU, WITH_STATES, jurisdiction
from billing.tax.rates import TaxPlace, in_force
from billing.tax.registrations import TaxSetup


def decide(
    setup: TaxSetup, places: Sequence[TaxPlace], buyer: BillTo, seller_country: str | None, on: date
) -> Taxation:
    """Returns the taxes on what a buyer buys on a day; `places` are theirs, the closest last.

    Raises `Invalid` naming the field of the address without which the tax would be guessed (C-10).
    """
    country = buyer.address.country
    state = states.code(country, buyer.address.state)
    if country in WITH_STATES and state is None and setup.collects_in(country, on):
        raise Invalid("tax_needs_state", field="address.state")
    registration = setup.collecting(country, state, on)
    if registration is None:
        return UNTAXED
    local = jurisdiction(country, state)
    if local in setup.by_postal_code and not buyer.address.postal_code:
        raise Invalid("tax_needs_postal_code", field="address.postal_code")
    rates = in_force(places, on)
    if rates is None:  # The merchant entered none, not even one of 0.
        standard = vat.rate(country, on)
        rates = () if standard is None else (standard,)
    trusted = buyer.tax_id_confirmed or setup.trust_format
    if rates and trusted and _crosses_a_border(buyer, registration.home or seller_country):
        return Taxation(reverse_charge=TaxRate(country, rates[0].name, 0))
    return Taxation(rates)


def asks_register(setup: TaxSetup, buyer: BillTo, seller_country: str | None, on: date) -> bool:
    """Tells whether the EU's register is asked about a buyer's tax id: the merchant wants it, and
    the buyer would owe the tax themselves if it were confirmed."""
    where = buyer.address
    registration = setup.collecting(where.country, states.code(where.country, where.state), on)
    if registration is None or not setup.vies or buyer.tax_id_confirmed:
        return False
    return _crosses_a_border(buyer, registration.home or seller_country)


def _crosses_a_border(buyer: BillTo, home: str | None) -> bool:
    """Tells whether a business buys from another member state of the EU: it owes the tax itself.

    Directive 2006/112/EC, articles 44 and 196. Whether its id is believed is another question.
    """
    country = buyer.address.country
    return buyer.tax_id is not None and country in EU and home in EU and country != home
