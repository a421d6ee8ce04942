"""The console's pages of declarations: the queue, one of them, its decision (X-10)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from billing.cancel.regions import table
from billing.cancel.regions.rules import Duty
from billing.console.web.pages import Desk, page
from billing.declarations.declarations import Declaration, DeclarationState
from billing.declarations.flows import decide
from billing.declarations.mail import letters
from billing.declarations.web.shapes import DecisionInput, DeclarationsQuery
from billing.kernel import domains
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.render import formats
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.team.rights import Area
from billing.web import http
from billing.web.inputs import filled_in, read
from billing.web.problems import Misshapen, errors_of
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]
HERE = "/console/declarations"
DONE = frozenset({"approved", "declined"})


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get(HERE)
    def list_page() -> http.Answer:
        return _list(looks())

    @app.get(f"{HERE}/<declaration>")
    def one_page(declaration: str) -> http.Answer:
        return _one(looks(), plain_id(declaration))

    @app.post(f"{HERE}/<declaration>/approve")
    def approve(declaration: str) -> http.Answer:
        return _approve(sends(), plain_id(declaration))

    @app.post(f"{HERE}/<declaration>/decline")
    def decline(declaration: str) -> http.Answer:
        return _decline(sends(), plain_id(declaration))


def _list(desk: Desk) -> http.Answer:
    typed = filled_in(desk.request.query())
    merchant, url = desk.session.merchant, desk.ports.operation.public_url
    shown: tuple[Declaration, ...] = ()
    wrong, following = None, None
    try:
        query = read(DeclarationsQuery, typed)
        found = decide.page(
            desk.ports, merchant, state=query.state, limit=query.limit, cursor=query.cursor
        )
        shown, following = found.data, found.next
    except (Invalid, Misshapen) as error:
        wrong = next(iter(errors_of(error).values()))
    return page(
        desk,
        "console/declarations.html",
        status=422 if wrong else 200,
        declarations=shown,
        states=[each.value for each in DeclarationState],
        typed=typed,
        wrong=wrong,
        public=(domains.cancel(url, merchant), domains.withdraw(url, merchant)),
        unchecked=_unchecked(),
        next_url=following and f"{HERE}?{urlencode({**typed, 'cursor': following})}",
        first_url=HERE if "cursor" in typed else None,
    )


def _one(desk: Desk, name: str, wrong: Invalid | None = None) -> http.Answer:
    found = decide.one(desk.ports, desk.merchant, name)
    zone = desk.session.merchant.settings.time_zone
    what = desk.request.query().get("done")
    return page(
        desk,
        "console/declaration.html",
        status=422 if wrong else 200,
        found=found,
        rows=letters.fields(found, zone, MERCHANTS_LANGUAGE),
        errors={"subscription": wrong} if wrong else {},
        done=what if what in DONE else None,
    )


def _approve(desk: Desk, name: str) -> http.Answer:
    typed = filled_in(desk.request.form())
    found = decide.one(desk.ports, desk.merchant, name)
    if found.duty is Duty.WITHDRAWAL:  # approving it gives money back (M-9)
        desk.check(Area.MONEY)
    try:
        about = read(DecisionInput, typed).subscription
        decide.approve(desk.ports, found, about, by=desk.session.merchant.email, now=desk.now)
    except (Invalid, Misshapen) as error:
        return _one(desk, name, next(iter(errors_of(error).values())))
    except NotFound:
        return _one(desk, name, Invalid("subscription_unknown", field="subscription"))
    except Refused as refused:
        if refused.code != "declaration_unmatched":
            raise
        return _one(desk, name, Invalid("declaration_unmatched", field="subscription"))
    return http.redirect(f"{HERE}/{name}?done=approved")


def _decline(desk: Desk, name: str) -> http.Answer:
    found = decide.one(desk.ports, desk.merchant, name)
    by = desk.session.merchant.email
    decide.decline(desk.ports, desk.session.merchant, found, by=by, now=desk.now)
    return http.redirect(f"{HERE}/{name}?done=declined")


def _unchecked() -> str:
    """Names the languages whose labels no source has given yet."""
    names = (formats.language_name(each, MERCHANTS_LANGUAGE) for each in table.UNCHECKED_LABELS)
    return ", ".join(sorted(names))
