"""The routes of the console's customers."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import customer_changes, customers, lists, portal_link
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/customers")
    def customer_list() -> http.Answer:
        return lists.customer_list(looks())

    @app.get("/console/customers/<customer>")
    def customer_page(customer: str) -> http.Answer:
        return customers.customer_page(looks(), plain_id(customer))

    @app.get("/console/customers/<customer>/edit")
    def edit_page(customer: str) -> http.Answer:
        return customer_changes.edit_page(looks(), plain_id(customer))

    @app.post("/console/customers/<customer>/edit")
    def change_customer(customer: str) -> http.Answer:
        return customer_changes.change(sends(), plain_id(customer))

    @app.get("/console/customers/<customer>/erase")
    def erase_page(customer: str) -> http.Answer:
        return customer_changes.erase_page(looks(), plain_id(customer))

    @app.post("/console/customers/<customer>/erase")
    def erase_customer(customer: str) -> http.Answer:
        return customer_changes.erase_customer(sends(), plain_id(customer))

    @app.get("/console/customers/<customer>/copy")
    def copy_of_customer(customer: str) -> http.Answer:
        return customer_changes.copy(looks(), plain_id(customer))

    @app.post("/console/customers/<customer>/resume-mail")
    def mail_resumed(customer: str) -> http.Answer:
        return customers.resume_mail(sends(), plain_id(customer))

    _links(app, looks, sends)


def _links(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/customers/<customer>/portal-link")
    def offer_portal_link(customer: str) -> http.Answer:
        return portal_link.offer(looks(), plain_id(customer))

    @app.post("/console/customers/<customer>/portal-link")
    def make_portal_link(customer: str) -> http.Answer:
        return portal_link.make(sends(), plain_id(customer))

    @app.post("/console/customers/<customer>/portal-link/mail")
    def mail_portal_link(customer: str) -> http.Answer:
        return portal_link.mail(sends(), plain_id(customer))
