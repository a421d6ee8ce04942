"""The words and addresses under which a buyer ends a contract, by where they live (X-10)."""

from __future__ import annotations

from datetime import date

from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty
from billing.render.messages import text

Ending = tuple[str, str]
"""The words of a link, and its address."""


def labelled(
    cancel: str, withdraw: str, country: str, state: str | None, language: str, on: date
) -> tuple[Ending, ...]:
    """Returns the links to both pages; that to withdraw only where the law gives that right."""
    cancels = lookup.rule(country, state, on, Duty.CANCELLATION)
    prescribed = None if cancels is None else cancels.label(language)
    links = [(prescribed or text(language, "declaration.cancel.label"), cancel)]
    withdraws = lookup.rule(country, state, on, Duty.WITHDRAWAL)
    if withdraws is not None:
        words = withdraws.label(language) or text(language, "declaration.withdraw.label")
        links.append((words, withdraw))
    return tuple(links)
