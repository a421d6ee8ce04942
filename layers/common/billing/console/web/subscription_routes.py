"""The routes of the console's subscriptions."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import endings, lists, plan_changes, subscriptions
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""
    _subscriptions(app, looks, sends)
    _endings(app, looks, sends)
    _plans(app, looks, sends)


def _subscriptions(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/subscriptions")
    def subscription_list() -> http.Answer:
        return lists.subscription_rows(looks())

    @app.get("/console/subscriptions/<subscription>")
    def subscription_page(subscription: str) -> http.Answer:
        return subscriptions.subscription_page(looks(), plain_id(subscription))

    @app.get("/console/subscriptions/<subscription>/do/<action>")
    def action_page(subscription: str, action: str) -> http.Answer:
        return subscriptions.action_page(looks(), plain_id(subscription), action)

    @app.post("/console/subscriptions/<subscription>/do/<action>")
    def act(subscription: str, action: str) -> http.Answer:
        return subscriptions.act(sends(), plain_id(subscription), action)


def _endings(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/subscriptions/<subscription>/cancel")
    def cancel_page(subscription: str) -> http.Answer:
        return endings.cancel_page(looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/cancel")
    def cancelled(subscription: str) -> http.Answer:
        return endings.cancel_subscription(sends(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/undo-cancel")
    def undone(subscription: str) -> http.Answer:
        return endings.undo_cancellation(sends(), plain_id(subscription))


def _plans(app: Router, looks: At, sends: At) -> None:
    @app.get("/console/subscriptions/<subscription>/plan")
    def plan_page(subscription: str) -> http.Answer:
        return plan_changes.plan_page(looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/plan")
    def change_plan(subscription: str) -> http.Answer:
        return plan_changes.change(sends(), plain_id(subscription))

    @app.get("/console/subscriptions/<subscription>/unfreeze")
    def unfreeze_page(subscription: str) -> http.Answer:
        return plan_changes.unfreeze_page(looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/unfreeze")
    def unfreeze(subscription: str) -> http.Answer:
        return plan_changes.unfreeze(sends(), plain_id(subscription))
