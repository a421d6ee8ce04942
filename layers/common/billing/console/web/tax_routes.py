"""The routes of the console's tax page."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import taxes
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/tax")
    def tax_page() -> http.Answer:
        return taxes.tax_page(looks())

    @app.post("/console/tax/registrations")
    def register_for_tax() -> http.Answer:
        return taxes.register(sends())

    @app.get("/console/tax/registrations/<registration>/end")
    def end_page(registration: str) -> http.Answer:
        return taxes.end_page(looks(), plain_id(registration))

    @app.post("/console/tax/registrations/<registration>/end")
    def end_registration(registration: str) -> http.Answer:
        return taxes.end(sends(), plain_id(registration))

    @app.post("/console/tax/without")
    def confirm_without_tax() -> http.Answer:
        return taxes.confirm_without(sends())

    @app.post("/console/tax/rates")
    def set_rate() -> http.Answer:
        return taxes.set_rate(sends())

    @app.get("/console/tax/report.csv")
    def report_file() -> http.Answer:
        return taxes.report_file(looks())

    @app.get("/console/tax/rates.csv")
    def table_file() -> http.Answer:
        return taxes.table_file(looks())

    @app.post("/console/tax/rates.csv")
    def replace_table() -> http.Answer:
        return taxes.replace_table(sends())
