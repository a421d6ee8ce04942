"""The rule that counts for a buyer: by country, state, day and duty (X-10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from billing.cancel.regions.rules import Duty, Offers, Rule
from billing.cancel.regions.table import RULES
from billing.kernel import states
from billing.kernel.countries import EU

EVERYWHERE, UNION = "*", "EU"
_FEWEST_OFFERS = (Offers.BESIDE, Offers.ASK_FIRST, Offers.NONE)


def regions_of(country: str, state: str | None) -> tuple[str, ...]:
    """Returns the regions that a buyer lives in, the widest first; a state is named by its code or
    its name, as people write it."""
    union = (UNION,) if country in EU else ()
    code = states.code(country, state) or state
    within = (f"{country}-{code}",) if code else ()
    return (EVERYWHERE, *union, country, *within)


def rules(
    country: str, state: str | None, on: date, duty: Duty, table: Iterable[Rule] = RULES
) -> list[Rule]:
    """Returns all rules of a duty that hold for a buyer on a day, the widest region first."""
    places = regions_of(country, state)
    found = [
        each
        for each in table
        if each.duty is duty and each.region in places and each.applies_on(on)
    ]
    return sorted(found, key=lambda each: places.index(each.region))


def rule(
    country: str, state: str | None, on: date, duty: Duty, table: Sequence[Rule] = RULES
) -> Rule | None:
    """Returns the rule that counts: of several, the one that gives the buyer more.

    Of equal ones it is that of the closest region, whose labels are prescribed there.
    """
    found = rules(country, state, on, duty, table)
    places = regions_of(country, state)
    return max(found, key=lambda each: (*_gives(each), places.index(each.region)), default=None)


def is_unchecked(rule: Rule, language: str) -> bool:
    """Tests whether a rule's label is shown in another language than the one asked for."""
    return bool(rule.labels) and language not in rule.labels


def overriding_states(table: Iterable[Rule] = RULES) -> list[str]:
    """Returns the US states whose law lets customers cancel whatever a merchant's setting is."""
    cancelling = (r for r in table if r.duty is Duty.CANCELLATION and r.self_cancel_required)
    return sorted(r.region.partition("-")[2] for r in cancelling if r.region.startswith("US-"))


def out_of_date(table: Iterable[Rule], today: date) -> list[Rule]:
    """Returns the rules that nobody has checked for six months, the oldest first."""
    month = today.month - 6
    year, month = (today.year, month) if month > 0 else (today.year - 1, month + 12)
    # The last day of a shorter month is not needed: the first of the next one is later.
    limit = (year, month, today.day)
    found = [r for r in table if (r.checked_on.year, r.checked_on.month, r.checked_on.day) < limit]
    return sorted(found, key=lambda each: each.checked_on)


def _gives(rule: Rule) -> tuple[int, ...]:
    """Returns what a rule gives the buyer, each part the more the greater."""
    return (
        int(rule.self_cancel_required),
        int(not rule.login_allowed),
        _FEWEST_OFFERS.index(rule.offers),
        rule.days or 0,
        max((each.least for each in rule.windows), default=0),
    )
