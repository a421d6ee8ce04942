"""The routes of the console's figures."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import figure_cohorts, figures
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

    _declare_series(app, looks)

    @app.get("/console/figures/<figure>")
    def figure_page(figure: str) -> http.Answer:
        return figures.figure_page(looks(), plain_id(figure))

    @app.get("/console/figures/<figure>/rows")
    def rows_page(figure: str) -> http.Answer:
        return figures.rows_page(looks(), plain_id(figure))


def _declare_series(app: Router, looks: At) -> None:
    """Declares the pages of cohorts, trials, recovery and cancellation reasons."""

    def declare_one(name: str) -> None:
        @app.get(f"/console/figures/{name}")
        def series_page() -> http.Answer:
            return figure_cohorts.series_page(looks(), name)

        @app.get(f"/console/figures/{name}/file.csv")
        def series_file() -> http.Answer:
            return figure_cohorts.series_file(looks(), name)

    def declare_rows(name: str) -> None:
        @app.get(f"/console/figures/{name}/rows")
        def series_rows() -> http.Answer:
            return figure_cohorts.rows_page(looks(), name)

    for name in figure_cohorts.PAGES:
        declare_one(name)
    for name in figure_cohorts.ROWS:
        declare_rows(name)
