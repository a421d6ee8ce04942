"""Every route of the console, the account's pages and the API, walked by every role and every kind
of key: each is let in where the matrix says so, and nowhere else (M-9)."""

from __future__ import annotations

import re
from functools import cache

import pytest

from billing.api.flows import keys
from billing.kernel.merchants import ApiKey
from billing.kernel.writes import Insert
from billing.team import reach, rights
from billing.team.rights import Access, Area, Role
from functions.account import app as account_app
from functions.console import app as console_app
from functions.gateways import app as gateways_app
from functions.merchant import app as merchant_app
from tests.team.company import SHOP, Browser, Company
from tests.web.calls import Client
from tests.world import World

PORTS = World().ports
APPS = (account_app, console_app, gateways_app, merchant_app)
ROUTES = sorted(
    {(route.method, route.path) for app in APPS for route in app.build(PORTS).routes},
    key=lambda each: each[::-1],
)
CLOSED = [each for each in ROUTES if not reach.is_public(each[1])]
PAGES = [each for each in CLOSED if not each[1].startswith("/v1/")]
CALLS = [each for each in CLOSED if each[1].startswith("/v1/")]
CASES = [*((role, False) for role in Role if role is not Role.OWNER), (Role.SUPPORT, True)]
KEYS = [("read",), ("write",), ("read", "write"), *((scope,) for scope in rights.SCOPES[2:])]
DENIED = "role_lacks_right"


def address_of(role: Role, refunds: bool) -> str:
    return f"{role}-{'who-refunds' if refunds else 'only'}@example.com"


@cache
def company() -> Company:
    found = Company()
    for role, refunds in CASES:
        found.joins(address_of(role, refunds), role, refunds=refunds)
    found.joins("second@example.com", Role.OWNER)
    for scopes in KEYS:
        secret = f"sk_{'_'.join(scopes)}"
        kept = ApiKey(f"key_{'-'.join(scopes)}", keys.digest(secret), SHOP, found.now, scopes)
        found.store.commit(Insert(kept))
    return found


@cache
def browser(email: str) -> Browser:
    return company().signed_in(email)


def asks(here: Browser, method: str, path: str) -> tuple[int, str]:
    """Asks for a route with ids of nothing, and an empty form."""
    address = re.sub(r"<\w+>", "nothing-1", path)
    if path.startswith("/account"):
        answer = here.account(method, address)
    elif method == "GET":
        answer = here.get(address)
    else:
        answer = here.send(address)
    return answer.status, answer.body


@pytest.mark.spec("M-9")
def test_every_route_behind_a_sign_in_declares_its_area() -> None:
    assert [each for each in CLOSED if reach.need(*each) is None] == []
    assert len(PAGES) > 70 and len(CALLS) > 70


@pytest.mark.spec("M-9")
def test_no_exception_is_declared_for_a_route_that_is_gone() -> None:
    assert set(reach.EXCEPTIONS) <= set(ROUTES)


@pytest.mark.spec("M-9")
def test_a_route_of_the_api_needs_to_write_where_it_takes_a_key_that_may() -> None:
    for route in _api_routes():
        need = reach.need(route.method, route.path)
        assert need is not None and need[1].value == route.scope, route.path


@pytest.mark.spec("M-9")
@pytest.mark.parametrize(("method", "path"), PAGES, ids=lambda each: str(each))
def test_a_page_is_refused_to_whom_the_matrix_leaves_it_out(method: str, path: str) -> None:
    if path.endswith("/sign-out") or path == "/console/you/sessions/end":
        return  # what ends the session that walks here; they are one's own
    need = reach.need(method, path)
    assert need is not None
    for role, refunds in CASES:
        status, body = asks(browser(address_of(role, refunds)), method, path)
        may = need in rights.of_role(role, refunds=refunds)
        assert (status != 403) is may, (role, refunds, status, body[-400:])
        if not may:
            assert "An owner or an admin" in body
    status, _ = asks(browser("second@example.com"), method, path)
    assert status != 403


@pytest.mark.spec("M-9", "M-3")
@pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda each: str(each))
def test_a_call_is_refused_to_a_key_without_its_area(method: str, path: str) -> None:
    here = company()
    api = _api()
    need = reach.need(method, path)
    assert need is not None
    address = re.sub(r"<\w+>", "nothing-1", path)
    for scopes in KEYS:
        client = Client(api, f"sk_{'_'.join(scopes)}")
        before = here.store.api_keys(SHOP)
        body: object = None if method in {"GET", "DELETE"} else {"unknown": 1}
        is_file = path.endswith(".csv") and method == "PUT"
        sent = {"content_type": "text/csv"} if is_file else {}
        answer = client.call(method, address, "country\n" if is_file else body, **sent)
        may = need in rights.of_scopes(scopes)
        assert (answer.status != 403) is may, (scopes, answer.status, answer.body)
        assert answer.json.get("code") == "scope_missing" if not may else True, answer.body
        assert here.store.api_keys(SHOP) == before or may


@cache
def _api() -> object:
    return merchant_app.build(company().ports)


def _api_routes() -> list[object]:
    from billing.api.web.frame import Api

    api = Api(merchant_app.http.resolver(), PORTS)
    for declare in merchant_app._all():
        declare(api, PORTS)
    return list(api.routes)


@pytest.mark.spec("M-9")
def test_a_route_that_nobody_declared_is_for_who_may_do_everything() -> None:
    assert reach.need("GET", "/console/something-new") is None
    for role in Role:
        wanted = rights.of_scopes(rights.OF_ALL)
        assert (wanted <= rights.of_role(role)) is (role in {Role.OWNER, Role.ADMIN})
    assert (Area.ACCOUNT, Access.READ) not in rights.of_scopes(rights.OF_ALL)
