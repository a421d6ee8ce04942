"""The charges to come in the console, per local day and currency (R-10)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from billing.api.web.queries import end_of
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor
from billing.rebill.flows import forecast
from billing.rebill.flows.forecast import Forecast
from billing.render import formats
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import http

SPANS = (7, 30, 90, 365)
"""The days ahead that a page offers."""


def forecast_page(desk: Desk) -> http.Answer:
    """Shows what would be charged on each of the days that were chosen, and in all."""
    typed = desk.request.query().get("days", "30")
    wrong: Invalid | None = None
    found: Forecast | None = None
    if typed.isascii() and typed.isdigit() and len(typed) < 5 and int(typed) in SPANS:
        merchant = desk.session.merchant
        zone = merchant.settings.time_zone
        last = Anchor.at(desk.now, zone).wall.date() + timedelta(days=int(typed))
        until = end_of(last.isoformat(), zone, "days")
        found = forecast.forecast(desk.ports, merchant, until=until, now=desk.now)
    else:
        wrong = Invalid("one_of", field="days", values=", ".join(map(str, SPANS)))
    return page(
        *(desk, "console/forecast.html"),
        status=422 if wrong else 200,
        found=found,
        days=() if found is None else [(_named(each.date), each) for each in found.days],
        sums=() if found is None else _sums(found),
        spans=SPANS,
        chosen=typed,
        wrong=wrong,
    )


def _named(day: date) -> str:
    return formats.days(day, day, MERCHANTS_LANGUAGE)


def _sums(found: Forecast) -> tuple[tuple[Money, bool], ...]:
    """Returns the sum of each currency; the sandbox's money apart."""
    sums: Counter[tuple[bool, Currency]] = Counter()
    for day in found.days:
        sums[day.test, day.amount.currency] += day.amount.amount_minor
    return tuple((Money(minor, currency), test) for (test, currency), minor in sorted(sums.items()))
