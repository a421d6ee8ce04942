"""The monthly value of a subscription, and what it adds to recurring revenue (M-10).

FIGURES.md has the definitions. A monthly value is rounded half up once, so that totals are sums of
integers.
"""

from __future__ import annotations

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.discounts import WHOLE, Discount
from billing.kernel.money import Currency, half_up
from billing.kernel.periods import Period
from billing.kernel.subscription import State, Subscription
from billing.kernel.taxes import PPM
from billing.kernel.values import Value

MONTHS_A_YEAR = 12

_A_MONTH = {
    Period.WEEKLY: (52, 12),
    Period.EVERY_2_WEEKS: (26, 12),
    Period.MONTHLY: (1, 1),
    Period.EVERY_2_MONTHS: (1, 2),
    Period.QUARTERLY: (1, 3),
    Period.EVERY_6_MONTHS: (1, 6),
    Period.YEARLY: (1, 12),
    Period.EVERY_2_YEARS: (1, 24),
}
"""Payments a month, as a fraction."""


class Standing(Value):
    """The part of one subscription in the figures now, in minor units a month before tax.

    `minor` is its recurring revenue, `paused_minor` what it was before a pause, `trial_minor` what
    it will be after its trial. `lapsed` is the period that its used-up retries did not pay: until
    that is paid it counts nothing. `pending` marks an end that was asked for. `product`, `currency`
    and `country` are those it counts under; `ppm` is the rate of tax within its price.
    """

    subscription: str
    product: str
    currency: Currency
    country: str
    test: bool = False
    minor: int = 0
    paused_minor: int = 0
    trial_minor: int = 0
    lapsed: int | None = None
    pending: bool = False
    ppm: int = 0

    @property
    def is_live(self) -> bool:
        """Tests whether it makes its customer a live one."""
        return self.minor > 0 or self.paused_minor > 0

    @property
    def pending_minor(self) -> int:
        """The recurring revenue that is about to end."""
        return self.minor if self.pending else 0


def monthly_minor(terms: PriceTerms, discount: Discount | None, ppm: int) -> int:
    """Returns the monthly value of terms in minor units, before tax; 0 for what does not recur.

    Only a discount for ever lowers it. `ppm` is the tax on top of a net amount, in millionths, and
    matters only where the price includes it.
    """
    numerator, denominator = _payments_a_month(terms)
    minor = terms.price.amount_minor
    if discount is not None and discount.charges_left is None:
        if discount.basis_points:
            numerator *= WHOLE - discount.basis_points
            denominator *= WHOLE
        else:
            minor -= min(minor, discount.amount_minor)
    if terms.tax_inclusive:
        numerator, denominator = numerator * PPM, denominator * (PPM + ppm)
    return half_up(minor * numerator, denominator)


def _payments_a_month(terms: PriceTerms) -> tuple[int, int]:
    if terms.type is PriceType.RECURRING:
        assert terms.period is not None, "what recurs has a period"
        return _A_MONTH[terms.period]
    if terms.type is PriceType.RECURRING_INSTALLMENT:
        assert terms.installments is not None and terms.cycle is not None
        return terms.installments, MONTHS_A_YEAR * terms.cycle.years
    return 0, 1


def outstanding_minor(subscription: Subscription, ppm: int) -> int:
    """Returns what a contract of so many payments still brings, in minor units before tax.

    It is 0 for what recurs, and once its end was asked for.
    """
    total = subscription.terms.standard_payments
    if total is None or not subscription.is_live or subscription.state is State.CANCEL_PENDING:
        return 0
    minor = subscription.terms.price.amount_minor * (total - subscription.payments_made)
    if not subscription.terms.tax_inclusive:
        return minor
    return half_up(minor * PPM, PPM + ppm)


def standing_of(
    subscription: Subscription, before: Standing | None, *, country: str, ppm: int
) -> Standing:
    """Returns what a subscription adds to the figures now; `before` is what it added until now."""
    state = _state(subscription)
    value = monthly_minor(subscription.terms, subscription.next_discount, ppm)
    lapsed = _lapsed(subscription, before)
    counts = state in _COUNTED and subscription.payments_made > 0 and lapsed is None
    paused = 0
    if state is State.PAUSED and lapsed is None and subscription.payments_made > 0:
        paused = value if before is None else before.minor or before.paused_minor
    return Standing(
        subscription.id,
        subscription.product,
        subscription.terms.price.currency,
        country if before is None else before.country,
        test=subscription.test,
        minor=value if counts else 0,
        paused_minor=paused,
        trial_minor=value if subscription.state is State.TRIALING else 0,
        lapsed=lapsed,
        pending=subscription.state is State.CANCEL_PENDING,
        ppm=ppm,
    )


_RUNNING = frozenset({State.ACTIVE, State.FROZEN})
_COUNTED = _RUNNING | {State.PAST_DUE}


def _state(subscription: Subscription) -> State:
    """Returns its state; for a pending end, the state that it came from."""
    if subscription.state is State.CANCEL_PENDING:
        return subscription.resumes_as or State.ACTIVE
    return subscription.state


def runs_unpaid(subscription: Subscription) -> bool:
    """Tests whether nobody may have paid for the time that runs, and the next payment may be that
    of a period whose retries were used up.

    Thawed, resumed or won from a bank it is active again before it is paid. A thaw into another
    period pays for that at once. Installments pay for no time, and do not tell.
    """
    if _state(subscription) not in _RUNNING or subscription.terms.type is not PriceType.RECURRING:
        return True
    # A pause that took payments moves the dates to begin with the next one.
    return not subscription.money.in_use_minor or not subscription.place


def _lapsed(subscription: Subscription, before: Standing | None) -> int | None:
    """Returns the period whose retries are used up, until it is paid; None if there is none."""
    if subscription.is_unpaid:
        return subscription.period
    if before is None or before.lapsed is None or subscription.period > before.lapsed:
        return None
    return before.lapsed if runs_unpaid(subscription) else None
