"""The routes of the console's imports."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import (
    import_accounts,
    import_columns,
    import_dry_run,
    import_moves,
    import_shadow,
    imports,
)
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/import")
    def import_list() -> http.Answer:
        return imports.import_list(looks())

    @app.post("/console/import")
    def begin() -> http.Answer:
        return imports.begin(sends())

    @app.post("/console/import/account")
    def begin_from_account() -> http.Answer:
        return import_accounts.begin(sends())

    @app.get("/console/import/upload")
    def upload_page() -> http.Answer:
        return imports.upload_page(looks())

    @app.get("/console/import/columns/<upload>")
    def columns_page(upload: str) -> http.Answer:
        return import_columns.columns_page(looks(), plain_id(upload))

    @app.post("/console/import/columns/<upload>")
    def save_columns(upload: str) -> http.Answer:
        return import_columns.save_columns(sends(), plain_id(upload))

    _declare_of_one(app, looks, sends)
    _declare_shadow(app, looks, sends)
    _declare_moves(app, looks, sends)


def _declare_of_one(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/import/<import_id>")
    def import_page(import_id: str) -> http.Answer:
        return imports.import_page(looks(), plain_id(import_id))

    @app.get("/console/import/<import_id>/rows.csv")
    def rows_file(import_id: str) -> http.Answer:
        return imports.rows_file(looks(), plain_id(import_id))

    @app.post("/console/import/<import_id>/prices")
    def choose_prices(import_id: str) -> http.Answer:
        return imports.choose_prices(sends(), plain_id(import_id))

    @app.post("/console/import/<import_id>/check-again")
    def check_again(import_id: str) -> http.Answer:
        return imports.check_again(sends(), plain_id(import_id))

    @app.get("/console/import/<import_id>/dry-run")
    def dry_run_page(import_id: str) -> http.Answer:
        return import_dry_run.dry_run_page(looks(), plain_id(import_id))

    @app.post("/console/import/<import_id>/dry-run")
    def start_dry_run(import_id: str) -> http.Answer:
        return import_dry_run.start_dry_run(sends(), plain_id(import_id))


def _declare_shadow(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/import/<import_id>/shadow")
    def shadow_page(import_id: str) -> http.Answer:
        return import_shadow.shadow_page(looks(), plain_id(import_id))

    @app.post("/console/import/<import_id>/shadow")
    def start_shadow(import_id: str) -> http.Answer:
        return import_shadow.start(sends(), plain_id(import_id))

    @app.post("/console/import/<import_id>/shadow/charges.csv")
    def start_shadow_with_file(import_id: str) -> http.Answer:
        return import_shadow.start_with_file(sends(), plain_id(import_id))

    @app.get("/console/import/<import_id>/shadow/differences.csv")
    def shadow_file(import_id: str) -> http.Answer:
        return import_shadow.file(looks(), plain_id(import_id))


def _declare_moves(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/import/<import_id>/move")
    def move_page(import_id: str) -> http.Answer:
        return import_moves.move_page(looks(), plain_id(import_id))

    @app.post("/console/import/<import_id>/move")
    def move(import_id: str) -> http.Answer:
        return import_moves.move(sends(), plain_id(import_id))

    @app.get("/console/import/<import_id>/undo")
    def undo_page(import_id: str) -> http.Answer:
        return import_moves.undo_page(looks(), plain_id(import_id))

    @app.post("/console/import/<import_id>/undo")
    def take_back(import_id: str) -> http.Answer:
        return import_moves.take_back(sends(), plain_id(import_id))
