"""The terms that a checkout shows before payment (C-1, C-6).

The page is rendered from this value, and the same value is kept as the buyer's consent.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256

from billing.kernel.money import Money
from billing.kernel.periods import Period, zone_named
from billing.kernel.values import Value, plain


class DisclosedLine(Value):
    """One line of what is charged today, such as the product or a tax."""

    text: str
    amount: Money


class DisclosedCharge(Value):
    """A future charge; the page shows its date in the disclosure's time zone."""

    at: datetime
    amount: Money


class Disclosure(Value):
    """The terms of a purchase as the buyer reads them, in one language.

    `terms` states the whole price in words. `lines` add up to `total`, which is charged today;
    `tax` is the tax included in it. `following` are the first charges after today, before tax, and
    `rest` describes those after them. `payments` counts the standard payments, the last of them at
    `ends_at`; both are None for what runs until it is cancelled. `cancelling` says how to cancel
    and what that does, `agreement` is the sentence by the button, `button` the button's text.
    """

    product: str
    terms: str
    lines: tuple[DisclosedLine, ...]
    tax: Money
    total: Money
    following: tuple[DisclosedCharge, ...]
    rest: str | None
    cancelling: tuple[str, ...]
    agreement: str
    button: str
    time_zone: str
    terms_version: str
    period: Period | None = None
    payments: int | None = None
    ends_at: datetime | None = None

    @property
    def price(self) -> Money:
        """The amount charged today before tax."""
        return self.total - self.tax

    @property
    def digest(self) -> str:
        """The SHA-256 of everything shown; pages that read the same, to the day, have the same
        digest."""
        zone = zone_named(self.time_zone)

        def shown(value: object) -> str:
            assert isinstance(value, datetime), "all else is plain"
            return value.astimezone(zone).date().isoformat()

        text = json.dumps(plain(self), default=shown, sort_keys=True)
        return sha256(text.encode()).hexdigest()
