"""One's own sign-in in the console: teams to choose from, second factor, sessions (M-9)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from aws_lambda_powertools.shared.cookies import Cookie

from billing.accounts.accounts import Account
from billing.accounts.flows import account as signing
from billing.accounts.web import console_session, entrance
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.values import Value
from billing.render import qr
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.team import browsers, totp
from billing.team.flows import factors, membership, people
from billing.team.members import HOLDER, Person
from billing.web import http, sessions

HERE = "/console/you"
FACTOR = f"{HERE}/factor"
TYPED_MOST = 40
DONE = frozenset({"off", "ended"})


class Choice(Value):
    """A merchant that somebody can go on with."""

    merchant: str
    name: str
    role: str
    is_here: bool
    is_own: bool


def your_page(desk: Desk, *, errors: dict[str, Invalid] | None = None) -> http.Answer:
    """Shows role, teams, second factor and sessions of whoever is signed in."""
    person, done = _person(desk), desk.request.query().get("done")
    return page(
        desk,
        "console/you.html",
        status=422 if errors else 200,
        person=person,
        holder=desk.session.holder,
        choices=_choices(desk, person),
        browsers={each.digest: browsers.browser(each.agent) for each in person.sessions},
        this=sessions.digest(desk.session.token),
        errors=errors or {},
        done=done if done in DONE else None,
        may_leave=desk.session.holder.member not in {"", HOLDER},
    )


def team_list(desk: Desk) -> http.Answer:
    """Shows the merchants to go on with."""
    return page(desk, "console/teams.html", choices=_choices(desk, _person(desk)))


def switch(desk: Desk, merchant: str) -> http.Answer:
    """Goes on with another merchant, in a session of its own; raises `NotFound`."""
    person = _person(desk)
    own = _own_account(desk, person)
    if merchant not in person.teams and (own is None or own.username != merchant):
        raise NotFound("merchant_unknown")
    with_factor = desk.session.holder.with_factor
    return http.redirect("/console", cookies=[_begin(desk, person, merchant, with_factor)])


def factor_page(desk: Desk, *, errors: dict[str, Invalid] | None = None) -> http.Answer:
    """Shows the key to put into an app, and asks for its first code."""
    person = _person(desk)
    if person.factor is not None:
        return http.redirect(HERE)
    secret = factors.secret_for(desk.ports, person, now=desk.now)
    issuer = signing.platform_merchant(desk.ports).name
    address = _otpauth(secret, issuer, person.email)
    return page(
        desk,
        "console/factor.html",
        status=422 if errors else 200,
        secret=totp.in_groups(secret),
        address=address,
        code=qr.inline(address),
        required=desk.session.holder.lacks_factor,
        errors=errors or {},
    )


def turn_on(desk: Desk) -> http.Answer:
    """Turns the second factor on and shows the backup codes this once; all other sessions end."""
    given = desk.request.form().get("code", "")[:TYPED_MOST]
    try:
        person, codes = factors.turn_on(desk.ports, _person(desk), given, now=desk.now)
    except Invalid as error:
        return factor_page(desk, errors={"code": error})
    people.end_sessions(desk.ports, person, console_session.REALM.kind)
    cookie = _begin(desk, person, desk.merchant, with_factor=True)
    shown = page(desk, "console/factor_codes.html", codes=codes)
    shown.cookies.append(cookie)
    return shown


def turn_off(desk: Desk) -> http.Answer:
    """Turns the second factor off by a code, unless the team asks for one."""
    team = desk.session.holder.team
    try:
        if team is not None and team.needs_code:
            raise Refused("factor_required")
        given = desk.request.form().get("code", "")[:TYPED_MOST]
        factors.turn_off(desk.ports, _person(desk), given, now=desk.now)
    except Invalid as error:
        return your_page(desk, errors={"code": error})
    return http.redirect(f"{HERE}?done=off")


def end_sessions(desk: Desk) -> http.Answer:
    """Ends one of the sessions, or all but this one."""
    only = desk.request.form().get("session") or None
    person, this = _person(desk), sessions.digest(desk.session.token)
    kind = console_session.REALM.kind
    people.end_sessions(desk.ports, person, kind, but=this, only=only)
    return http.redirect(f"{HERE}?done=ended")


def leave_page(desk: Desk) -> http.Answer:
    """Says what leaving the team means; raises `Refused` for who is no member of it."""
    _leaving(desk)
    return page(desk, "console/you_leave.html", refused=None)


def leave(desk: Desk) -> http.Answer:
    """Takes whoever is signed in out of the team, and ends their session."""
    try:
        membership.leave(desk.ports, desk.merchant, _leaving(desk), now=desk.now)
    except Refused as refused:
        return page(desk, "console/you_leave.html", status=409, refused=refused)
    cookie = console_session.sign_out(desk.ports, desk.request, desk.session, desk.now)
    team = desk.session.merchant.name
    return http.page("console/left.html", MERCHANTS_LANGUAGE, team=team, cookies=[cookie])


def _leaving(desk: Desk) -> str:
    """Returns the id of whoever is signed in as a member; raises `Refused` for others."""
    member = desk.session.holder.member
    if member == HOLDER:
        raise Refused("holder_stays")
    if not member:
        raise Refused("own_person_only")
    return member


def _otpauth(secret: str, issuer: str, email: str) -> str:
    """Returns the address that an authenticator app on this device takes the key from."""
    label = quote(f"{issuer}:{email}", safe="")
    named = urlencode({"secret": secret, "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{label}?{named}"


def _person(desk: Desk) -> Person:
    """Returns the person who is signed in; raises `Refused` for a session by a key's link."""
    holder = desk.session.holder
    if holder.person is not None:
        return holder.person
    if holder.account is None:
        raise Refused("own_person_only")
    return people.ensured(desk.ports, holder.account.email, desk.now)


def _own_account(desk: Desk, person: Person) -> Account | None:
    holder = desk.session.holder
    found = holder.account or signing.by_email(desk.ports, person.email)
    return found if found is not None and found.erased_at is None else None


def _choices(desk: Desk, person: Person) -> list[Choice]:
    own = _own_account(desk, person)
    named = ([own.username] if own is not None else []) + list(person.teams)
    choices = []
    for merchant in dict.fromkeys(named):
        found, team = desk.ports.store.merchant_and_team(merchant)
        is_own = own is not None and own.username == merchant
        member = None if team is None else team.of_person(person.id)
        if found is None or not (is_own or member):
            continue
        role = "owner" if is_own or member is None else member.role.value
        choices.append(Choice(merchant, found.name, role, merchant == desk.merchant, is_own))
    return choices


def _begin(desk: Desk, person: Person, merchant: str, with_factor: bool) -> Cookie:
    """Begins a session with a merchant, in place of this one."""
    more = {"factor": "1"} if with_factor else {}
    own = _own_account(desk, person)
    if own is not None and own.username == merchant:
        cookie = console_session.begin_account(
            desk.ports, desk.request, own, desk.now, person=person.id, **more
        )
    else:
        cookie = entrance.begin_member(desk.ports, desk.request, person, merchant, desk.now, **more)
    entrance.note(desk.ports, desk.request, person, cookie, desk.now)
    return cookie
