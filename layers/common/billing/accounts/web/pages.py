"""The account's public pages: sign up, sign in and out, forgotten password, change of email (A-7,
A-8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.accounts.accounts import Account
from billing.accounts.flows import account, email_change, own_plan
from billing.accounts.flows.account import SignUp, Visitor
from billing.accounts.web import console_session, fronts, session_holder
from billing.accounts.web.entrance import enter
from billing.accounts.web.session_holder import Holder
from billing.kernel.account_standings import AccountStanding, Standing
from billing.kernel.audit import By
from billing.kernel.errors import Invalid, Refused, Unavailable
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.runtime import telemetry
from billing.team.flows import people
from billing.team.members import HOLDER
from billing.team.rights import Access, Area, Right, Role
from billing.web import audit, http, sessions
from billing.web.emails import with_ascii_domain
from billing.web.problems import errors_of
from billing.web.request import Request

TYPED_MOST = 320
DONE = frozenset(
    {"email_asked", "changed", "frozen", "thawed", "cancelled", "claimed", "processing"}
)


class Visit(Value):
    """A request of a signed-in account; `standing` is the account's state now."""

    request: Request
    account: Account
    seller: Merchant
    platform: Merchant
    standing: AccountStanding
    holder: Holder
    token: str
    now: datetime

    @property
    def csrf(self) -> str:
        return sessions.csrf_of(self.token)

    def may(self, area: str, access: str = "write") -> bool:
        """Tests whether the visitor has a right; pages show no button without it."""
        return (Area(area), Access(access)) in self.holder.rights


def visit(ports: Ports, request: Request, now: datetime, need: Right) -> Visit:
    """Returns the visit to an account, active or not, of its holder or another owner.

    Raises `SignedOut`, `FactorNeeded`, and `Forbidden` without the right that is needed (M-9).
    """
    platform = account.platform_merchant(ports)
    held = sessions.held(ports, request, console_session.REALM, now)
    known = None if held is None else session_holder.of(ports, held)
    if held is None or known is None or known[1].key:
        raise session_holder.SignedOut
    seller, holder = known
    found = holder.account or ports.store.account(seller.id)
    if found is None or found.erased_at is not None:
        raise session_holder.SignedOut
    if holder.lacks_factor and need[0] is not Area.OWN:
        raise console_session.FactorNeeded
    session_holder.check(holder, need)
    standing = account.standing_of(ports, found, now)
    return Visit(request, found, seller, platform, standing, holder, held.token, now)


def change(ports: Ports, request: Request, now: datetime, need: Right) -> Visit:
    """Returns the visit of a form that was sent from one of our own pages."""
    sessions.check_origin(request)
    found = visit(ports, request, now, need)
    sessions.check_form(request, found.token)
    audit.note(ports, request, found.seller.id, "account", now, by=found.holder.named)
    return found


def sign_up_form(ports: Ports) -> http.Answer:
    """Shows the form for username, email and name; the plan comes after, and the password by a
    mailed link."""
    return _front(ports, "sign_up", form={}, errors={})


def sign_up(ports: Ports, request: Request, *, now: datetime) -> http.Answer:
    """Signs up and redirects to the plans, also for an email that has an account already."""
    from billing.accounts.web.forms import SignUpForm
    from billing.web.inputs import filled_in, read

    sessions.check_origin(request)
    typed = request.form()
    try:
        given = read(SignUpForm, filled_in(typed))
        form = SignUp(given.username, given.email, given.name)
        account.sign_up(ports, form, ip=request.ip, now=now)
    except Invalid as error:
        return _front(ports, "sign_up", status=422, form=typed, errors=errors_of(error))
    return http.redirect("/account/plans")


def plans(ports: Ports) -> http.Answer:
    """Shows the plans that open an account, or restore it."""
    return _front(ports, "plans", offers=own_plan.offers(ports))


def sign_in_form(ports: Ports) -> http.Answer:
    """Shows the form for email and password."""
    return _front(ports, "sign_in", failed=False)


def sign_in(ports: Ports, request: Request, *, now: datetime) -> http.Answer:
    """Signs in: to the console where the account is active, else to a page that says how to return.
    The answer is the same whatever is wrong."""
    sessions.check_origin(request)
    typed = request.form()
    email, password = (typed.get(name, "")[:TYPED_MOST] for name in ("email", "password"))
    email = with_ascii_domain(email)
    found = account.sign_in_visitor(ports, email, password, ip=request.ip, now=now)
    if found is None:
        telemetry.happened("account sign-in refused", request_id=request.id)
        return _front(ports, "sign_in", status=401, failed=True)
    return enter(ports, request, found, now)


def sign_out(ports: Ports, visit: Visit) -> http.Answer:
    """Ends the session on the server, so that copies of its cookie stop working."""
    cookie = sessions.end(ports, visit.request, console_session.REALM, visit.token, visit.now)
    return http.redirect("/account/sign-in", cookies=[cookie])


