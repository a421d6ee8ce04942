"""The routes of the console's gateway accounts."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import gateway_keys, gateways
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""
    _accounts(app, looks, sends)
    _keys(app, looks, sends)
    _changes(app, looks, sends)


def _accounts(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/gateways")
    def account_list() -> http.Answer:
        return gateways.account_list(looks())

    @app.get("/console/gateways/arm")
    def arm_page() -> http.Answer:
        return gateways.arm_page(looks())

    @app.post("/console/gateways/arm")
    def arm() -> http.Answer:
        return gateways.arm(sends())

    @app.get("/console/gateways/<gateway>/<account>")
    def account_page(gateway: str, account: str) -> http.Answer:
        return gateways.account_page(looks(), plain_id(gateway), plain_id(account))

    @app.post("/console/gateways/<gateway>/<account>/check")
    def check(gateway: str, account: str) -> http.Answer:
        return gateways.check(sends(), plain_id(gateway), plain_id(account))


def _keys(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/gateways/new/<gateway>/<mode>")
    def new_page(gateway: str, mode: str) -> http.Answer:
        return gateway_keys.new_page(looks(), plain_id(gateway), mode)

    @app.post("/console/gateways/new/<gateway>/<mode>")
    def connect(gateway: str, mode: str) -> http.Answer:
        return gateway_keys.connect(sends(), plain_id(gateway), mode)

    @app.get("/console/gateways/<gateway>/<account>/keys")
    def keys_page(gateway: str, account: str) -> http.Answer:
        return gateway_keys.keys_page(looks(), plain_id(gateway), plain_id(account))

    @app.post("/console/gateways/<gateway>/<account>/keys")
    def replace_keys(gateway: str, account: str) -> http.Answer:
        return gateway_keys.replace_keys(sends(), plain_id(gateway), plain_id(account))


def _changes(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/gateways/<gateway>/<account>/activate")
    def activate_page(gateway: str, account: str) -> http.Answer:
        return gateways.activate_page(looks(), plain_id(gateway), plain_id(account))

    @app.post("/console/gateways/<gateway>/<account>/activate")
    def activate(gateway: str, account: str) -> http.Answer:
        return gateways.activate(sends(), plain_id(gateway), plain_id(account))

    @app.get("/console/gateways/<gateway>/<account>/remove")
    def remove_page(gateway: str, account: str) -> http.Answer:
        return gateways.remove_page(looks(), plain_id(gateway), plain_id(account))

    @app.post("/console/gateways/<gateway>/<account>/remove")
    def remove(gateway: str, account: str) -> http.Answer:
        return gateways.remove(sends(), plain_id(gateway), plain_id(account))
