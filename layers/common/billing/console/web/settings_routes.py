"""The routes of the console's settings: the form, departments, and the merchant's own details."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import business, departments, settings
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/settings")
    def settings_page() -> http.Answer:
        return settings.settings_page(looks())

    @app.post("/console/settings")
    def change_settings() -> http.Answer:
        return settings.change(sends())

    @app.get("/console/settings/business")
    def business_page() -> http.Answer:
        return business.business_page(looks())

    @app.post("/console/settings/business")
    def change_business() -> http.Answer:
        return business.change(sends())

    _departments(app, looks, sends)


def _departments(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/settings/departments")
    def department_list() -> http.Answer:
        return departments.list_page(looks())

    @app.get("/console/settings/departments/new")
    def new_department() -> http.Answer:
        return departments.form_page(looks(), None)

    @app.post("/console/settings/departments/new")
    def add_department() -> http.Answer:
        return departments.save(sends(), None)

    @app.get("/console/settings/departments/<department>")
    def department_page(department: str) -> http.Answer:
        return departments.form_page(looks(), plain_id(department))

    @app.post("/console/settings/departments/<department>")
    def change_department(department: str) -> http.Answer:
        return departments.save(sends(), plain_id(department))

    @app.post("/console/settings/departments/<department>/remove")
    def remove_department(department: str) -> http.Answer:
        return departments.remove(sends(), plain_id(department))
