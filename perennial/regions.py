"""The rules by region as lines, those that need checking first (X-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from billing.cancel.regions import lookup, table
from billing.cancel.regions.rules import Rule


def lines(today: date, *, stale_only: bool = False) -> Iterator[str]:
    """Yields a line for each rule; those that nobody has checked for six months come first."""
    stale = lookup.out_of_date(table.RULES, today)
    yield f"{len(stale)} of {len(table.RULES)} rows were last checked more than six months ago"
    for rule in stale:
        yield f"CHECK  {_line(rule)}"
    for rule in () if stale_only else table.RULES:
        if rule not in stale:
            yield f"       {_line(rule)}"


def _line(rule: Rule) -> str:
    since = "off" if not rule.in_force else "always" if rule.valid_from is None else rule.valid_from
    label = rule.label(rule.speaks) or "; ".join(filter(None, rule.wording)) or rule.scope
    return (
        f"{rule.region:<6} {rule.duty:<16} {since!s:<11} {rule.certainty} "
        f"checked {rule.checked_on}  {label}  [{rule.source}]"
    )
