"""Random lives of a customer's subscriptions, made of the kernel's own transitions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from billing.cancel.pausing import pause, resume
from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType, TaxBehavior
from billing.kernel.discounts import Discount
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.plans import Plan, PlanChange
from billing.kernel.schedule import standard_anchor
from billing.kernel.subscription import CHARGEABLE, CancelRequest, Source, State, Subscription, When
from billing.kernel.values import replace

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
TRIAL = Initial(0, Span(14, Unit.DAY))


class Happened(NamedTuple):
    """A subscription as it was written at an instant."""

    at: datetime
    subscription: Subscription


def dollars(minor: int) -> Money:
    return Money(minor, Currency.USD)


@st.composite
def terms(draw: st.DrawFn) -> PriceTerms:
    """Any terms of a subscription."""
    price = dollars(draw(st.integers(1, 99_999_999)))
    tax = draw(st.sampled_from(TaxBehavior))
    initial = draw(st.none() | st.just(TRIAL))
    match draw(st.sampled_from([*[PriceType.RECURRING] * 3, *PriceType])):
        case PriceType.RECURRING:
            period = draw(st.sampled_from(Period))
            return PriceTerms(PriceType.RECURRING, price, period, initial=initial, tax=tax)
        case PriceType.RECURRING_INSTALLMENT:
            n, cycle = draw(st.integers(2, 6)), draw(st.sampled_from(Cycle))
            return PriceTerms(
                PriceType.RECURRING_INSTALLMENT, price, Period.MONTHLY, n, cycle, initial, tax=tax
            )
        case PriceType.INSTALLMENT:
            n = draw(st.integers(2, 4))
            return PriceTerms(
                PriceType.INSTALLMENT, price, Period.MONTHLY, n, initial=initial, tax=tax
            )
        case _:
            return PriceTerms(PriceType.ONE_TIME, price, initial=TRIAL, tax=tax)


discounts = st.none() | st.builds(
    Discount,
    st.just("WELCOME"),
    basis_points=st.sampled_from([0, 1, 1_250, 3_333, 10_000]),
    amount_minor=st.integers(1, 200_000),
    charges_left=st.none() | st.integers(1, 3),
)


def bought(name: str, found: PriceTerms, discount: Discount | None, now: datetime) -> Subscription:
    """Returns a subscription as a purchase makes it: its first payment made, or a trial begun."""
    begun = Subscription(
        id=name,
        merchant="mer_1",
        customer="cus_1",
        product="gold",
        product_name="Gold",
        price_point="mer_1.pp_1",
        price_version=1,
        terms=found,
        anchor=standard_anchor(found, Anchor.at(now, "America/New_York")),
        state=State.TRIALING,
        started_at=now,
        gateway="sandbox",
        gateway_account="acct_1",
        payment_method="pm_1",
        shard=0,
        discount=discount,
    )
    return begun if found.initial is not None else paid(begun, now)


def paid(held: Subscription, now: datetime) -> Subscription:
    renewed = held.renewing()
    opened = renewed.opened(f"{held.id}.{held.seq + 1}") if held.open_invoice is None else renewed
    return opened.paid(now, now.date(), now + timedelta(days=1))


def request(now: datetime) -> CancelRequest:
    return CancelRequest(When.PERIOD_END, Source.CUSTOMER, now, "ORDER")


def plan(found: PriceTerms, product: str) -> Plan:
    return Plan("mer_1.pp_2", 1, found.standard, product, product.title(), ())


def may_happen(held: Subscription) -> list[str]:
    """Returns the names of the changes that may be made now."""
    may = ["cancel"]
    more = held.period_at is not None
    if held.state in CHARGEABLE and more:
        may += ["pay", "decline", "pending"]
        may += [] if held.is_frozen else ["pause"]
    if held.state is State.PAST_DUE and not held.is_unpaid:
        may.append("exhaust")
    if held.state is State.PAUSED:
        may += ["resume", "pending"]
    if held.state is State.CANCEL_PENDING:
        return ["end", "undo"]
    recurs = held.terms.type is PriceType.RECURRING
    settled = held.open_invoice is None and not held.thaws_to
    if held.state in {State.TRIALING, State.ACTIVE} and recurs and settled:
        may += ["change"] if held.next_plan else ["change", "freeze"]
    return [*may, "thaw"] if held.is_frozen else may


def to_plan(held: Subscription, to: Plan) -> Subscription:
    return held.changed_to(PlanChange(to, held.anchor, held.anchor_period, 0))


def other_plan(draw: st.DrawFn, held: Subscription, now: datetime) -> Subscription:
    found = draw(terms().filter(lambda t: t.type is PriceType.RECURRING))
    return to_plan(held, plan(found, draw(st.sampled_from(["gold", "silver"]))))


def freeze(draw: st.DrawFn, held: Subscription, now: datetime) -> Subscription:
    frozen = replace(held.terms.standard, price=dollars(draw(st.integers(1, 500))))
    return held.freezing(plan(frozen, held.product), plan(held.terms, held.product))


def decline(draw: st.DrawFn, held: Subscription, now: datetime) -> Subscription:
    return replace(held, open_invoice=held.open_invoice or "open").declined(now, now)


CHANGES: dict[str, Callable[[st.DrawFn, Subscription, datetime], Subscription]] = {
    "pay": lambda draw, held, now: paid(held, now),
    "decline": decline,
    "exhaust": lambda draw, held, now: held.unpaid(),
    "pause": lambda draw, held, now: pause(held, now),
    "resume": lambda draw, held, now: resume(held, now),
    "pending": lambda draw, held, now: held.cancel_pending(request(now)),
    "undo": lambda draw, held, now: held.cancel_undone(),
    "end": lambda draw, held, now: held.as_of(max(held.ends_at or now, now)),
    "change": other_plan,
    "freeze": freeze,
    "thaw": lambda draw, held, now: to_plan(held, held.thaws_to or plan(held.terms, "gold")),
    "cancel": lambda draw, held, now: held.cancelled(now, Source.CUSTOMER),
}


def changed(draw: st.DrawFn, held: Subscription, now: datetime) -> Subscription:
    """Returns what one of the changes that may be made now makes of a subscription."""
    return CHANGES[draw(st.sampled_from(sorted(may_happen(held))))](draw, held, now)


@st.composite
def lives(draw: st.DrawFn) -> list[Happened]:
    """A customer's subscriptions as they were written, one after the other."""
    now, held, written = BEGIN, dict[str, Subscription](), list[Happened]()
    for number in range(draw(st.integers(1, 25))):
        now += timedelta(hours=draw(st.integers(0, 500)))
        live = sorted(name for name, each in held.items() if each.is_live)
        if not live or draw(st.integers(0, 4)) == 0:
            found = draw(terms())
            name = f"sub_{number}"
            held[name] = bought(name, found, draw(discounts), now)
        else:
            name = draw(st.sampled_from(live))
            held[name] = changed(draw, held[name], now)
        written.append(Happened(now, held[name]))
    return written
