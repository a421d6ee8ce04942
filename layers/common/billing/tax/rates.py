"""A merchant's table of tax rates: by country, state and postal code, dated (C-7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from billing.kernel import states
from billing.kernel.errors import Invalid
from billing.kernel.taxes import PPM, TaxRate
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity
from billing.tax.countries import jurisdiction

POSTAL_CODE_MOST = 10
NAME_MOST = 60
RATES_OF_A_PLACE_MOST = 40


class DatedRate(Value):
    """A rate of a place from a day on; None: since ever."""

    name: str
    ppm: int
    begins_on: date | None = None


class TaxPlace(Entity):
    """All rates that a merchant entered for one place: a country, a state, or the beginning of its
    postal codes.

    `generation` is the number of the table (`TaxSetup.rates`): 1, or drawn for one sent whole.
    """

    merchant: str
    generation: int
    country: str
    state: str | None = None
    postal_code: str | None = None
    rates: tuple[DatedRate, ...] = ()

    def with_rate(self, rate: DatedRate) -> TaxPlace:
        """Adds a rate, or replaces the one of the same name and day; raises `Invalid` beyond 40."""
        same = (rate.name, rate.begins_on)
        others = [r for r in self.rates if (r.name, r.begins_on) != same]
        if len(others) >= RATES_OF_A_PLACE_MOST:
            raise Invalid("tax_rates_too_many", field="name", most=RATES_OF_A_PLACE_MOST)
        return replace(self, rates=tuple(sorted((*others, rate), key=_in_order)))


def _in_order(rate: DatedRate) -> tuple[str, date]:
    return rate.name, rate.begins_on or date.min


class Place(Value):
    """Where a rate is for; the more of it is given, the closer it is."""

    country: str
    state: str | None = None
    postal_code: str | None = None


def places_of(country: str, state: str | None, postal_code: str | None) -> list[Place]:
    """Returns the places whose rates a buyer may owe, the closest last: country, state, and each
    beginning of the postal code; `state` is as it was written."""
    places = [Place(country)]
    local = states.code(country, state)
    if local is not None:
        places.append(Place(country, local))
    code = normal_postal_code(postal_code or "")
    places += [Place(country, local, code[:length]) for length in range(1, len(code) + 1)]
    return places


def normal_postal_code(text: str) -> str:
    """Returns a postal code without spaces and hyphens, in capitals."""
    return re.sub(r"[\s-]", "", text).upper()[:POSTAL_CODE_MOST]


def in_force(places: Sequence[TaxPlace], on: date) -> tuple[TaxRate, ...] | None:
    """Returns the rates that a buyer of these places, the closest last, owes on a day; None where
    none has begun.

    A name is a jurisdiction: of rates with one name the closest place's counts, and of these the
    newest that has begun. Different names are owed together: state, county and city. A rate of 0
    takes away the tax of that name.
    """
    closest: dict[str, TaxRate] = {}
    for place in places:
        begun = [r for r in place.rates if r.begins_on is None or r.begins_on <= on]
        for rate in sorted(begun, key=_in_order):
            named = jurisdiction(place.country, place.state)
            closest[rate.name] = TaxRate(named, rate.name, rate.ppm)
    # Where all of them are 0 nothing is owed, which is not the same as that none was entered.
    return tuple(rate for rate in closest.values() if rate.ppm) if closest else None


def parsed_ppm(text: str, *, field: str = "rate") -> int:
    """Returns a rate as people write it, 0.0725 or 7.25%, in millionths; raises `Invalid`."""
    written = text.strip()
    percent = written.endswith("%")
    try:
        value = Decimal(written.removesuffix("%").strip())
    except InvalidOperation:
        raise Invalid("tax_rate_malformed", field=field) from None
    whole = 100 if percent else 1
    if not value.is_finite() or not 0 <= value <= whole:  # before it is multiplied: 1e999999
        raise Invalid("tax_rate_malformed", field=field)
    ppm = value * PPM / whole
    if ppm != ppm.to_integral_value():
        raise Invalid("tax_rate_malformed", field=field)
    return int(ppm)


def decimal_of(ppm: int) -> str:
    """Returns a rate as a plain decimal: 0.0725."""
    text = f"{ppm // PPM}.{ppm % PPM:06d}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def percent_of(ppm: int) -> Decimal:
    """Returns a rate in percent: 7.25."""
    return Decimal(ppm) / (PPM // 100)


def needs_postal_code(places: Iterable[TaxPlace]) -> tuple[str, ...]:
    """Lists the jurisdictions in which a rate depends on the postal code, in order."""
    return tuple(
        sorted({jurisdiction(p.country, p.state) for p in places if p.postal_code is not None})
    )
