"""The entrance to the console: password or link, then the code, then the merchant (M-9).

A visitor with a second factor gets a session that can do nothing but take the code; the session
that follows has a token of its own.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

from aws_lambda_powertools.shared.cookies import Cookie

from billing.accounts.flows import account, account_life
from billing.accounts.flows.account import Visitor
from billing.accounts.web import console_session, fronts, session_holder
from billing.kernel.account_standings import Standing
from billing.kernel.errors import Conflict, Invalid, Unavailable
from billing.kernel.ports import Ports
from billing.runtime import telemetry
from billing.team.flows import factors, people
from billing.team.members import Person, SignedIn
from billing.web import http, sessions
from billing.web.request import Request

CODE = "/console/sign-in/code"
TEAMS = "/console/you/teams"
CODE_MOST = 40
AGENT_MOST = 200


def enter(ports: Ports, request: Request, found: Visitor, now: datetime) -> http.Answer:
    """Begins a session for who has proven an email; asks for the code first where there is one."""
    if found.person is None or found.person.factor is None:
        return _let_in(ports, request, found, now)
    kept = {"merchant": "", "then": json.dumps(_marks(found))}
    cookie = sessions.begin(ports, request, console_session.REALM, kept, now)
    return http.redirect(CODE, cookies=[cookie])


def code_page(ports: Ports, request: Request, now: datetime) -> http.Answer:
    """Shows the form for the code of the second factor."""
    token, _ = _waiting(ports, request, now)
    return _code_page(ports, token)


def take_code(ports: Ports, request: Request, now: datetime) -> http.Answer:
    """Takes a code or a backup code, and begins the session that waited for it."""
    sessions.check_origin(request)
    token, found = _waiting(ports, request, now)
    sessions.check_form(request, token)
    given = request.form().get("code", "")[:CODE_MOST]
    person = found.person
    if person is None or not factors.check(ports, person, given, now=now):
        telemetry.happened("console code refused", request_id=request.id)
        return _code_page(ports, token, wrong=True)
    return _let_in(ports, request, found, now, with_factor=True)


def begin_member(
    ports: Ports, request: Request, person: Person, merchant: str, now: datetime, **more: str
) -> Cookie:
    """Returns the cookie of a member's session with a merchant."""
    telemetry.happened("member sign-in", merchant=merchant, request_id=request.id)
    mark = sessions.mark(person.password_hash)
    kept = {"merchant": merchant, "person": person.id, "mark": mark, **more}
    return sessions.begin(ports, request, console_session.REALM, kept, now)


def note(ports: Ports, request: Request, person: Person, cookie: Cookie, now: datetime) -> None:
    """Notes a sign-in for the list of sessions; one that cannot be noted is let in all the same."""
    agent = request.headers.get("user-agent", "")[:AGENT_MOST]
    begun = SignedIn(sessions.digest(cookie.value), now, request.ip, agent)
    realm = console_session.REALM
    before = sessions.digest(request.cookies.get(realm.cookie_name(request), ""))
    with suppress(Conflict, Unavailable):
        people.note_sign_in(ports, person, begun, realm.kind, now, instead_of=before)


def _let_in(
    ports: Ports, request: Request, found: Visitor, now: datetime, *, with_factor: bool = False
) -> http.Answer:
    """Begins the session: with their own account where that is open, else with their first
    team."""
    more = {"factor": "1"} if with_factor else {}
    teams = () if found.person is None else found.person.teams
    is_open = False
    if found.account is not None:
        standing = account_life.standing_at_sign_in(ports, found.account, now=now)
        is_open = standing.state is Standing.ACTIVE
    person = found.person
    if found.account is not None and (is_open or not teams):
        person = person or _person_of(ports, found.account.email, now)
        if person is not None:
            more["person"] = person.id
        cookie = console_session.begin_account(ports, request, found.account, now, **more)
        to = "/console" if is_open else "/account"
    else:
        assert person is not None, "nobody else is a visitor"
        cookie = begin_member(ports, request, person, teams[0], now, **more)
        to = "/console"
    if person is not None:
        note(ports, request, person, cookie, now)
    several = len(teams) + is_open > 1
    return http.redirect(TEAMS if several else to, cookies=[cookie])


def _person_of(ports: Ports, email: str, now: datetime) -> Person | None:
    """Returns the person of an account's email, made when they first sign in."""
    with suppress(Conflict, Unavailable):
        return people.ensured(ports, email, now)
    return None


def _marks(found: Visitor) -> dict[str, str]:
    """Returns what a waiting session keeps of its visitor; another password has other marks."""
    marks = {}
    if found.account is not None:
        marks["account"] = found.account.username
        marks["password"] = sessions.mark(found.account.password_hash)
    if found.person is not None:
        marks["person"] = found.person.id
        marks["mark"] = sessions.mark(found.person.password_hash)
    return marks


def _waiting(ports: Ports, request: Request, now: datetime) -> tuple[str, Visitor]:
    """Returns the token of a session that waits for its code, and its visitor as they are now."""
    held = sessions.held(ports, request, console_session.REALM, now)
    if held is None or "then" not in held.kept:
        raise session_holder.SignedOut
    marks = json.loads(held.kept["then"])
    known = ports.store.account(marks.get("account", people.NOBODY))
    found = account.visitor(ports, known, ports.store.person(marks["person"]), now)
    if found is None or _marks(found) != marks:
        raise session_holder.SignedOut
    return held.token, found


def _code_page(ports: Ports, token: str, *, wrong: bool = False) -> http.Answer:
    platform = account.platform_merchant(ports)
    return fronts.page(
        *(ports, platform, "code"),
        status=422 if wrong else 200,
        csrf=sessions.csrf_of(token),
        errors={"code": Invalid("code_wrong", field="code")} if wrong else {},
    )
