"""Countries as tax law knows them."""

from __future__ import annotations

from billing.kernel.countries import EU as EU
from billing.kernel.countries import WITH_STATES as WITH_STATES


def jurisdiction(country: str, state: str | None) -> str:
    """Returns the name of a place in ledgers and reports: `DE`, `US-CA`."""
    return country if state is None else f"{country}-{state}"
