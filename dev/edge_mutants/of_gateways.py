"""Mutants of the forms that take a gateway account's keys (W-1, W-2, W-5, W-6)."""

from __future__ import annotations

from dev.edge_mutants.mutant import Cut, Mutant

KEYS = "billing.accounts.flows.gateway_keys"
ACCOUNTS = "billing.accounts.flows.gateway_accounts"
FORM = "billing.console.web.gateway_keys"
PAGES = "billing.console.web.gateways"
FIELDS = "billing.web.gateway_forms"
STRIPE = "billing.gateways.stripe.setup"
PAYPAL = "billing.gateways.paypal.setup"
HEALTH = "billing.gateway_events.flows.health"

_CONSOLE = ("tests/console/test_gateways.py", "tests/console/test_gateway_changes.py")


def _of(module: str, name: str, old: str, new: str) -> Mutant:
    return Mutant(f"gateway keys: {name}", (Cut(module, old, new),), _CONSOLE)


OF_GATEWAYS: tuple[Mutant, ...] = (
    _of(KEYS, "any number of tries", "now=now) > TRIES:", "now=now) > 10**6:"),
    _of(
        KEYS, "tries of all merchants together", '"gateway_keys", merchant,', '"gateway_keys", "",'
    ),
    _of(
        KEYS,
        "keys of any account replace others",
        "given.present is not None and found.account != given.present",
        "False",
    ),
    _of(
        KEYS,
        "two changes at a time",
        "if not ports.ephemeral.put(kind, ",
        "if ports.ephemeral.get(kind, ",
    ),
    _of(KEYS, "products are not looked at", "if self.products or self", "if self"),
    _of(KEYS, "subscriptions are not looked at", "or self.holding.live_subscriptions or", "or"),
    _of(KEYS, "what hangs on it keeps nothing", "if hanging.keeps_it:", "if False:"),
    _of(KEYS, "removed keys stay", "ports.key_store.remove(", "ports.key_store.read("),
    _of(
        ACCOUNTS,
        "new keys arm",
        "replace(held, name=name or held.name)",
        "replace(held, name=name, bound_to=here)",
    ),
    _of(ACCOUNTS, "a new account is always active", "active=alone,", "active=True,"),
    _of(FORM, "no password is asked for", "check_password(desk, typed.get", "len(typed.get"),
    _of(FIELDS, "secrets are shown again", "if name in public", "if name"),
    _of(
        PAGES,
        "any way back",
        "text if text.startswith(PRODUCTS) and names else",
        "text if True else",
    ),
    _of(PAGES, "arming without being sure", '.get("sure") != "true"', '.get("sure") == "never"'),
    _of(STRIPE, "any mode", "if shape[2] != MODES[self._test]:", "if False:"),
    _of(
        STRIPE,
        "an account that may not charge",
        "if not self._test and not account",
        "if False and not account",
    ),
    _of(STRIPE, "rights are not tried", '.startswith("rk_")', '.startswith("xx_")'),
    _of(STRIPE, "old endpoints stay", "if each.id != endpoint:", "if False:"),
    _of(STRIPE, "an endpoint for each form", "if known and any(", "if False and any("),
    _of(
        PAYPAL, "an app without the vault", "if scope and VAULT not in scope.split():", "if False:"
    ),
    _of(
        HEALTH,
        "written for each webhook",
        "if now < self._next.get((kind, key), now):",
        "if False:",
    ),
    _of(HEALTH, "written over within the hour", "now - EVERY + KEPT", "now + EVERY + KEPT"),
)
