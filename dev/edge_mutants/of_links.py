"""Mutants of links and codes in mails, and of events that gateways sign (B-3, R-8, W-1)."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

CONSOLE = "billing.accounts.web.console_session"
LOGIN = "billing.customers.flows.login"
SIGNED = "billing.kernel.portal_links"
CODE = "billing.customers.flows.mailed_code"
ACCOUNT = "billing.accounts.flows.account"
SIGN_IN = "billing.accounts.flows.link_sign_in"
CHANGE = "billing.accounts.flows.email_change"
BOTH = "billing.customers.flows.both_addresses"
CUSTOMERS_CHANGE = "billing.customers.flows.email_change"
DRAFT = "billing.helpdesk.flows.draft"
EVENT = "billing.gateways.event_signature"
STRIPE = "billing.gateways.stripe.events"
BACK = "billing.kernel.return_addresses"
PAYPAL = "billing.gateways.paypal.events"

_CONSOLE = ("tests/accounts/test_console_session.py",)
_LOGIN = (
    GUARDS,
    "tests/portal/test_login.py",
)
_MAILED = (
    GUARDS,
    "tests/portal/test_mail_links.py",
)
_SIGNING = (
    GUARDS,
    "tests/accounts/test_signing.py",
)
_CHANGING = (*_SIGNING, "tests/portal/test_email_change.py")
_LINKS = ("tests/accounts/test_link_sign_in.py",)
_REQUESTS = ("tests/helpdesk/test_requests.py",)
_STRIPE = ("tests/gateways/stripe/test_events.py", "tests/gateway_events/test_webhooks.py")
_PAYPAL = (
    GUARDS,
    "tests/gateways/paypal",
)

_BACK = (
    GUARDS,
    "tests/checkout/test_hand_off.py",
)

_LONG = "timedelta(days=4000)"


def _of(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"link: {name}", (Cut(module, old, new),), tests)


def _event(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"webhook: {name}", (Cut(module, old, new),), tests)


OF_LINKS: tuple[Mutant, ...] = (
    _of(
        "the way back after a purchase is to anywhere",
        BACK,
        "found is not None and any(_is_below(found, _read(each)) for each in listed)",
        "True",
        _BACK,
    ),
    _of(
        "the way back after a purchase is to a host that begins like a listed one",
        BACK,
        "if listed is None or found[0] != listed[0]:",
        "if listed is None or not found[0].startswith(listed[0]):",
        _BACK,
    ),
    _of(
        "the way back after a purchase is to any page of a listed host",
        BACK,
        'return path == root or path.startswith(root + "/")',
        "return True",
        _BACK,
    ),
    _of(
        "console, twice",
        CONSOLE,
        "ports.ephemeral.take(LINK, sessions.digest(token), now=now)",
        "ports.ephemeral.get(LINK, sessions.digest(token), now=now)",
        _CONSOLE,
    ),
    _of(
        "console, for ever",
        CONSOLE,
        "LINK_LIFE = timedelta(minutes=15)",
        f"LINK_LIFE = {_LONG}",
        _CONSOLE,
    ),
    _of(
        "portal, twice",
        LOGIN,
        "ports.ephemeral.take(LINK, digest(token), now=now)",
        "ports.ephemeral.get(LINK, digest(token), now=now)",
        _LOGIN,
    ),
    _of(
        "portal, for ever",
        LOGIN,
        "LINK_LIFE = timedelta(minutes=15)",
        f"LINK_LIFE = {_LONG}",
        _LOGIN,
    ),
    Mutant(
        "link: portal, any merchant",
        (Cut(LOGIN, 'if kept.get("merchant") != merchant:', "if not kept:"),),
        _LOGIN,
        redundant="the customer is looked up under the merchant whose portal it is",
    ),
    _of(
        "portal, another email", LOGIN, ' and find_customer(customer) == kept.get("as")', "", _LOGIN
    ),
    _of(
        "portal, kept readable",
        LOGIN,
        "return sha256(secret.encode()).hexdigest()",
        "return secret",
        _LOGIN,
    ),
    _of("signed, unsigned", SIGNED, "return same and now <", "return now <", _MAILED),
    Mutant(
        "link: signed, for ever",
        (
            Cut(SIGNED, "now < link.expires_at and ", ""),
            Cut("billing.customers.flows.mail_link", " or now >= link.expires_at:", ":"),
        ),
        _MAILED,
    ),
    _of("signed, for longer", SIGNED, "        str(expires),\n", "", _MAILED),
    _of(
        "signed, another purchase",
        SIGNED,
        "        purchase,\n        str(",
        "        str(",
        _MAILED,
    ),
    Mutant(
        "link: signed, another customer",
        (Cut(SIGNED, "        customer.id,\n        email", "        email"),),
        _MAILED,
        redundant="the email's hash is signed, and names the customer",
    ),
    _of(
        "signed, another email",
        SIGNED,
        "        email_hash(customer.merchant, customer.email),\n",
        "",
        _MAILED,
    ),
    Mutant(
        "link: signed, erased",
        (Cut(SIGNED, " and not customer.is_erased", ""),),
        _MAILED,
        redundant="an erased customer has another email, whose hash is not the signed one",
    ),
    Mutant(
        "link: signed, without its merchant",
        (Cut(SIGNED, "        customer.merchant,\n        customer.id,", "        customer.id,"),),
        _MAILED,
        redundant="the key is the merchant's own, and so is the email's hash",
    ),
    _of("code, wrong", CODE, "if not compare_digest(digest(code), ", "if not (True or ", _MAILED),
    _of(
        "code, another email",
        CODE,
        'return kept.get("as") == find_customer(customer)',
        "return bool(kept)",
        _MAILED,
    ),
    _of(
        "code, twice",
        CODE,
        "ports.ephemeral.take(KIND, name, now=now) is not None",
        "True",
        _MAILED,
    ),
    _of("code, for ever", CODE, "LIFE = timedelta(minutes=15)", f"LIFE = {_LONG}", _MAILED),
    _of(
        "code, any customer",
        CODE,
        'digest(f"{customer.merchant}\\n{customer.id}")',
        "digest(customer.merchant)",
        _MAILED,
    ),
    _of(
        "mailed sign-in, twice",
        SIGN_IN,
        "ports.ephemeral.take(KIND, digest(token), now=now)",
        "ports.ephemeral.get(KIND, digest(token), now=now)",
        _LINKS,
    ),
    _of(
        "mailed sign-in, for ever",
        SIGN_IN,
        "LINK_LIFE = timedelta(minutes=15)",
        f"LINK_LIFE = {_LONG}",
        _LINKS,
    ),
    _of(
        "mailed sign-in, after another password",
        SIGN_IN,
        " or accounts.mark_of(found) != mark:",
        ":",
        _LINKS,
    ),
    _of("password, after another", ACCOUNT, " or mark_of(account) != mark:", ":", _SIGNING),
    Mutant(
        "link: password, twice",
        (Cut(ACCOUNT, "ports.ephemeral.take(RESET, digest(token), now=now)", "pass"),),
        _SIGNING,
        redundant="the password that it set has made it void",
    ),
    _of(
        "password, for ever",
        ACCOUNT,
        "LINK_LIFE = timedelta(hours=1)",
        f"LINK_LIFE = {_LONG}",
        _SIGNING,
    ),
    _of("email, one end alone", BOTH, "done = all(both)", "done = True", _CHANGING),
    Mutant(
        "link: email, at another merchant",
        (Cut(CUSTOMERS_CHANGE, 'if wanted["merchant"] != merchant:', "if False:"),),
        _CHANGING,
        redundant="no customer of another merchant has its customer's id",
    ),
    Mutant(
        "link: email, of an account that has another",
        (Cut(CHANGE, ' or account.email not in {wanted["old"], wanted["new"]}:', ":"),),
        _SIGNING,
        redundant="only an account that has the old one gets the new one",
    ),
    _of(
        "request, any merchant",
        DRAFT,
        'if named.get("merchant") == merchant else',
        "if named else",
        _REQUESTS,
    ),
    _of("request, for ever", DRAFT, "LIFE = timedelta(days=3)", f"LIFE = {_LONG}", _REQUESTS),
    _of(
        "invoice, without its key",
        "billing.invoices.flows.documents",
        " or not compare_digest(invoice.download_key.encode(), key.encode()):",
        ":",
        ("tests/portal/test_purchases.py", "tests/portal/test_pages.py"),
    ),
    _event("any signature", EVENT, "if not any(fits):", "if False:", _STRIPE),
    _event(
        "from long ago",
        EVENT,
        "if abs(now.timestamp() - seconds) > WINDOW_SECONDS:",
        "if False:",
        _STRIPE,
    ),
    _event(
        "a body that was not signed",
        EVENT,
        '" % seconds + body, sha256',
        '" % seconds, sha256',
        _STRIPE,
    ),
    _event("a time that was not signed", EVENT, 'b"%d." % seconds + body', "body", _STRIPE),
    _event(
        "of another account",
        STRIPE,
        'if event.get("account", account) != account:',
        "if False:",
        _STRIPE,
    ),
    _event(
        "Stripe, unsigned",
        STRIPE,
        "event_signature.verify(body,",
        "(lambda *_, **__: None)(body,",
        _STRIPE,
    ),
    _event(
        "PayPal, unsigned",
        PAYPAL,
        'if not answer.is_ok or answer.body.get("verification_status") != "SUCCESS":',
        "if False:",
        _PAYPAL,
    ),
    _event(
        "PayPal, from long ago", PAYPAL, "if abs(now - sent_at) > WINDOW:", "if False:", _PAYPAL
    ),
    _event(
        "PayPal, a certificate of anybody",
        PAYPAL,
        'if not _is_paypals(signed["cert_url"]):',
        "if False:",
        _PAYPAL,
    ),
    _event(
        "told twice",
        "billing.gateway_events.flows.webhook",
        "if event.id in pointer.events:",
        "if False:",
        ("tests/gateway_events/test_webhooks.py",),
    ),
)
