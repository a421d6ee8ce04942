"""Another price for a running subscription, announced before a renewal charges it (X-12, P-18)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.money import Money
from billing.kernel.values import Value

MAIL_MAY_TAKE = timedelta(days=1)
"""The time that the mail of a notice may take, beyond the days that a region asks for."""


class PriceChange(Value):
    """An announced price for the renewals from `starts_at` on.

    A renewal has it only if the customer was told `least_days` before, and agreed before where that
    is needed; else it has the old price. `told_at` is when the notice was written, or mailed
    where that was over a day later, None again where a rise could not be mailed. `agreed_at` is
    when the customer agreed.
    """

    id: str
    price: Money
    starts_at: datetime
    announced_at: datetime
    least_days: int
    needs_consent: bool = False
    told_at: datetime | None = None
    agreed_at: datetime | None = None

    def rises_from(self, price: Money) -> bool:
        """Tests whether it is more than a price in the same currency."""
        return self.price.amount_minor > price.amount_minor

    def is_for(self, scheduled: datetime) -> bool:
        """Tests whether a renewal scheduled at an instant is charged at this price."""
        if scheduled < self.starts_at or self.told_at is None:
            return False
        if scheduled - self.told_at < timedelta(days=self.least_days):
            return False
        return not self.needs_consent or (
            self.agreed_at is not None and self.agreed_at <= scheduled
        )
