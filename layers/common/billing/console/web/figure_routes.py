"""The routes of the console's figures."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import figures
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/figures")
    def overview() -> http.Answer:
        return figures.overview(looks())

    @app.get("/console/figures/file.csv")
    def figures_file() -> http.Answer:
        return figures.figures_file(looks())

    @app.post("/console/figures/count")
    def count_again() -> http.Answer:
        return figures.count_again(sends())

    @app.get("/console/figures/<figure>")
    def figure_page(figure: str) -> http.Answer:
        return figures.figure_page(looks(), plain_id(figure))

    @app.get("/console/figures/<figure>/rows")
    def rows_page(figure: str) -> http.Answer:
        return figures.rows_page(looks(), plain_id(figure))
