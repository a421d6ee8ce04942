"""The price of a plan change, and whether it may be made (A-4, P-18).

A credit is worth what was paid for the period and not returned, in proportion to its unused time
(`billing.kernel.funds`): so going up and down again brings back what it cost, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from billing.kernel.catalog import PriceType
from billing.kernel.errors import Refused
from billing.kernel.invoice_lines import are_retaxed
from billing.kernel.invoices import InvoiceLine, LineKind
from billing.kernel.invoicing import credit_lines, next_charge, next_invoice_id
from billing.kernel.money import Money, half_up
from billing.kernel.periods import Anchor
from billing.kernel.plans import Plan, PlanChange
from billing.kernel.subscription import State, Subscription
from billing.kernel.taxes import Taxable, Taxes, taxed, total_of
from billing.kernel.values import Value, replace

QUOTE_LIFE = timedelta(minutes=15)
"""The time for which a quote is charged as it was shown."""

CHANGEABLE = frozenset({State.TRIALING, State.ACTIVE})
MICROSECOND = timedelta(microseconds=1)


class When(StrEnum):
    """The time at which another plan takes effect (A-4)."""

    NOW = "now"
    NEXT_REBILL = "next_rebill"


class Quote(Value):
    """The price of changing to `plan` as of `at`; `lines` add up to `due_now`.

    `change` is its effect on the subscription, None where that comes with the next period.
    `next_charge` is charged at `next_charge_at`, with tax. `coupon` is the code of the one in use,
    `keeps_coupon` whether it stays (C-8); it is for standard payments, and not for this one.
    """

    plan: Plan
    when: When
    at: datetime
    lines: tuple[InvoiceLine, ...]
    due_now: Money
    change: PlanChange | None
    next_charge_at: datetime
    next_charge: Money
    token: str
    coupon: str | None = None
    keeps_coupon: bool = False


def refuse_change(subscription: Subscription, price_point: str, when: When, now: datetime) -> None:
    """Raises `Refused` where a rule forbids changing to that price point (A-4)."""
    refuse_unsettled(subscription, now)
    if subscription.freezes_at is not None:
        raise Refused("freezing")
    if subscription.state not in CHANGEABLE:
        raise Refused("not_active")
    if subscription.terms.type is not PriceType.RECURRING:
        raise Refused("not_changeable")
    stays = when is When.NEXT_REBILL and subscription.next_plan is not None
    if price_point == subscription.price_point and not stays:
        raise Refused("same_plan")


def refuse_unsettled(subscription: Subscription, now: datetime) -> None:
    """Raises `Refused` while it is being cancelled, or a payment is open or due (A-4)."""
    if subscription.state is State.CANCEL_PENDING or subscription.cancelling is not None:
        raise Refused("cancelling")
    running = subscription.state in {*CHANGEABLE, State.FROZEN}
    period_at = subscription.period_at
    due = running and period_at is not None and period_at <= now
    if subscription.dispute == "open":
        raise Refused("disputed")
    if subscription.open_invoice is not None or due:
        raise Refused("invoice_open")


def refuse_plan(subscription: Subscription, plan: Plan, gateways: Iterable[str]) -> None:
    """Raises `Refused` where the plan, sold through `gateways`, cannot be changed to (A-4)."""
    if plan.terms.type is not PriceType.RECURRING:
        raise Refused("new_plan_not_recurring", code="not_changeable")
    if plan.terms.price.currency is not subscription.terms.price.currency:
        raise Refused("other_currency")
    if subscription.gateway not in gateways:
        raise Refused("other_gateway")


def quote(
    subscription: Subscription,
    plan: Plan,
    when: When,
    at: datetime,
    *,
    minimum_minor: int,
    taxes: Taxes,
) -> Quote:
    """Quotes a change to `plan` as of `at`, of which only whole seconds count."""
    at = at.astimezone(UTC).replace(microsecond=0)
    change: PlanChange | None = None
    lines, due_now = _later(plan), replace(plan.terms.price, amount_minor=0)
    # Who stays after all is charged what was announced for their plan.
    stays = plan.price_point == subscription.price_point
    after = replace(subscription, next_plan=None if stays else plan)
    if when is When.NOW:
        change, lines, due_now = _at_once(subscription, plan, at, minimum_minor, taxes)
        after = subscription.changed_to(change)
    next_charge_at = after.period_at
    assert next_charge_at is not None, "what recurs has something to come"
    quoted = Quote(
        plan=plan,
        when=when,
        at=at,
        lines=lines,
        due_now=due_now,
        change=change,
        next_charge_at=next_charge_at,
        next_charge=next_charge(after, minimum_minor, taxes.and_of(next_invoice_id(subscription))),
        token="",
        coupon=None if subscription.discount is None else subscription.discount.coupon,
        keeps_coupon=subscription.keeps_discount(plan),
    )
    return replace(quoted, token=_token(subscription, quoted))


def quoted_at(token: str, now: datetime) -> datetime:
    """Returns the instant that a token was quoted as of; `Refused` (quote_changed) if too old."""
    try:
        at = datetime.fromtimestamp(int(token.partition(".")[0], 16), UTC)
    except (ValueError, OverflowError, OSError):
        raise quote_changed() from None
    if not timedelta(0) <= now - at <= QUOTE_LIFE:
        raise quote_changed()
    return at


def check_token(quoted: Quote, token: str) -> None:
    """Raises `Refused` (quote_changed) where anything changed that the quote depended on."""
    if not compare_digest(quoted.token.encode(), token.encode()):
        raise quote_changed()


def quote_changed() -> Refused:
    """Builds the refusal that is raised rather than charging another amount than was shown."""
    return Refused("quote_changed")


def unused_minor(price: Money, start: datetime, end: datetime, at: datetime) -> int:
    """Values the time from `at` to `end` of a period at its price, rounded half up (A-4)."""
    whole, unused = end - start, min(max(end - at, timedelta(0)), end - start)
    return half_up(price.amount_minor * (unused // MICROSECOND), whole // MICROSECOND)


def _at_once(
    subscription: Subscription, plan: Plan, at: datetime, minimum_minor: int, taxes: Taxes
) -> tuple[PlanChange, tuple[InvoiceLine, ...], Money]:
    anchor, first = subscription.anchor, subscription.anchor_period
    nothing = replace(plan.terms.price, amount_minor=0)
    # It is free in an initial period, and not once a payment after that was skipped.
    if subscription.state is State.TRIALING and not subscription.period:
        stays = PlanChange(plan, anchor, first, subscription.credit_minor, subscription.funds)
        return stays, _later(plan), nothing
    unused = _unused_minor(subscription, at)
    price = _rest_of_price(subscription, plan, at)
    rest = taxes.now.net_of(price, inclusive=plan.terms.tax_inclusive).amount_minor
    exchanged = _exchanged(subscription, plan, unused, price, taxes)
    lines, due = taxed(exchanged)
    net = due.amount_minor - total_of(lines)
    carried = 0
    if min(net, due.amount_minor) < minimum_minor:
        # Too little to charge, or less than nothing, goes to the next invoice (P-18): nothing is
        # invoiced now, so nothing is taxed now.
        lines, due, carried = tuple(line for line in lines if not line.is_tax), nothing, net
    if carried:
        kind = LineKind.KEPT if carried < 0 else LineKind.POSTPONED
        carry = InvoiceLine(kind, plan.product_name, replace(nothing, amount_minor=-carried))
        lines = (*lines, carry)
    if plan.terms.period is not subscription.terms.period:
        # The new period began now, and this pays for it: the next payment is its second.
        anchor, first = Anchor.at(at, anchor.zone), subscription.period - 1
    owed, within = max(0, -subscription.credit_minor), subscription.period - 1
    before = subscription.money
    invoice = next_invoice_id(subscription) if any(line.is_tax for line in lines) else None
    retaxed_by = invoice if are_retaxed(lines) else None
    funds = before.exchanged(unused, rest, owed, within, at, invoice, retaxed_by)
    change = PlanChange(plan, anchor, first, -carried, funds, before, within)
    return change, lines, due


def _rest_of_price(subscription: Subscription, plan: Plan, at: datetime) -> Money:
    """Prices the new plan from now to the end of the period, or of a new period of its own."""
    price = plan.terms.price
    if plan.terms.period is not subscription.terms.period:
        return price
    return replace(price, amount_minor=unused_minor(price, *_running(subscription), at))


def _unused_minor(subscription: Subscription, at: datetime) -> int:
    """Values the unused time of the period: what was paid for it and not returned (A-4)."""
    (start, end), price = _running(subscription), subscription.terms.price
    money = subscription.money
    since = money.since or start
    if money.in_use_minor == unused_minor(price, start, end, since):
        # All of it is paid: counted from the period's own start, so that nothing is rounded twice.
        return unused_minor(price, start, end, at)
    return unused_minor(replace(price, amount_minor=money.in_use_minor), since, end, at)


def _running(subscription: Subscription) -> tuple[datetime, datetime]:
    """Returns the start and the end of the current period."""
    start = subscription.payment_at(subscription.period - 1)
    return start, subscription.payment_at(subscription.period)


def _exchanged(
    subscription: Subscription, plan: Plan, unused: int, rest: Money, taxes: Taxes
) -> list[Taxable]:
    """Builds the lines of an exchange: the new plan, less the old one's unused time, less credit.

    The credit is the one that the subscription had before; where it owes instead, that is added.
    What was paid before is taken off with the taxes that it was paid with (C-10).
    """
    price, name, money = subscription.terms.price, subscription.product_name, subscription.money
    same = plan.terms.period is subscription.terms.period
    sold = LineKind.REST if same else LineKind.CHARGE
    lines = [
        Taxable(InvoiceLine(sold, plan.product_name, rest), taxes.now, plan.terms.tax_inclusive)
    ]
    parts = money.unused_by_tax(unused) or {None: unused}
    for taxation, minor in taxes.by_taxation(parts).items():
        taken_off = InvoiceLine(LineKind.UNUSED, name, replace(price, amount_minor=-minor))
        lines.append(Taxable(taken_off, taxation))
    if subscription.credit_minor < 0:
        owed = replace(price, amount_minor=-subscription.credit_minor)
        lines.append(Taxable(InvoiceLine(LineKind.OWED, name, owed), taxes.now))
    return lines + credit_lines(money, subscription.credit_minor, name, price, taxes)


def _later(plan: Plan) -> tuple[InvoiceLine, ...]:
    nothing = replace(plan.terms.price, amount_minor=0)
    return (InvoiceLine(LineKind.LATER, plan.product_name, nothing),)


def _token(subscription: Subscription, quoted: Quote) -> str:
    """Builds the instant and a hash over all that the quote depends on: nothing need be stored."""
    rests_on = (
        subscription.id,
        subscription.state,
        subscription.price_point,
        subscription.price_version,
        subscription.terms,
        subscription.period,
        subscription.anchor,
        subscription.anchor_period,
        subscription.credit_minor,
        subscription.funds,
        quoted,
    )
    digest = sha256(repr(rests_on).encode()).hexdigest()[:32]
    return f"{int(quoted.at.timestamp()):x}.{digest}"
