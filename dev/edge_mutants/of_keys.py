"""Mutants of the merchant API: Idempotency-Keys, API keys and what they may do (M-3, W-3)."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

ONCE = "billing.api.web.idempotency"
FRAME = "billing.api.web.frame"
KEYS = "billing.api.flows.keys"
STRIPE = "billing.gateways.stripe.client"

_ONCE = (GUARDS, "tests/api/test_idempotency.py")
_KEYS = (GUARDS, "tests/api/test_keys_and_settings.py")

_STAYS = 'writes.append(ConditionCheck(stays, expecting=("revoked_at",)))'
_COUNTED = (
    "writes: list[Write] = [Change(key, revoked), _counted(merchant, _live(ports, merchant) - 1)]"
)


def _kept(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"idempotency: {name}", (Cut(ONCE, old, new),), _ONCE)


def _key(name: str, old: str, new: str, module: str = KEYS) -> Mutant:
    return Mutant(f"API key: {name}", (Cut(module, old, new),), _KEYS)


OF_KEYS: tuple[Mutant, ...] = (
    _kept("a key is of any merchant", 'f"{merchant}\\n{bearer if sealed', 'f"{bearer if sealed'),
    _kept("a key is of any address", r'f"{owner}\n{request.path}\n{key}"', r'f"{owner}\n{key}"'),
    _kept("a key is of any body", "sha256(asked.encode()).hexdigest()", '""'),
    _kept("a key is kept for ever", "timedelta(hours=24)", "timedelta(days=4000)"),
    _kept("the first may still be running", "timedelta(seconds=60)", "timedelta(seconds=0)"),
    _kept("a killed request keeps its key", "timedelta(seconds=60)", "timedelta(hours=24)"),
    _kept("what may pass is kept", "isinstance(error, TRANSIENT) or", "isinstance(error, ()) or"),
    _kept("what broke is kept", "or problems.status_of(error) >= 500", ""),
    Mutant(
        "idempotency: an unfinished answer is kept",
        (Cut(ONCE, "given.status_code == UNFINISHED or", ""),),
        ("tests/plans/test_routes.py", "tests/helpdesk/test_routes.py"),
    ),
    _kept("a secret is shown to another key", "bearer if sealed else ''", "''"),
    _kept(
        "a secret is kept readable",
        "self._crossed(body[self.sealed].encode()).hex()",
        "body[self.sealed].encode().hex()",
    ),
    _kept(
        "a key of any length and alphabet",
        "not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable())",
        "False",
    ),
    Mutant(
        "API key: any secret is looked up",
        (Cut(FRAME, "secret.startswith(keys.PREFIX)", "True"),),
        _KEYS,
        redundant="its hash is of no key; the beginning only spares the read",
    ),
    _key("a revoked one opens", "if key is None or not key.is_live:", "if key is None:"),
    _key(
        "reading is writing",
        "if need is None or need not in rights.of_scopes(key.scopes):",
        "if False:",
        FRAME,
    ),
    _key(
        "gives more than it has",
        "if not rights.of_scopes(scopes) <= rights.of_scopes(maker.scopes):",
        "if False:",
    ),
    _key(
        "replaced by one that may more",
        "draw(ports, old.merchant, old.scopes,",
        "draw(ports, old.merchant, ('read', 'write'),",
    ),
    _key(
        "a replaced one opens on", "Change(old, replace(old, revoked_at=now))", "Change(old, old)"
    ),
    _key("a revoked one is replaced", "if not old.is_live:", "if False:"),
    _key("the last one is revoked", "if stays is None and not may_be_last:", "if False:"),
    Mutant(
        "API key: the last two are revoked at once",
        (Cut(KEYS, _STAYS, "pass"),),
        _KEYS,
        redundant="both write the count of live keys, so that one of them meets the other",
    ),
    Mutant(
        "API key: the last two are revoked at once, uncounted",
        (
            Cut(KEYS, _STAYS, "pass"),
            Cut(KEYS, _COUNTED, "writes: list[Write] = [Change(key, revoked)]"),
        ),
        _KEYS,
    ),
    _key("any number of them", "if most is not None and live >= most:", "if False:"),
    _key("kept readable", "return sha256(secret.encode()).hexdigest()", "return secret"),
    Mutant(
        "API: an account that is not active is open",
        (Cut(FRAME, "if merchant.is_suspended(now):", "if False:"),),
        ("tests/accounts/test_pages.py",),
    ),
    Mutant(
        "API: a change is not written down",
        (Cut(FRAME, 'if route.scope == "write":', "if False:"),),
        ("tests/security/test_trail.py",),
    ),
    Mutant(
        "API: an id is any text",
        (Cut(FRAME, "plain_id(value)", "value"),),
        ("tests/api/test_sales.py",),
    ),
    Mutant(
        "gateway: test keys at a live account",
        (Cut(STRIPE, "if any(key.split(", "if False and any(key.split("),),
        ("tests/gateways/test_stripe_account.py",),
    ),
)
