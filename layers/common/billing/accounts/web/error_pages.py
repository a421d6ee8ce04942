"""Error pages of accounts, and of the console for who is not signed in to it: the platform's."""

from __future__ import annotations

from contextlib import suppress

from billing.accounts.flows import account
from billing.accounts.web import console_session, fronts
from billing.accounts.web.session_holder import CodeNeeded, SignedOut
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.render.messages import MERCHANTS_LANGUAGE, text
from billing.web import http
from billing.web.problems import Forbidden
from billing.web.request import Request

SIGN_IN, FORGOT = "/account/sign-in", "/account/forgot"
CODE, FACTOR = "/console/sign-in/code", "/console/you/factor"


def to_second_step(error: Exception, request: Request) -> http.Answer | None:
    """Redirects a page to the second step of the sign-in that it lacks; None for other errors."""
    if request.wants_problem or request.method != "GET":
        return None
    if isinstance(error, CodeNeeded):
        return http.redirect(CODE)
    return http.redirect(FACTOR) if isinstance(error, console_session.FactorNeeded) else None


def of_account(ports: Ports, error: Exception, request: Request) -> http.Answer:
    """Renders an error of an account page, with the way on."""
    if (step := to_second_step(error, request)) is not None:
        return step
    platform = _platform(ports, request)
    way = ("account.problem.go_on", "/account")
    if isinstance(error, SignedOut):
        error = SignedOut("account_signed_out", code="account_signed_out")
        way = ("account.sign_in.title", SIGN_IN)
    elif request.path.startswith("/account/reset/"):
        way = ("account.forgot.title", FORGOT)
    shown = None if platform is None else way
    return _page(ports, error, request, platform, shown, "account.error")


def of_console(ports: Ports, error: Exception, request: Request) -> http.Answer:
    """Renders an error of the console for who is not signed in.

    Without accounts, only a link by an API key leads in.
    """
    platform = _platform(ports, request)
    if isinstance(error, SignedOut) and platform is not None:
        error = SignedOut("signed_out_of_console")
    if isinstance(error, SignedOut | Forbidden):
        way = None if platform is None else ("account.sign_in.title", SIGN_IN)
    else:
        way = ("console.go_on", "/console")
    return _page(ports, error, request, platform, way, "console.error")


def _page(
    ports: Ports,
    error: Exception,
    request: Request,
    platform: Merchant | None,
    way: tuple[str, str] | None,
    section: str,
) -> http.Answer:
    shown = None if way is None else (text(MERCHANTS_LANGUAGE, way[0]), way[1])
    with fronts.dressed(ports):
        return http.failure(error, request, section=section, merchant=platform, way=shown)


def _platform(ports: Ports, request: Request) -> Merchant | None:
    """Returns the platform, if there is one and it can be read."""
    if not request.wants_problem:
        with suppress(Exception):  # The first error is the one to show, in whatever look.
            return account.platform_merchant(ports)
    return None
