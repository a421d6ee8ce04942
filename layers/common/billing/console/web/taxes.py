"""The tax page of the console: registrations, rates, "I sell without tax" (C-7, C-10).

What is typed is read by the inputs of /v1, and its errors stand at the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from billing.console.web.pages import Desk, page
from billing.console.web.product_forms import number
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.money import Money
from billing.tax import csv_rates, csv_report, vat
from billing.tax.flows import setup, sums
from billing.tax.flows.taxation import today
from billing.tax.rates import percent_of
from billing.tax.registrations import Nexus
from billing.tax.web.shapes import RateInput, RegistrationInput, ReportQuery
from billing.web import http
from billing.web.inputs import read
from billing.web.problems import errors_of

Errors = Mapping[str, Invalid]
HERE = "/console/tax"
RATES_SHOWN = 50
DONE = frozenset({"registered", "ended", "confirmed", "rate", "table"})
REGISTRATION = ("scheme", "country", "state", "nexus", "threshold", "orders", "home")
RATE = ("country", "state", "postal_code", "name", "rate", "from")
FORMS = ("registration", "rate", "table", "report")
CSV = "text/csv; charset=utf-8"


def tax_page(
    desk: Desk,
    *,
    wrong: str | None = None,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    rows: tuple[csv_rates.WrongRow, ...] = (),
) -> http.Answer:
    """Shows where tax is collected and the table of rates; `wrong` names the form with errors."""
    query, merchant = desk.request.query(), desk.session.merchant
    cursor = None if wrong else query.get("cursor") or None
    what = query.get("done")
    after = None if cursor is None else setup.place_at(cursor)
    taxes = setup.of(desk.ports, merchant)
    table = setup.table(desk.ports, merchant, limit=RATES_SHOWN, after=after)
    return page(
        desk,
        "console/tax.html",
        status=422 if wrong else 200,
        taxes=taxes,
        table=[(place, [(r, percent_of(r.ppm)) for r in place.rates]) for place in table.data],
        forms={form: typed if typed and form == wrong else {} for form in FORMS},
        errors={form: errors if errors and form == wrong else {} for form in FORMS},
        rows=rows,
        vat_checked_on=vat.CHECKED_ON,
        vat_sources=vat.SOURCES,
        vat_is_old=vat.is_old(today(merchant, desk.now)),
        done=what if what in DONE and not wrong else None,
        next_url=table.next and f"{HERE}?{urlencode({'cursor': table.next})}",
        first_url=HERE if cursor else None,
    )


def register(desk: Desk) -> http.Answer:
    """Registers for a tax, as the form says."""
    typed = _typed(desk, REGISTRATION)
    currency = desk.session.merchant.settings.currency

    def take() -> None:
        document: dict[str, Any] = dict(typed)
        if document.pop("nexus", None) == Nexus.THRESHOLD:
            document["nexus"] = Nexus.THRESHOLD.value
        else:  # the fields of another kind of registration are out of the way
            document.pop("threshold", None)
            document.pop("orders", None)
        if "scheme" in document:
            document = {n: v for n, v in document.items() if n in ("scheme", "home")}
        else:
            document.pop("home", None)
        if "threshold" in document:
            most = Money.typed(document["threshold"], currency, field="threshold")
            amount = {"amount": most.amount_minor, "currency": currency.value}
            document["threshold"] = amount
        if "orders" in document:
            document["orders"] = number(document["orders"])
        wanted = read(RegistrationInput, document).registration()
        setup.register(desk.ports, desk.session.merchant, wanted, now=desk.now)

    return _taken(desk, "registration", typed, take, "registered")


def end_page(desk: Desk, registration: str) -> http.Answer:
    """Says what ending a registration does; raises `NotFound` for one that is not open."""
    taxes = setup.of(desk.ports, desk.session.merchant)
    found = next((r for r in taxes.open_registrations if r.id == registration), None)
    if found is None:
        raise NotFound("tax_registration_unknown")
    return page(desk, "console/tax_end.html", registration=found)


def end(desk: Desk, registration: str) -> http.Answer:
    """Ends a registration; one that has ended stays so."""
    setup.end(desk.ports, desk.session.merchant, registration, now=desk.now)
    return http.redirect(f"{HERE}?done=ended")


def confirm_without(desk: Desk) -> http.Answer:
    """Notes that the merchant means to sell without tax (C-10)."""
    setup.confirm_without(desk.ports, desk.session.merchant)
    return http.redirect(f"{HERE}?done=confirmed")


def set_rate(desk: Desk) -> http.Answer:
    """Enters one rate of a place."""
    typed = _typed(desk, RATE)

    def take() -> None:
        given = read(RateInput, typed)
        place, rate = given.place(), given.dated()
        setup.set_rate(desk.ports, desk.session.merchant, place, rate, now=desk.now)

    return _taken(desk, "rate", typed, take, "rate")


def replace_table(desk: Desk) -> http.Answer:
    """Replaces the table by a file, or what was pasted; one wrong row, and nothing changes."""
    form = desk.request.form()
    pasted = form.get("csv", "")
    text = form.get("file", "").strip() or pasted
    typed = {"csv": pasted}
    try:
        if not text.strip():
            raise Invalid("required", field="csv")
        rows, wrong = csv_rates.read(text)
        if wrong:
            return tax_page(desk, wrong="table", typed=typed, rows=tuple(wrong))
        if not rows:
            raise Invalid("required", field="csv")
        setup.replace_table(desk.ports, desk.session.merchant, rows, now=desk.now)
    except Invalid as error:
        return tax_page(desk, wrong="table", typed=typed, errors=errors_of(error))
    return http.redirect(f"{HERE}?done=table")


def table_file(desk: Desk) -> http.Answer:
    """Sends the table of rates in the form in which it can be sent again."""
    found = setup.whole_table(desk.ports, desk.session.merchant)
    return http.file("".join(csv_rates.written(found)), "tax-rates.csv", CSV)


def report_file(desk: Desk) -> http.Answer:
    """Sends what was taxed in some days as CSV; wrong days come back at their fields."""
    typed = {n: v for n, v in desk.request.query().items() if n in ("from", "to") and v.strip()}
    try:
        since, until = read(ReportQuery, typed).days()
        found = sums.report(desk.ports, desk.session.merchant, since, until)
    except Invalid as error:
        return tax_page(desk, wrong="report", typed=typed, errors=errors_of(error))
    return http.file("".join(csv_report.written(found)), f"tax-{since}-{until}.csv", CSV)


def _typed(desk: Desk, names: tuple[str, ...]) -> dict[str, str]:
    form = desk.request.form()
    return {name: form[name].strip() for name in names if form.get(name, "").strip()}


def _taken(
    desk: Desk, form: str, typed: Mapping[str, str], take: Callable[[], None], what: str
) -> http.Answer:
    try:
        take()
    except Invalid as error:
        errors = {name.partition(".")[0]: each for name, each in errors_of(error).items()}
        return tax_page(desk, wrong=form, typed=typed, errors=errors)
    return http.redirect(f"{HERE}?done={what}")
