"""No page shows a member a link or a form that the server would refuse them (M-9)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from billing.team import reach, rights
from billing.team.rights import Role
from functions.account import app as account_app
from functions.console import app as console_app
from tests.render.html import read
from tests.team.company import Company
from tests.world import World

PORTS = World().ports
ROUTES = [route for app in (console_app, account_app) for route in app.build(PORTS).routes]
CASES = [*((role, False) for role in Role), (Role.SUPPORT, True)]


def route_of(method: str, address: str) -> str | None:
    """Returns the path of the route that an address leads to, as it is declared."""
    path = urlsplit(address).path
    found = [r.path for r in ROUTES if r.method == method and r.rule.fullmatch(path)]
    return min(found, key=lambda each: each.count("<")) if found else None


@pytest.mark.spec("M-9")
@pytest.mark.parametrize(("role", "refunds"), CASES)
def test_every_link_and_form_that_a_role_is_shown_is_one_it_may_use(
    role: Role, refunds: bool
) -> None:
    company = Company()
    company.joins("other@example.com", Role.READ_ONLY)
    company.joins("bob@example.com", role, refunds=refunds)
    company.invited("cat@example.com", Role.READ_ONLY)
    browser = company.signed_in("bob@example.com")
    held = rights.of_role(role, refunds=refunds)
    company.owner().send("/console/tax/registrations", country="DE")
    seen: set[str] = set()
    waiting = ["/console"]
    wrong: set[str] = set()
    while waiting:
        address = waiting.pop(0)
        route = route_of("GET", address)
        if route is None or route in seen or reach.is_public(route):
            continue
        seen.add(route)
        answer = browser.get(address) if route.startswith("/console") else None
        if answer is None or "html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status in {200, 404, 409, 422}, (address, answer.status)
        page = read(answer.body)
        links = [("GET", str(e.attributes["href"])) for e in page.all("a")]
        sends = [
            (
                str(e.attributes.get("method", "get")).upper(),
                str(e.attributes.get("action") or address),
            )
            for e in page.all("form")
        ]
        for method, target in (*links, *sends):
            to = route_of(method, target)
            if to is None or not target.startswith("/"):
                continue
            need = reach.need(method, to)
            if need is not None and need not in held and need[0] is not rights.Area.OWN:
                wrong.add(f"{route} shows {method} {to}")
            elif method == "GET":
                waiting.append(target)
    assert not wrong, "\n".join(sorted(wrong))
    assert len(seen) > 12
