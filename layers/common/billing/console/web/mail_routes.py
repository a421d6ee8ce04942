"""The routes of the console's pages about mail texts."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import mails
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/mails")
    def letter_list() -> http.Answer:
        return mails.letter_list(looks())

    @app.get("/console/mails/<language>/<letter>")
    def letter_page(language: str, letter: str) -> http.Answer:
        return mails.letter_page(looks(), language, letter)

    @app.post("/console/mails/<language>/<letter>")
    def change_letter(language: str, letter: str) -> http.Answer:
        return mails.change(sends(), language, letter)

    @app.post("/console/mails/<language>/<letter>/reset")
    def reset_letter(language: str, letter: str) -> http.Answer:
        return mails.reset(sends(), language, letter)

    @app.post("/console/mails/<language>/<letter>/preview/<kind>")
    def preview_letter(language: str, letter: str, kind: str) -> http.Answer:
        return mails.preview(sends(), language, letter, kind)

    @app.post("/console/mails/<language>/<letter>/test")
    def send_test(language: str, letter: str) -> http.Answer:
        return mails.send_test(sends(), language, letter)
