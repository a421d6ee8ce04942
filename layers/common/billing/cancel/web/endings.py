"""The links to where a contract is cancelled or withdrawn from, for a visitor's region (X-10)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from billing.cancel.flows.endings import Ending, labelled
from billing.kernel.countries import COUNTRIES
from billing.kernel.merchants import Merchant
from billing.web import custom_domains
from billing.web.request import COUNTRY_HEADER, Request

STATE_HEADER = "cloudfront-viewer-country-region"


def for_visitor(
    request: Request, merchant: Merchant, language: str, now: datetime
) -> tuple[Ending, ...]:
    """Returns the links of a page's footer, with the labels of the visitor's region.

    A region that was chosen in the address of the page is passed on.
    """
    country, state = place(request)
    chosen = ""
    if country and request.query().get("country", "").upper() == country:
        given = {"country": country, "state": state, "lang": language}
        chosen = "?" + urlencode({name: value for name, value in given.items() if value})
    return labelled(
        custom_domains.declarations(request, merchant, "cancel") + chosen,
        custom_domains.declarations(request, merchant, "withdraw") + chosen,
        country,
        state,
        language,
        now.date(),
    )


def place(request: Request) -> tuple[str, str | None]:
    """Returns a visitor's country and state: those in the address, else those of the network.

    The country is empty where nobody knows it.
    """
    query = request.query()
    chosen = query.get("country", "").upper()
    if chosen in COUNTRIES:
        return chosen, _state(query.get("state", ""))
    country = request.headers.get(COUNTRY_HEADER, "").upper()
    state = _state(request.headers.get(STATE_HEADER, ""))
    return (country, state) if country in COUNTRIES else ("", None)


def _state(typed: str) -> str | None:
    code = typed.strip().upper()
    return code if 0 < len(code) <= 3 and code.isascii() and code.isalnum() else None