def forgot_form(ports: Ports) -> http.Answer:
    return _front(ports, "forgot")


def ask_for_reset(ports: Ports, request: Request, *, now: datetime) -> http.Answer:
    """Has a reset link mailed; the answer is the same for every email and every repeat."""
    sessions.check_origin(request)
    email = with_ascii_domain(request.form().get("email", "")[:TYPED_MOST])
    account.ask_for_reset(ports, email, ip=request.ip, now=now)
    return _front(ports, "asked", status=202)


def reset_form(ports: Ports, token: str, *, now: datetime) -> http.Answer:
    """Shows the page behind a mailed reset link, without using the link up."""
    if not account.is_reset_link_valid(ports, token, now=now):
        raise _link_expired()
    return _front(ports, "reset", errors={})


def reset_password(ports: Ports, request: Request, token: str, *, now: datetime) -> http.Answer:
    """Sets a new password, which ends every session begun with the old one, and signs in: the
    mailed link is the way in for somebody whom strangers' tries have locked out."""
    sessions.check_origin(request)
    password = request.form().get("password", "")[:TYPED_MOST]
    try:
        whose = account.of_reset_link(ports, token, now=now)
        if whose is not None:
            _note(ports, request, whose, "POST /account/reset", now)
        found = account.reset(ports, token, password, now=now)
    except Invalid as error:
        return _front(ports, "reset", status=422, errors=errors_of(error))
    if found is None:
        raise _link_expired()
    try:
        person = people.of_email(ports, found.email)
        return enter(ports, request, Visitor(found, person), now)
    except Unavailable:
        # The password is set, so no answer may say that nothing was done.
        return http.redirect("/account/sign-in")


def _note(ports: Ports, request: Request, found: Account, action: str, now: datetime) -> None:
    """Writes down a change of how an account signs in; the link in the path is a secret."""
    by = By(HOLDER, found.email, Role.OWNER.value)
    audit.note(ports, request, found.username, "account", now, by=by, action=action)


def confirm_form(ports: Ports, token: str, *, now: datetime) -> http.Answer:
    """Shows a button that confirms: a scanner that follows the links in a mail does not press
    it."""
    if not email_change.is_link_valid(ports, token, now=now):
        raise _link_expired()
    return _front(ports, "confirm")


def confirm_email(ports: Ports, request: Request, token: str, *, now: datetime) -> http.Answer:
    """Confirms an email change for one address; with the second the email is changed."""
    sessions.check_origin(request)
    platform = account.platform_merchant(ports)
    whose = email_change.of_link(ports, token, now=now)
    if whose is not None:
        _note(ports, request, whose, "POST /account/email/confirm", now)
    changed = email_change.confirm(ports, token, now=now)
    if changed is None:
        raise _link_expired()
    return fronts.page(ports, platform, "confirmed", moved=changed)


def profile(ports: Ports, visit: Visit) -> http.Answer:
    """Shows the account's profile; for an inactive account, how to return."""
    if visit.standing.state is not Standing.ACTIVE:
        return show(visit, "inactive", offers=own_plan.offers(ports))
    return show(visit, "profile", done=done_of(visit), errors={})


def ask_for_email(ports: Ports, visit: Visit) -> http.Answer:
    """Asks both addresses to confirm a new email, once the password has been given again (A-8)."""
    from billing.accounts.web.forms import EmailForm
    from billing.web.inputs import filled_in, read

    typed = visit.request.form()
    try:
        given = read(EmailForm, filled_in({n: typed.get(n, "") for n in EmailForm.model_fields}))
        _check_password(ports, visit, given.password)
        email_change.ask(ports, visit.account, given.email, now=visit.now)
    except Invalid as error:
        return show(visit, "profile", status=422, done=None, errors=errors_of(error))
    return http.redirect("/account?done=email_asked")


def _check_password(ports: Ports, visit: Visit, password: str) -> None:
    ip, now = visit.request.ip, visit.now
    if not account.is_password_of(ports, visit.account, password, ip=ip, now=now):
        raise Invalid("wrong_password", field="password")


def show(visit: Visit, template: str, *, status: int = 200, **values: Any) -> http.Answer:
    """Renders a page of a signed-in account."""
    return http.page(
        f"account/{template}.html",
        MERCHANTS_LANGUAGE,
        status=status,
        account=visit.account,
        merchant=visit.seller,
        platform=visit.platform,
        standing=visit.standing,
        zone=visit.platform.settings.time_zone,
        csrf=visit.csrf,
        may=visit.may,
        is_holder=visit.holder.account is not None,
        signed_in_as=visit.holder.email,
        here=visit.request.path,
        **values,
    )


def done_of(visit: Visit) -> str | None:
    what = visit.request.query().get("done")
    return what if what in DONE else None


def _front(ports: Ports, template: str, *, status: int = 200, **values: Any) -> http.Answer:
    platform = account.platform_merchant(ports)
    return fronts.page(ports, platform, template, status=status, **values)


def _link_expired() -> Refused:
    return Refused("link_over")
