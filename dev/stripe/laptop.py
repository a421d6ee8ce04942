"""The loopback Stripe of `make run`: its port, its keys and its journal are in DATA."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from dev import saved
from dev.stripe.server import Loopback
from dev.stripe.service import Account

ACCOUNT = "acct_demo"
"""Stripe's own id of the demo merchant's account."""

NEWCOMER = "acct_newcomer"
"""Stripe's own id of an account that is not connected to any merchant yet."""

_EVENTS_TO = "/webhooks/stripe/demo"


def loopback(
    data: Path, clock: Callable[[], datetime], base_url: str
) -> tuple[Loopback, dict[str, Any]]:
    """Returns the loopback at the port that it had before, and the demo account's secrets.

    Pages may still wait for their buyers at that port. The secrets are as the Stripe adapter reads
    them.
    """
    place = data / "stripe.json"
    known: dict[str, Any] = saved.read(place)
    journal = data / "stripe.jsonl"
    try:
        made = Loopback(port=known.get("port", 0), clock=clock, journal=journal)
    except OSError:
        made = Loopback(clock=clock, journal=journal)
    kept = {
        "port": made.port,
        "secret_key": known.get("secret_key", f"sk_test_{secrets.token_hex(16)}"),
        "webhook_secret": known.get("webhook_secret", f"whsec_{secrets.token_hex(16)}"),
        "newcomers_key": known.get("newcomers_key", f"sk_test_{secrets.token_hex(16)}"),
    }
    if kept != known:
        saved.write(place, kept)
    signs = (kept["webhook_secret"],)
    made.open_account(Account(ACCOUNT, kept["secret_key"], f"{base_url}{_EVENTS_TO}", signs))
    made.open_account(Account(NEWCOMER, kept["newcomers_key"], name="Newcomer"))
    return made, {"secret_key": kept["secret_key"], "webhook_secrets": list(signs)}
