"""Save offers as figures follow them: made, taken, and kept if all goes well (X-11, M-10)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from billing.kernel.money import Currency
from billing.kernel.save_offers import OfferKind
from billing.kernel.values import Value

KEPT_AFTER = timedelta(days=90)
"""The time for which a subscription has to go on, for an offer that was taken to have kept it."""


class MadeOffer(Value):
    """A save offer that was made for a subscription, with the product and country it had then.

    `day` is its local day, `at` the instant; `minor` the recurring revenue at stake, in minor units
    a month before tax.
    """

    subscription: str
    offer: OfferKind
    day: date
    at: datetime
    product: str
    country: str
    currency: Currency
    minor: int = 0
    test: bool = False
