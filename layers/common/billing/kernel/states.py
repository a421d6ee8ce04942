"""States and provinces as people write them, for countries whose states have taxes or laws of their
own."""

from __future__ import annotations

import re
from functools import cache

from billing.kernel.countries import WITH_STATES

_NAMES = {
    "US": (
        "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|"
        "DE Delaware|DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|"
        "IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|"
        "MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|"
        "NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|"
        "NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|"
        "RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|"
        "UT Utah|VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming|"
        # What else the postal service delivers to as to a state: territories, and the military.
        "AS American Samoa|GU Guam|MP Northern Mariana Islands|PR Puerto Rico|VI Virgin Islands|"
        "AA Armed Forces Americas|AE Armed Forces Europe|AP Armed Forces Pacific"
    ),
    "CA": (
        "AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|"
        "NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|"
        "QC Quebec|QC Québec|SK Saskatchewan|YT Yukon"
    ),
    "AU": (
        "ACT Australian Capital Territory|NSW New South Wales|NT Northern Territory|QLD Queensland|"
        "SA South Australia|TAS Tasmania|VIC Victoria|WA Western Australia"
    ),
    "BR": (
        "AC Acre|AL Alagoas|AP Amapá|AM Amazonas|BA Bahia|CE Ceará|DF Distrito Federal|"
        "ES Espírito Santo|GO Goiás|MA Maranhão|MT Mato Grosso|MS Mato Grosso do Sul|"
        "MG Minas Gerais|PA Pará|PB Paraíba|PR Paraná|PE Pernambuco|PI Piauí|RJ Rio de Janeiro|"
        "RN Rio Grande do Norte|RS Rio Grande do Sul|RO Rondônia|RR Roraima|SC Santa Catarina|"
        "SP São Paulo|SE Sergipe|TO Tocantins"
    ),
    "IN": (
        "AN Andaman and Nicobar Islands|AP Andhra Pradesh|AR Arunachal Pradesh|AS Assam|BR Bihar|"
        "CH Chandigarh|CG Chhattisgarh|DH Dadra and Nagar Haveli and Daman and Diu|DL Delhi|GA Goa|"
        "GJ Gujarat|HR Haryana|HP Himachal Pradesh|JK Jammu and Kashmir|JH Jharkhand|KA Karnataka|"
        "KL Kerala|LA Ladakh|LD Lakshadweep|MP Madhya Pradesh|MH Maharashtra|MN Manipur|"
        "ML Meghalaya|MZ Mizoram|NL Nagaland|OD Odisha|PY Puducherry|PB Punjab|RJ Rajasthan|"
        "SK Sikkim|TN Tamil Nadu|TS Telangana|TR Tripura|UP Uttar Pradesh|UK Uttarakhand|"
        "WB West Bengal"
    ),
}
"""Codes and names, ISO 3166-2 without the country (India: as on registration plates; those of the
military: https://pe.usps.com/text/pub28/28apb.htm)."""


def code(country: str, text: str | None) -> str | None:
    """Returns the code of a state written as code or name, in any case; None for another text.

    None too for countries whose states have none of their own.
    """
    if country not in WITH_STATES or text is None:
        return None
    return _codes(country).get(_plain(text))


def codes(country: str) -> frozenset[str]:
    """Returns all codes of a country's states."""
    return frozenset(_codes(country).values())


@cache
def _codes(country: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for entry in _NAMES[country].split("|"):
        short, _, name = entry.partition(" ")
        known[_plain(short)] = known[_plain(name)] = short
    return known


def _plain(text: str) -> str:
    return re.sub(r"[\s.]+", " ", text).strip().casefold()
