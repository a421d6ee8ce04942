"""Choice of one of the fifteen languages for a visitor (C-5)."""

from __future__ import annotations

from billing.kernel.merchants import Merchant
from billing.render.messages import ENGLISH, LANGUAGES
from billing.web.request import Request

SPOKEN = {
    "AT": "de",
    "BG": "bg",
    "BR": "pt",
    "DE": "de",
    "DK": "da",
    "ES": "es",
    "FI": "fi",
    "FR": "fr",
    "GB": "en",
    "IE": "en",
    "IT": "it",
    "LI": "de",
    "MD": "ro",
    "MX": "es",
    "NL": "nl",
    "NO": "no",
    "PL": "pl",
    "PT": "pt",
    "RO": "ro",
    "SE": "sv",
    "SK": "sk",
    "US": "en",
    **dict.fromkeys(("AR", "BO", "CL", "CO", "CR", "CU", "DO", "EC", "GT", "HN"), "es"),
    **dict.fromkeys(("NI", "PA", "PE", "PY", "SV", "UY", "VE"), "es"),
}
"""Countries in which one of the languages is most people's.

Where several are, as in Belgium or Switzerland, the browser decides.
"""

_OTHER_NAMES = {"nb": "no", "nn": "no"}


def spoken(merchant: Merchant, request: Request) -> str:
    """Returns the language of a page: the merchant's, or the visitor's own."""
    return merchant.settings.language_for(of_visitor(request))


def of_visitor(request: Request) -> str:
    """Returns the language of the visitor's country, else of their browser, else English.

    Of the browser's languages it is the first that is one of the fifteen.
    """
    return SPOKEN.get(request.country or "") or accepted(request.headers.get("accept-language", ""))


def accepted(header: str) -> str:
    """Returns the best of the fifteen in an Accept-Language header (RFC 9110, 12.5.4)."""
    best, best_weight = ENGLISH, 0.0
    for part in header[:500].split(","):
        tag, _, weighed = part.strip().partition(";")
        primary = tag.lower().partition("-")[0].strip()
        primary = _OTHER_NAMES.get(primary, primary)
        weight = _weight(weighed)
        if primary in LANGUAGES and weight > best_weight:
            best, best_weight = primary, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
