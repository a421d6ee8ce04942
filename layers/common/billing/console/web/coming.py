"""The charges to come in the console, per local day and currency (R-10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from billing.api.web.queries import end_of
from billing.console.web.pages import Desk, page
from billing.figures import chart
from billing.figures.chart import Chart
from billing.figures.flows import expected
from billing.figures.flows.expected import FailureRate, Kind
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor
from billing.rebill.flows import forecast
from billing.rebill.flows.forecast import Day, Forecast
from billing.render import formats
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import http

SPANS = (7, 30, 90, 365)
"""The days ahead that a page offers."""

USUAL_SPAN = 90


def forecast_page(desk: Desk) -> http.Answer:
    """Shows what would be charged on each of the days that were chosen, and in all."""
    typed = desk.request.query().get("days", str(USUAL_SPAN))
    wrong: Invalid | None = None
    found: Forecast | None = None
    rates: Mapping[Kind, FailureRate] = {}
    if typed.isascii() and typed.isdigit() and len(typed) < 5 and int(typed) in SPANS:
        merchant = desk.session.merchant
        zone = merchant.settings.time_zone
        last = Anchor.at(desk.now, zone).wall.date() + timedelta(days=int(typed))
        until = end_of(last.isoformat(), zone, "days")
        found = forecast.forecast(desk.ports, merchant, until=until, now=desk.now)
        kinds = [(day.amount.currency, day.test) for day in found.days]
        rates = expected.rates(desk.ports, merchant, kinds, now=desk.now)
    else:
        wrong = Invalid("one_of", field="days", values=", ".join(map(str, SPANS)))
    return page(
        *(desk, "console/forecast.html"),
        status=422 if wrong else 200,
        found=found,
        days=() if found is None else [_row(each, rates) for each in found.days],
        sums=() if found is None else _sums(found, rates),
        rates=[(rate, test) for (_, test), rate in rates.items()],
        charts=() if found is None else _charts(found, rates),
        spans=SPANS,
        chosen=typed,
        wrong=wrong,
    )


def _named(day: date) -> str:
    return formats.days(day, day, MERCHANTS_LANGUAGE)


def _row(day: Day, rates: Mapping[Kind, FailureRate]) -> tuple[str, Day, Money, Money]:
    """Returns a day by its name, with what is expected to fail of it and what is left."""
    lost = _lost(day, rates)
    currency = day.amount.currency
    left = Money(day.amount.amount_minor - lost, currency)
    return _named(day.date), day, Money(lost, currency), left


def _lost(day: Day, rates: Mapping[Kind, FailureRate]) -> int:
    share = rates[day.amount.currency, day.test].share
    if share is None:
        return 0
    return int((day.amount.amount_minor * share).quantize(Decimal(1), ROUND_HALF_UP))


def _sums(
    found: Forecast, rates: Mapping[Kind, FailureRate]
) -> tuple[tuple[Money, Money, Money, bool], ...]:
    """Returns the sum of each currency, what fails of it and what is left; the sandbox's money
    apart."""
    due: Counter[tuple[bool, Currency]] = Counter()
    lost: Counter[tuple[bool, Currency]] = Counter()
    for day in found.days:
        due[day.test, day.amount.currency] += day.amount.amount_minor
        lost[day.test, day.amount.currency] += _lost(day, rates)
    return tuple(
        (
            Money(minor, currency),
            Money(lost[test, currency], currency),
            Money(minor - lost[test, currency], currency),
            test,
        )
        for (test, currency), minor in sorted(due.items())
    )


def _charts(found: Forecast, rates: Mapping[Kind, FailureRate]) -> list[tuple[str, Chart]]:
    """Returns a chart of what is expected in each week, for each kind of money."""
    weeks = sorted({_week(day.date) for day in found.days})
    kinds = dict.fromkeys((day.amount.currency, day.test) for day in found.days)
    charts = []
    for currency, test in kinds:
        left: Counter[date] = Counter()
        for day in found.days:
            if (day.amount.currency, day.test) == (currency, test):
                left[_week(day.date)] += day.amount.amount_minor - _lost(day, rates)
        bars = [(f"{week:%m-%d}", left[week]) for week in weeks]
        charts.append((currency.value, chart.of(bars)))
    return charts


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())
