"""The routes of the console's API keys."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import keys
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/keys")
    def key_list() -> http.Answer:
        return keys.key_list(looks())

    @app.post("/console/keys")
    def make_key() -> http.Answer:
        return keys.make(sends())

    @app.get("/console/keys/<key>/<act>")
    def key_page(key: str, act: str) -> http.Answer:
        return keys.key_page(looks(), plain_id(key), act)

    @app.post("/console/keys/<key>/replace")
    def replace_key(key: str) -> http.Answer:
        return keys.replace(sends(), plain_id(key))

    @app.post("/console/keys/<key>/revoke")
    def revoke_key(key: str) -> http.Answer:
        return keys.revoke(sends(), plain_id(key))
