"""Mutants of forms: each is of its session and of our own pages, and is written down."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

SESSIONS = "billing.web.sessions"
CONSOLE = "billing.accounts.web.console_session"
PORTAL = "billing.customers.web.portal_session"
PAGES = "billing.accounts.web.pages"
FRONT = "billing.portal.web.pages"

_ORIGIN = "sessions.check_origin(request)\n    "

_CONSOLE = ("tests/accounts/test_console_session.py", "tests/helpdesk/test_isolation.py")
_PORTAL = ("tests/portal/test_isolation.py",)
_LOGIN = (GUARDS, "tests/portal/test_login.py")
_ACCOUNT = (GUARDS, "tests/accounts/test_pages.py")
_TRAIL = ("tests/security/test_trail.py",)
_MAILED = ("tests/portal/test_mail_links.py",)


def _of(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"CSRF: {name}", (Cut(module, old, new),), tests)


def _from_anywhere(name: str, module: str, then: str, tests: tuple[str, ...]) -> Mutant:
    """Removes the check of where a form was sent from, before the code that follows it."""
    return _of(f"from another site: {name}", module, f"{_ORIGIN}{then}", then, tests)


OF_FORMS: tuple[Mutant, ...] = (
    _of(
        "a form without its token",
        SESSIONS,
        "if not hmac.compare_digest(",
        "if False and hmac.compare_digest(",
        _PORTAL,
    ),
    _of(
        "one token for all", SESSIONS, "hmac.digest(token.encode(),", 'hmac.digest(b"key",', _PORTAL
    ),
    _of("any site", SESSIONS, "if not here:", "if False:", _PORTAL),
    _of(
        "a site that the browser calls another",
        SESSIONS,
        'here = site in {"same-origin", "none"}',
        "here = True",
        _PORTAL,
    ),
    _of(
        "a neighbour under the same domain",
        SESSIONS,
        'here = site in {"same-origin", "none"}',
        'here = site in {"same-origin", "none", "same-site"}',
        _CONSOLE,
    ),
    _of(
        "a site that only the Origin names",
        SESSIONS,
        'here = origin in {None, "null", request.base_url}',
        "here = True",
        _PORTAL,
    ),
    _of("console", CONSOLE, "sessions.check_form(request, session.token)", "pass", _CONSOLE),
    _of("portal", PORTAL, "sessions.check_form(request, visit.token)", "pass", _PORTAL),
    _of("account", PAGES, "sessions.check_form(request, found.token)", "pass", _ACCOUNT),
    _of(
        "helpdesk",
        "billing.helpdesk.web.caller",
        "sessions.check_form(request, found.visit.token)",
        "pass",
        ("tests/helpdesk/test_isolation.py",),
    ),
    _from_anywhere("console sign-in", CONSOLE, "kept = ports.ephemeral.take(LINK", _CONSOLE),
    _from_anywhere("console", CONSOLE, "session = required(", _CONSOLE),
    _from_anywhere("portal", PORTAL, "visit = required(", _PORTAL),
    _from_anywhere("account", PAGES, "found = visit(", _ACCOUNT),
    _from_anywhere("sign-in", PAGES, "typed = request.form()\n    email, password", _ACCOUNT),
    _from_anywhere("asking for a password's link", PAGES, "email = with_ascii", _ACCOUNT),
    _from_anywhere("setting a password", PAGES, "password = request", _ACCOUNT),
    _from_anywhere("confirming an email", PAGES, "platform = account.platform", _ACCOUNT),
    _from_anywhere(
        "helpdesk",
        "billing.helpdesk.web.caller",
        "found = caller(",
        ("tests/helpdesk/test_isolation.py",),
    ),
    _from_anywhere(
        "portal sign-in",
        FRONT,
        "found = session.open_portal(ports, merchant)\n    typed = request.form()\n    order",
        _LOGIN,
    ),
    _from_anywhere(
        "asking for a portal's link",
        FRONT,
        "found = session.open_portal(ports, merchant)\n    email",
        _LOGIN,
    ),
    _from_anywhere(
        "a portal's link",
        FRONT,
        "found = session.open_portal(ports, merchant)\n    entry = login.by_link",
        _LOGIN,
    ),
    _from_anywhere("a mail's link", "billing.portal.web.mail_link", "return holder(", _MAILED),
    _from_anywhere(
        "a payment's link",
        "billing.portal.web.payment",
        "found = _merchant(ports, merchant)\n    invoice = documents.linked(ports, found.id, "
        "plain_reference(reference))\n    # An absolute",
        (GUARDS,),
    ),
    _of(
        "a change in the console is not written down",
        CONSOLE,
        'audit.note(ports, request, session.merchant.id, "console", now, by=by)',
        "pass",
        _TRAIL,
    ),
    _of(
        "a change of an account is not written down",
        PAGES,
        'audit.note(ports, request, found.seller.id, "account", now, by=found.holder.named)',
        "pass",
        _TRAIL,
    ),
)
