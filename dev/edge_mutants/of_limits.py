"""Mutants of limits: how often one may try, for each of the things that tries are counted by."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

LOGIN = "billing.customers.flows.login"
LINK = "billing.customers.flows.mail_link"
CODE = "billing.customers.flows.mailed_code"
EMAIL = "billing.customers.flows.email_change"
ACCOUNT = "billing.accounts.flows.account"
DRAFT = "billing.helpdesk.flows.draft"
TICKET = "billing.helpdesk.flows.ticket"
REPEATS = "billing.checkout.flows.repeats"
SUBMIT = "billing.checkout.flows.submit"
COUPONS = "billing.portal.web.coupons"

_LOGIN = (
    GUARDS,
    "tests/portal/test_login.py",
)
_MAILED = ("tests/portal/test_mail_links.py",)
_CHANGING = ("tests/portal/test_email_change.py",)
_SIGNING = (
    GUARDS,
    "tests/accounts/test_signing.py",
)
_REQUESTS = ("tests/helpdesk/test_requests.py",)
_STRANGERS = ("tests/helpdesk/test_strangers_words.py",)
_CHECKOUT = ("tests/checkout/test_checkout.py", "tests/security/test_rows.py")

_MANY = "1_000_000"


def _of(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"limit: {name}", (Cut(module, old, new),), tests)


OF_LIMITS: tuple[Mutant, ...] = (
    _of("sign-in to the portal, by email", LOGIN, "EMAIL = 5", f"EMAIL = {_MANY}", _LOGIN),
    _of("sign-in to the portal, by Order ID", LOGIN, "ORDER = 5", f"ORDER = {_MANY}", _LOGIN),
    _of("sign-in to the portal, by address", LOGIN, "IP = 20", f"IP = {_MANY}", _LOGIN),
    _of(
        "a neighbour's sign-ins are counted here",
        LOGIN,
        'digest(f"{merchant}\\n{value}")',
        "digest(value)",
        _LOGIN,
    ),
    _of(
        "links that are asked for",
        LOGIN,
        "customer=(owner if allowed else None) or NOBODY",
        "customer=owner or NOBODY",
        _LOGIN,
    ),
    _of("payments and cards by a mail's link", LINK, "AT_MOST = 5", f"AT_MOST = {_MANY}", _MAILED),
    _of("codes that are asked for", CODE, "ASKED_AT_MOST = 3", f"ASKED_AT_MOST = {_MANY}", _MAILED),
    _of("new emails in a day", EMAIL, "AT_MOST = 5", f"AT_MOST = {_MANY}", _CHANGING),
    _of("codes that are tried", CODE, "TRIES = 5", f"TRIES = {_MANY}", _MAILED),
    _of("accounts, by email", ACCOUNT, "EMAIL = 10", f"EMAIL = {_MANY}", _SIGNING),
    _of("accounts, by address", ACCOUNT, "IP = 50", f"IP = {_MANY}", _SIGNING),
    _of(
        "sign-ins to an account",
        ACCOUNT,
        "if allowed and right else None",
        "if right else None",
        _SIGNING,
    ),
    _of(
        "passwords of who is signed in",
        ACCOUNT,
        "return allowed and right",
        "return right",
        (*_SIGNING, "tests/accounts/test_pages.py"),
    ),
    _of(
        "sign-ups",
        ACCOUNT,
        'if not may_try(ports, "sign_up", form.email, ip, now):',
        "if False:",
        _SIGNING,
    ),
    _of(
        "links to set a password",
        ACCOUNT,
        "username = account.username if allowed and account is not None",
        "username = account.username if account is not None",
        _SIGNING,
    ),
    _of(
        "requests by email",
        DRAFT,
        "PER_EMAIL, PER_IP = 5, 20",
        f"PER_EMAIL, PER_IP = {_MANY}, 20",
        _REQUESTS,
    ),
    _of(
        "requests by address",
        DRAFT,
        "PER_EMAIL, PER_IP = 5, 20",
        f"PER_EMAIL, PER_IP = 5, {_MANY}",
        _REQUESTS,
    ),
    _of(
        "mails of one sender",
        DRAFT,
        'limits = [("email", sender, PER_EMAIL)]',
        f'limits = [("email", sender, {_MANY})]',
        _STRANGERS,
    ),
    _of("mails of one domain", DRAFT, "[2], PER_DOMAIN))", f"[2], {_MANY}))", _STRANGERS),
    _of("mails of all strangers", DRAFT, '"", STRANGERS_MOST', f'"", {_MANY}', _STRANGERS),
    _of(
        "customers are counted with strangers",
        DRAFT,
        "if ports.store.customer_by_email(merchant.id, sender) is None:",
        "if True:",
        _STRANGERS,
    ),
    _of(
        "messages of a thread",
        TICKET,
        "WORDS_AT_MOST = 20",
        f"WORDS_AT_MOST = {_MANY}",
        (*_REQUESTS, *_STRANGERS),
    ),
    _of("checkouts, by address", SUBMIT, "PER_IP = 30", f"PER_IP = {_MANY}", _CHECKOUT),
    _of(
        "coupon codes that a customer tries",
        COUPONS,
        "TRIED_MOST = 20",
        f"TRIED_MOST = {_MANY}",
        ("tests/portal/test_coupons.py",),
    ),
    _of("questions about an email", REPEATS, "PER_EMAIL = 10", f"PER_EMAIL = {_MANY}", _CHECKOUT),
)
