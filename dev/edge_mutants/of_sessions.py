"""Mutants of sessions: how they begin, for whom, and how they end (A-8, B-3)."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

SESSIONS = "billing.web.sessions"
CONSOLE = "billing.accounts.web.console_session"
HOLDER = "billing.accounts.web.session_holder"
PORTAL = "billing.customers.web.portal_session"
PAGES = "billing.accounts.web.pages"

_LOGIN = ("tests/portal/test_login.py",)
_CONSOLE = (GUARDS, "tests/accounts/test_console_session.py")
_ACCOUNT = (GUARDS, "tests/accounts/test_pages.py")


def _of(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"session: {name}", (Cut(module, old, new),), tests)


OF_SESSIONS: tuple[Mutant, ...] = (
    _of(
        "the one before goes on after a sign-in",
        SESSIONS,
        "ports.ephemeral.take(realm.kind, digest(old), now=now)",
        "pass",
        _LOGIN,
    ),
    Mutant(
        "session: begun with the token that the browser brought",
        (
            Cut(SESSIONS, "ports.ephemeral.take(realm.kind, digest(old), now=now)", "pass"),
            Cut(SESSIONS, 'token = ports.new_id("key")', 'token = old or ports.new_id("key")'),
        ),
        _LOGIN,
    ),
    _of(
        "lives on without use",
        SESSIONS,
        "IDLE = timedelta(minutes=30)",
        "IDLE = timedelta(hours=12)",
        (*_LOGIN, *_CONSOLE),
    ),
    Mutant(
        "session: lives on with use",
        (
            Cut(SESSIONS, "if now >= ends:", "if False:"),
            Cut(SESSIONS, "expires_at=min(now + IDLE, ends)", "expires_at=now + IDLE"),
        ),
        (*_LOGIN, *_CONSOLE),
    ),
    _of(
        "signing out only removes the cookie",
        SESSIONS,
        "ports.ephemeral.take(realm.kind, digest(token), now=now)",
        "pass",
        (*_LOGIN, *_CONSOLE),
    ),
    _of(
        "a request that meets the signing out goes on",
        SESSIONS,
        "return OpenSession(token, kept) if renewed else None",
        "return OpenSession(token, kept)",
        _CONSOLE,
    ),
    _of(
        "a customer's signs in to the console",
        SESSIONS,
        'return f"{self.name}_session"',
        'return "session"',
        _CONSOLE,
    ),
    _of(
        "tokens are kept readable",
        SESSIONS,
        "return sha256(token.encode()).hexdigest()",
        "return token",
        _CONSOLE,
    ),
    _of("scripts read the cookie", SESSIONS, "http_only=True", "http_only=False", _CONSOLE),
    _of(
        "the cookie goes over plain http",
        SESSIONS,
        "secure=request.is_secure",
        "secure=False",
        _CONSOLE,
    ),
    _of(
        "the cookie is sent from other sites",
        SESSIONS,
        "SameSite.LAX_MODE",
        "SameSite.NONE_MODE",
        _CONSOLE,
    ),
    _of("the cookie is any host's", SESSIONS, 'f"__Host-{self.name}"', "self.name", _CONSOLE),
    _of(
        "goes on after another password",
        HOLDER,
        'account is None or sessions.mark(account.password_hash) != kept["password"]',
        "account is None",
        _ACCOUNT,
    ),
    _of(
        "the console of an account that is not active is open",
        CONSOLE,
        "if merchant.is_suspended(now) and not is_own:",
        "if False:",
        _ACCOUNT,
    ),
    _of(
        "an erased account signs in",
        PAGES,
        " or found.erased_at is not None:",
        ":",
        _ACCOUNT,
    ),
    _of(
        "goes on after another email",
        PORTAL,
        'if login.find_customer(account.customer) != held.kept.get("as"):',
        "if False:",
        _LOGIN,
    ),
    _of(
        "a closed portal is open",
        PORTAL,
        "if found.settings.portal is None:",
        "if False:",
        _LOGIN,
    ),
)
