"""Countries as tax law knows them."""

from __future__ import annotations

from billing.kernel.countries import EU as EU

WITH_STATES = frozenset({"AU", "BR", "CA", "IN", "US"})
"""Countries whose states or provinces have taxes of their own."""


def jurisdiction(country: str, state: str | None) -> str:
    """Returns the name of a place in ledgers and reports: `DE`, `US-CA`."""
    return country if state is None else f"{country}-{state}"
