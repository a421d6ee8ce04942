"""The routes of the console's branding page."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import branding, branding_previews
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/branding")
    def branding_page() -> http.Answer:
        return branding.branding_page(looks())

    @app.post("/console/branding")
    def change_branding() -> http.Answer:
        return branding.change(sends())

    @app.post("/console/branding/logo")
    def set_logo() -> http.Answer:
        return branding.set_logo(sends())

    @app.post("/console/branding/logo/remove")
    def remove_logo() -> http.Answer:
        return branding.remove_logo(sends())

    @app.post("/console/branding/preview/<what>")
    def preview(what: str) -> http.Answer:
        return branding_previews.preview(sends(), what)
