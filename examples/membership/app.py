"""A membership site: it sells by a checkout link, and opens its pages to those who have access.

Perennial says who has access by the webhook `customer.access_changed`; we keep the last word about
each customer, and ask nobody when a page is opened. See README.md.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from flask import Flask, Response, redirect, request, session

from perennial_client import NotFound, PerennialError, WebhookError, verify

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The Reading Room</title>
<style>body{{font:16px/1.5 system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}}</style>
<h1>The Reading Room</h1>{}"""


class Members:
    """The last word about who may use what, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._open() as rows:
            rows.execute(
                "CREATE TABLE IF NOT EXISTS access (customer TEXT, grant_key TEXT, email TEXT,"
                " active INTEGER, sequence INTEGER, PRIMARY KEY (customer, grant_key))"
            )

    def may(self, email: str, grant: str) -> bool:
        """Returns whether somebody with this email may use a grant."""
        asked = (email.lower(), grant)
        with self._open() as rows:
            found = rows.execute(
                "SELECT 1 FROM access WHERE email = ? AND grant_key = ? AND active", asked
            )
            return found.fetchone() is not None

    def change(self, event: Mapping[str, Any], email: str) -> None:
        """Keeps what an event says, unless a later one was here before it."""
        said = event["data"]["object"]
        rows_of = [
            (said["customer"], each["grant"], email.lower(), each["active"], event["sequence"])
            for each in said["grants"]
        ]
        with self._open() as rows:
            rows.executemany(
                "INSERT INTO access VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " email = excluded.email, active = excluded.active, sequence = excluded.sequence"
                " WHERE excluded.sequence > access.sequence",
                rows_of,
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=10)


def create_app(
    perennial: Any, *, product: str, webhook_secret: str, members: Members, session_key: str
) -> Flask:
    """Builds the site. `perennial` is a `perennial_client.Perennial`."""
    app = Flask(__name__)
    app.secret_key = session_key
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", MAX_CONTENT_LENGTH=100_000)

    _add_gate(app, product, members)
    _add_links(app, product, perennial)
    _add_webhooks(app, webhook_secret, members, perennial)

    @app.errorhandler(PerennialError)
    def unavailable(error: PerennialError) -> Any:
        app.logger.warning("%s", error)
        return PAGE.format("<p>We can't do this right now. Please try again.</p>"), 503

    return app


def _add_gate(app: Flask, product: str, members: Members) -> None:
    @app.get("/")
    def home() -> Any:
        email = session.get("email")
        if email is None:
            return PAGE.format(
                '<p>Essays for members.</p><p><a href="/join">Become a member</a></p>'
                '<form method="post" action="/sign-in"><label>Email '
                '<input name="email" type="email" required></label> <button>Sign in</button></form>'
            )
        if members.may(email, product):
            return PAGE.format(
                f"<p>Welcome, {escape(email)}. Today's essay: <em>On Renewal</em>.</p>"
                '<form method="post" action="/account"><button>Manage membership</button></form>'
            )
        text = '<p>Your membership is not active.</p><p><a href="/join">Become a member</a></p>'
        return PAGE.format(text), 403

    @app.post("/sign-in")
    def sign_in() -> Any:
        # Your site's own sign-in belongs here: this one believes what is typed.
        session["email"] = request.form.get("email", "").strip()
        return redirect("/", 303)


def _add_links(app: Flask, product: str, perennial: Any) -> None:
    @app.get("/join")
    def join() -> Any:
        found = perennial.show_product(product)
        sold = {point.id: point for point in found.price_points}
        return redirect(sold[found.default_price_point].checkout_url, 303)

    @app.post("/account")
    def account() -> Any:
        email = session.get("email")
        if email is None:
            return redirect("/", 303)
        # Made now, for this person: it works once, for 15 minutes.
        return redirect(perennial.create_portal_link(body={"email": email}).url, 303)


def _add_webhooks(app: Flask, webhook_secret: str, members: Members, perennial: Any) -> None:
    @app.post("/webhooks")
    def webhooks() -> Any:
        try:
            event = verify(request.get_data(), request.headers, webhook_secret)
        except WebhookError as error:
            return Response(str(error), 400)
        if event["type"] == "customer.access_changed":
            # The event names nobody; an answer other than 2xx has it sent again later.
            try:
                who = perennial.show_customer(event["data"]["object"]["customer"])
            except NotFound:
                return "", 204  # erased meanwhile
            members.change(event, who.email)
        return "", 204


def from_environment() -> Flask:
    """Builds the site as README.md starts it."""
    from perennial_client import Perennial

    asked = os.environ
    return create_app(
        Perennial(asked["PERENNIAL_API_KEY"], asked["PERENNIAL_ADDRESS"]),
        product=asked["PRODUCT"],
        webhook_secret=asked["WEBHOOK_SECRET"],
        members=Members(Path(asked.get("DATABASE", "members.sqlite3"))),
        session_key=asked["SESSION_KEY"],
    )
