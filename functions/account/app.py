"""Accounts: sign-up and sign-in, profile, plan, and the sweep of their states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from billing.accounts.flows import account_life
from billing.accounts.web import billing as account_billing
from billing.accounts.web import error_pages
from billing.accounts.web import pages as account_pages
from billing.accounts.web.pages import Visit
from billing.kernel.ports import Ports
from billing.runtime import deadline, telemetry, wiring
from billing.team import reach
from billing.team.rights import Right
from billing.web import custom_domains, http
from billing.web.request import Request

MILLISECONDS_TO_FINISH = 10_000


class AccountPages:
    """The resolver of account pages, with its ports."""

    def __init__(self, ports: Ports) -> None:
        def fail(error: Exception, request: Request) -> http.Answer:
            return error_pages.of_account(ports, error, request)

        self.app, self.ports = http.resolver(custom_domains.placed(ports), fail), ports

    @property
    def request(self) -> Request:
        return Request.of(self.app.current_event)

    @property
    def need(self) -> Right:
        """The right that the route of this request needs."""
        route = self.app.current_route
        assert route is not None, "asked for while a route is answered"
        need = reach.need(route.method, route.path)
        assert need is not None, "a test holds that every route declares one"
        return need

    def visit(self) -> Visit:
        return account_pages.visit(self.ports, self.request, self.ports.clock(), self.need)

    def change(self) -> Visit:
        return account_pages.change(self.ports, self.request, self.ports.clock(), self.need)


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    pages = AccountPages(ports)
    _doors(pages)
    _links(pages)
    _profile(pages)
    _billing(pages)
    return pages.app


def _doors(pages: AccountPages) -> None:
    app, ports = pages.app, pages.ports

    @app.get("/account/sign-up")
    def sign_up_form() -> http.Answer:
        return account_pages.sign_up_form(ports)

    @app.post("/account/sign-up")
    def sign_up() -> http.Answer:
        return account_pages.sign_up(ports, pages.request, now=ports.clock())

    @app.get("/account/plans")
    def plans() -> http.Answer:
        return account_pages.plans(ports)

    @app.get("/account/sign-in")
    def sign_in_form() -> http.Answer:
        return account_pages.sign_in_form(ports)

    @app.post("/account/sign-in")
    def sign_in() -> http.Answer:
        return account_pages.sign_in(ports, pages.request, now=ports.clock())

    @app.post("/account/sign-out")
    def sign_out() -> http.Answer:
        return account_pages.sign_out(ports, pages.change())


def _links(pages: AccountPages) -> None:
    app, ports = pages.app, pages.ports

    @app.get("/account/forgot")
    def forgot_form() -> http.Answer:
        return account_pages.forgot_form(ports)

    @app.post("/account/forgot")
    def forgot() -> http.Answer:
        return account_pages.ask_for_reset(ports, pages.request, now=ports.clock())

    @app.get("/account/reset/<token>")
    def reset_form(token: str) -> http.Answer:
        return account_pages.reset_form(ports, token, now=ports.clock())

    @app.post("/account/reset/<token>")
    def reset(token: str) -> http.Answer:
        return account_pages.reset_password(ports, pages.request, token, now=ports.clock())

    @app.get("/account/email/<token>")
    def confirm_form(token: str) -> http.Answer:
        return account_pages.confirm_form(ports, token, now=ports.clock())

    @app.post("/account/email/<token>")
    def confirm(token: str) -> http.Answer:
        return account_pages.confirm_email(ports, pages.request, token, now=ports.clock())


def _profile(pages: AccountPages) -> None:
    app, ports = pages.app, pages.ports

    @app.get("/account")
    def profile() -> http.Answer:
        return account_pages.profile(ports, pages.visit())

    @app.post("/account/email")
    def ask_for_email() -> http.Answer:
        return account_pages.ask_for_email(ports, pages.change())


def _billing(pages: AccountPages) -> None:
    app, ports = pages.app, pages.ports

    @app.get("/account/billing")
    def billing() -> http.Answer:
        return account_billing.billing(ports, pages.visit())

    @app.post("/account/billing/portal")
    def to_portal() -> http.Answer:
        return account_billing.to_portal(ports, pages.change())

    @app.get("/account/billing/cancel")
    def cancel_form() -> http.Answer:
        return account_billing.cancel_form(ports, pages.visit())

    @app.post("/account/billing/cancel")
    def cancel() -> http.Answer:
        return account_billing.cancel_plan(ports, pages.change())

    @app.get("/account/billing/plan/<price_point>")
    def plan_form(price_point: str) -> http.Answer:
        return account_billing.plan_form(ports, pages.visit(), price_point)

    @app.post("/account/billing/plan/<price_point>")
    def change_plan(price_point: str) -> http.Answer:
        return account_billing.change_plan_of_account(ports, pages.change(), price_point)

    @app.get("/account/billing/freeze")
    def freeze_form() -> http.Answer:
        return account_billing.freeze_form(ports, pages.visit())

    @app.post("/account/billing/freeze")
    def freeze() -> http.Answer:
        return account_billing.freeze_plan(ports, pages.change())

    @app.post("/account/billing/guarantee")
    def claim() -> http.Answer:
        return account_billing.claim_guarantee(ports, pages.change())


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for /account."""
    return app().resolve(event, context)


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Brings accounts in line, starts jobs and webhooks that are due, and erases abandoned forms.

    Each is done as due at the schedule's own time; a replayed event finds nothing left.
    """
    from billing.figures.flows import rebuild as figures  # the pages start without
    from billing.gateway_events.flows import lost_events
    from billing.jobs.flows import sweep as jobs_sweep
    from billing.kernel.flows import walks
    from billing.operations.flows import samples
    from billing.privacy.flows import erase
    from billing.rebill.flows import forecast_rollup
    from billing.webhooks.flows import sweep as webhooks_sweep

    ports, now = wiring.ports(), datetime.fromisoformat(event["time"])
    half = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH, share=0.5)
    whole = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH)
    tally = walks.each_of(
        lambda: account_life.sweep(ports, now=now, keep_going=half),
        lambda: lost_events.begin(ports, now=now),
        lambda: forecast_rollup.begin(ports, now=now),
        lambda: figures.begin_check(ports, now=now),
        lambda: samples.begin(ports, now=now),
        lambda: jobs_sweep.sweep(ports, now=now),
        lambda: webhooks_sweep.sweep(ports, now=now, keep_going=whole),
        lambda: erase.sweep(ports, now=now, keep_going=whole),
    )
    telemetry.tally(tally, "account_")
    return dict(tally)
