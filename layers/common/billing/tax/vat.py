"""The dated table of VAT rates that comes with the product: EU, UK, Switzerland, Norway (C-7).

Standard rates, which digital products have; reduced ones are entered as rates of one's own.
"""

from __future__ import annotations

from datetime import date, timedelta

from billing.kernel.taxes import TaxRate

NAME = "VAT"

CHECKED_ON = date(2026, 11, 29)
"""The day when the table was last compared with its sources."""

SOURCES = {
    "EU": "European Commission, Taxes in Europe Database, https://ec.europa.eu/taxation_customs/tedb/",
    "GB": "HMRC, VAT rates, https://www.gov.uk/vat-rates",
    "CH": "Federal Tax Administration, https://www.estv.admin.ch/estv/en/home/value-added-tax.html",
    "NO": "Skatteetaten, https://www.skatteetaten.no/en/rates/value-added-tax/",
}

RATES: dict[str, tuple[tuple[str, int], ...]] = {
    "AT": (("2016-01-01", 200000),),
    "BE": (("1996-01-01", 210000),),
    "BG": (("1999-01-01", 200000),),
    "CH": (
        ("2018-01-01", 77000),
        ("2024-01-01", 81000),
    ),
    "CY": (("2014-01-13", 190000),),
    "CZ": (("2013-01-01", 210000),),
    "DE": (("2021-01-01", 190000),),
    "DK": (("1992-01-01", 250000),),
    "EE": (
        ("2009-07-01", 200000),
        ("2024-01-01", 220000),
        ("2025-07-01", 240000),
    ),
    "ES": (("2012-09-01", 210000),),
    "FI": (
        ("2013-01-01", 240000),
        ("2024-09-01", 255000),
    ),
    "FR": (("2014-01-01", 200000),),
    "GB": (("2011-01-04", 200000),),
    "GR": (("2016-06-01", 240000),),
    "HR": (("2012-03-01", 250000),),
    "HU": (("2012-01-01", 270000),),
    "IE": (("2021-03-01", 230000),),
    "IT": (("2013-10-01", 220000),),
    "LT": (("2009-09-01", 210000),),
    "LU": (
        ("2023-01-01", 160000),
        ("2024-01-01", 170000),
    ),
    "LV": (("2012-07-01", 210000),),
    "MT": (("2004-01-01", 180000),),
    "NL": (("2012-10-01", 210000),),
    "NO": (("2005-01-01", 250000),),
    "PL": (("2011-01-01", 230000),),
    "PT": (("2011-01-01", 230000),),
    "RO": (
        ("2017-01-01", 190000),
        ("2025-08-01", 210000),
    ),
    "SE": (("1990-07-01", 250000),),
    "SI": (("2013-07-01", 220000),),
    "SK": (
        ("2011-01-01", 200000),
        ("2025-01-01", 230000),
    ),
}
"""By country: the day on which a rate began, and the rate in millionths, oldest first."""


CHECK_AFTER = timedelta(days=365)
"""The age at which the table should be compared with its sources again."""


def is_old(on: date) -> bool:
    """Tests whether the table was last compared with its sources more than a year before a day."""
    return on - CHECKED_ON > CHECK_AFTER


def rates_on(on: date) -> list[TaxRate]:
    """Returns the standard rate of every country in the table on a day, by country."""
    found = (rate(country, on) for country in sorted(RATES))
    return [each for each in found if each is not None]


def rate(country: str, on: date) -> TaxRate | None:
    """Returns a country's standard rate on a day; None for a country that the table lacks."""
    begun = [ppm for begins, ppm in RATES.get(country, ()) if begins <= on.isoformat()]
    return TaxRate(country, NAME, begun[-1]) if begun else None
