"""Countries as tax law knows them."""

from __future__ import annotations

EU = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"}
    | {"IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
"""The member states of the EU, whose VAT one registration (OSS) covers."""

WITH_STATES = frozenset({"AU", "BR", "CA", "IN", "US"})
"""Countries whose states or provinces have taxes of their own."""


def jurisdiction(country: str, state: str | None) -> str:
    """Returns the name of a place in ledgers and reports: `DE`, `US-CA`."""
    return country if state is None else f"{country}-{state}"
