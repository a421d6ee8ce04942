"""Where a merchant collects tax, and since when (C-7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from billing.kernel import states
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity
from billing.tax.countries import EU, WITH_STATES, jurisdiction

THRESHOLD_MOST_MINOR = 10**12
"""The highest threshold: as many digits as an amount that is typed can have."""


class Nexus(StrEnum):
    """Why a merchant must collect tax somewhere: it is there, or it sells enough there (C-7)."""

    PRESENCE = "presence"
    THRESHOLD = "threshold"


class Registration(Value):
    """One place where a merchant collects tax, or will once it sells enough there.

    `home` is set for the EU's one-stop shop alone, the member state of registration; `country` is
    then `EU`. A threshold is passed by revenue or by a number of orders, of this or the last
    calendar year. Tax is collected from `began_on` on, until `ended_on`; days of the merchant's
    zone.
    """

    id: str
    country: str
    state: str | None = None
    nexus: Nexus = Nexus.PRESENCE
    threshold: Money | None = None
    orders: int | None = None
    home: str | None = None
    began_on: date | None = None
    ended_on: date | None = None

    @property
    def jurisdiction(self) -> str:
        return jurisdiction(self.country, self.state)

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        """The places whose sales count towards its threshold: a country's are those of its states
        too, for a sale is known by the state."""
        if self.state is not None or self.country not in WITH_STATES:
            return (self.jurisdiction,)
        parts = sorted(states.codes(self.country))
        return (self.country, *(jurisdiction(self.country, part) for part in parts))

    def collects(self, on: date) -> bool:
        """Tells whether tax is collected on a day."""
        begun = self.began_on is not None and self.began_on <= on
        return begun and (self.ended_on is None or on < self.ended_on)

    def covers(self, country: str, state: str | None) -> bool:
        """Tells whether it is for buyers from there."""
        if self.home is not None:
            return country in EU
        return self.country == country and self.state in {None, state}


class TaxSetup(Entity):
    """All that a merchant has set up about tax.

    `rates` is the generation of its table of rates, which changes when the table is replaced whole;
    `by_postal_code` lists the jurisdictions in which a rate depends on it. `confirmed_without`
    means that the merchant said it sells without tax; `trust_format` that a buyer's tax id counts
    as confirmed by its check digits alone; `vies` that the EU's register is asked about it.
    """

    merchant: str
    registrations: tuple[Registration, ...] = ()
    rates: int = 0
    by_postal_code: tuple[str, ...] = ()
    confirmed_without: bool = False
    trust_format: bool = False
    vies: bool = False

    def collecting(self, country: str, state: str | None, on: date) -> Registration | None:
        """Returns the registration by which tax is collected from a buyer on a day, if any."""
        return next(
            (r for r in self.registrations if r.covers(country, state) and r.collects(on)), None
        )

    def collects_in(self, country: str, on: date) -> bool:
        """Tells whether tax is collected anywhere in a country on a day."""
        return any(
            r.collects(on) and (r.country == country or (r.home is not None and country in EU))
            for r in self.registrations
        )

    def registered(self, registration: Registration) -> TaxSetup:
        """Adds a registration; raises `Invalid` for a second one of the same place."""
        if any(r.jurisdiction == registration.jurisdiction for r in self.open_registrations):
            raise Invalid("tax_registered_already", field="country")
        return replace(
            self,
            registrations=(*self.registrations, registration),
            confirmed_without=False,
        )

    @property
    def open_registrations(self) -> tuple[Registration, ...]:
        return tuple(r for r in self.registrations if r.ended_on is None)

    def changed(self, registration: Registration) -> TaxSetup:
        """Replaces a registration by the one with the same id."""
        return replace(
            self,
            registrations=tuple(
                registration if r.id == registration.id else r for r in self.registrations
            ),
        )


def check(registration: Registration, currency: Currency) -> Registration:
    """Returns a valid registration of a merchant with that currency; raises `Invalid`."""
    country, state = registration.country, registration.state
    if registration.home is not None:
        if registration.home not in EU:
            raise Invalid("tax_home_outside_eu", field="home")
        return registration
    if country in WITH_STATES and state is None and country == "US":
        raise Invalid("tax_state_needed", field="state")
    if state is not None and (country not in WITH_STATES or state not in states.codes(country)):
        raise Invalid("tax_state_unknown", field="state")
    given = (registration.threshold, registration.orders) != (None, None)
    if registration.nexus is Nexus.THRESHOLD and not given:
        raise Invalid("tax_threshold_needed", field="threshold")
    if registration.nexus is Nexus.PRESENCE and given:
        raise Invalid("tax_threshold_of_presence", field="threshold")
    if registration.threshold is not None:
        _check_threshold(registration.threshold, currency)
    return registration


def _check_threshold(most: Money, currency: Currency) -> None:
    """Refuses a threshold that revenue, which is in the merchant's currency, is not compared
    with."""
    if most.currency is not currency:
        raise Invalid("currency", field="threshold.currency", currency=currency)
    if not 1 <= most.amount_minor <= THRESHOLD_MOST_MINOR:
        raise Invalid(
            "amount_out_of_range",
            field="threshold.amount",
            least=Money(1, currency),
            most=Money(THRESHOLD_MOST_MINOR, currency),
        )


def passed(registration: Registration, revenue_minor: Iterable[int], orders: Iterable[int]) -> bool:
    """Tells whether a threshold is passed: `revenue_minor` and `orders` are of this calendar year
    and the last one, each compared by itself."""
    most = registration.threshold
    by_revenue = most is not None and any(each >= most.amount_minor for each in revenue_minor)
    by_orders = registration.orders is not None and any(
        each >= registration.orders for each in orders
    )
    return by_revenue or by_orders
