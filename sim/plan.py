"""The plan of a seed's world: products, buyers, times and outages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from billing.kernel.catalog import Cycle, Initial, PricePoint, PriceTerms, PriceType, Product
from billing.kernel.gateways import SANDBOX
from billing.kernel.merchants import CreditAtEnd, GatewayAccount, Merchant, Settings, Undecided
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.retries import FinalAction, RetrySchedule
from billing.kernel.values import Value, replace
from sim import coupons
from sim.chance import Chance
from sim.virtual_clock import DAY, HOUR, MINUTE, SECOND, microseconds

ZONES = (
    "America/New_York",
    "America/Santiago",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Auckland",
    "Africa/Cairo",
    "UTC",
)

STARTS = (
    datetime(2026, 1, 31, 15, 0, tzinfo=UTC),
    datetime(2026, 3, 7, 6, 50, tzinfo=UTC),  # the day before New York's clocks go forward
    datetime(2026, 3, 29, 0, 55, tzinfo=UTC),
    datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),  # an hour that New York has twice
    datetime(2027, 12, 31, 23, 59, tzinfo=UTC),
    datetime(2028, 2, 29, 4, 0, tzinfo=UTC),
)

CARDS = {
    "pm_card_visa": 20,
    "pm_card_mastercard": 4,
    "pm_card_authenticationRequired": 3,
    "pm_card_chargeCustomerFail": 2,
    "pm_card_chargeDeclined": 1,
    "pm_card_chargeDeclinedExpiredCard": 1,
}
_DECK = [card for card, times in CARDS.items() for _ in range(times)]


def _usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


_TYPE, _DAYS = PriceType, Unit.DAY

SOLD: tuple[PriceTerms, ...] = (
    PriceTerms(_TYPE.RECURRING, _usd(2999), Period.MONTHLY),
    PriceTerms(_TYPE.RECURRING, _usd(999), Period.WEEKLY),
    PriceTerms(_TYPE.RECURRING, _usd(1999), Period.EVERY_2_WEEKS),
    PriceTerms(_TYPE.INSTALLMENT, _usd(9900), Period.EVERY_2_WEEKS, 6),
    PriceTerms(_TYPE.RECURRING, _usd(1499), Period.WEEKLY, initial=Initial(0, Span(14, _DAYS))),
    PriceTerms(_TYPE.RECURRING, _usd(4900), Period.MONTHLY, initial=Initial(100, Span(7, _DAYS))),
    PriceTerms(_TYPE.RECURRING_INSTALLMENT, _usd(7700), Period.WEEKLY, 20, Cycle.YEARLY),
    PriceTerms(_TYPE.ONE_TIME, _usd(19900), initial=Initial(100, Span(14, _DAYS))),
    PriceTerms(_TYPE.ONE_TIME, _usd(4900)),
)


FREEZE_MINOR = 300

WITHDRAWING = 5000
"""The number of the first purchase that is made to be withdrawn from."""

WITHDRAWING_SINCE = datetime(2026, 6, 19, tzinfo=UTC)
"""The day from which the EU asks for a function to withdraw by (REGIONS.md)."""


class Purchase(Value):
    """A purchase that somebody means to make.

    One who `withdraws` lives where the law lets them; `starts_at_once` asks for an immediate start.
    """

    number: int
    at_us: int
    email: str
    price_point: str
    card: str
    again: bool = False
    clicks: int = 1
    coupon: str | None = None
    withdraws: bool = False
    starts_at_once: bool = False


@dataclass(slots=True)
class Plan:
    """The world that a seed draws.

    `looks` is for how many things a run has time, None for all. A scene `hears` of its gateway's
    events only if it says so. Where it is `taxed`, all sellers collect tax; where it is `couponed`,
    they have coupons. Where it `announces` other prices, so many of its notices are `returned`.
    `withdrawing` are purchases beside the others, so that none of these changes.
    """

    starts_at: datetime
    span_us: int
    shards: int
    skewed: bool
    merchants: dict[str, Merchant]
    products: list[tuple[Product, PricePoint]]
    purchases: list[Purchase] = field(default_factory=list)
    withdrawing: list[Purchase] = field(default_factory=list)
    outages: list[tuple[int, int]] = field(default_factory=list)
    gateway_outages: list[tuple[int, int]] = field(default_factory=list)
    stops: list[tuple[str, int, int, str]] = field(default_factory=list)
    offers_end: list[tuple[str, int]] = field(default_factory=list)
    looks: int | None = None
    hears: bool = False
    taxed: bool = False
    couponed: bool = False
    announces: bool = False
    returned: float = 0.2

    @property
    def start_us(self) -> int:
        return microseconds(self.starts_at)

    @property
    def end_us(self) -> int:
        return self.start_us + self.span_us


def drawn(seed: int) -> Plan:
    """Returns the plan of a seed."""
    chance = Chance(seed, "plan")
    starts_at = chance.pick(STARTS) - timedelta(days=chance.between(0, 3))
    made_at = starts_at - timedelta(days=1)
    merchants = {
        name: _merchant(
            name,
            made_at,
            chance,
            Chance(seed, f"helpdesk {name}"),
            Chance(seed, f"grace {name}"),
        )
        for name in ("acme", "zenith")
    }
    plan = Plan(
        starts_at=starts_at,
        span_us=chance.between(60, 300) * DAY,
        shards=chance.pick((1, 1, 2)),  # four show no more than two, and are swept twice as long
        skewed=chance.happens(0.7),
        merchants=merchants,
        products=[on_sale(m, terms, n) for m in merchants.values() for n, terms in enumerate(SOLD)],
    )
    plan.purchases = _purchases(plan, Chance(seed, "purchases"))
    chance = Chance(seed, "outages")
    plan.outages = _spans(plan, chance, at_most=3, longest_us=(12 * DAY))
    plan.gateway_outages = _spans(plan, chance, at_most=3, longest_us=(3 * DAY))
    plan.stops = [
        (chance.pick(sorted(merchants)), *span, chance.pick(("stopped", "disarmed")))
        for span in _spans(plan, chance, at_most=2, longest_us=9 * DAY)
    ]
    plan.offers_end = _offers_end(plan, Chance(seed, "offers"))
    plan.taxed = Chance(seed, "tax").happens(0.5)
    plan.couponed = Chance(seed, "coupons").happens(0.5)
    plan.announces = Chance(seed, "announced prices").happens(0.25)
    if plan.couponed:
        plan.purchases = [
            replace(each, coupon=coupons.typed(seed, each.number)) for each in plan.purchases
        ]
    plan.withdrawing = _withdrawing(plan, Chance(seed, "withdrawals"))
    plan.looks = _looks(Chance(seed, "hurry"))
    return plan


def merchant_years(plan: Plan) -> float:
    """Returns the years that the plan's merchants sell, together."""
    return len(plan.merchants) * plan.span_us / DAY / 365


READS_EVENTS = "zenith"
"""The merchant whose event log somebody reads."""


def _looks(chance: Chance) -> int | None:
    """Draws the looks of a run: one seed in four is hurried."""
    return chance.pick((2, 2, 3, 6)) if chance.happens(0.25) else None


def _merchant(
    name: str, made_at: datetime, chance: Chance, helpdesk: Chance, grace: Chance
) -> Merchant:
    schedule = RetrySchedule(
        every_days=chance.pick((1, 3, 3)),
        attempts=chance.pick((1, 2, 4, 4)),
        final_action=chance.pick(
            (FinalAction.CANCEL, FinalAction.CANCEL, FinalAction.KEEP_PAST_DUE)
        ),
    )
    settings = Settings(
        time_zone=chance.pick(ZONES),
        retry_schedule=schedule,
        catch_up_days=chance.pick((7, 7, 30)),
        freeze_price_minor=FREEZE_MINOR,
        notice_days=helpdesk.pick((0, 0, 3)),
        undecided=helpdesk.pick(tuple(Undecided)),
        credit_at_end=helpdesk.pick(tuple(CreditAtEnd)),
        grace_days=grace.pick((None, None, 0, 3)),
    )
    account = GatewayAccount(SANDBOX, SANDBOX)
    return Merchant(
        name,
        name.title(),
        f"hello@{name}.example",
        made_at,
        settings,
        gateway_accounts=(account,),
        events_since=made_at if name == READS_EVENTS else None,
        lists_complete_at=made_at,
        catalog_listed_at=made_at,
    )


def on_sale(merchant: Merchant, terms: PriceTerms, number: int) -> tuple[Product, PricePoint]:
    """Returns a product with one price point."""
    product = f"prod_{merchant.id}{number}"
    point = PricePoint(
        f"{merchant.id}.price{number}", merchant.id, product, terms, merchant.created_at
    )
    return (
        Product(
            id=product,
            merchant=merchant.id,
            name=f"Course {number}",
            created_at=merchant.created_at,
            gateways=("sandbox",),
            grants=(f"course{number}",),
            price_points=(point.id,),
            default_price_point=point.id,
        ),
        point,
    )


def _purchases(plan: Plan, chance: Chance) -> list[Purchase]:
    """Draws purchases: some on a quiet day, some all at once, some twice, some by two who share an
    email.
    """
    herd_us = plan.start_us + chance.between(0, 5 * DAY)
    popular = [chance.pick(plan.products)[1].id for _ in range(chance.between(1, 4))]
    purchases: list[Purchase] = []
    for number in range(chance.between(8, 48)):
        merchants_points = popular if chance.happens(0.7) else [p.id for _, p in plan.products]
        spread = chance.pick((10 * SECOND, 10 * SECOND, HOUR, 40 * DAY))
        purchase = Purchase(
            number=number,
            at_us=herd_us + chance.between(0, spread),
            email=f"buyer{number if chance.happens(0.85) else number // 2}@example.com",
            price_point=chance.pick(merchants_points),
            card=chance.pick(_DECK),
            clicks=1 if chance.happens(0.8) else 2,
        )
        purchases.append(purchase)
        if chance.happens(0.15):
            again_us = purchase.at_us + chance.between(
                0, chance.pick((1, SECOND // 20, 2 * MINUTE))
            )
            purchases.append(replace(purchase, number=1000 + number, at_us=again_us, again=True))
    return purchases


def _withdrawing(plan: Plan, chance: Chance) -> list[Purchase]:
    """Draws the purchases that are made to be withdrawn from, in half of the seeds in whose time
    the law asks for it."""
    if plan.starts_at < WITHDRAWING_SINCE or not chance.happens(0.5):
        return []
    points = [point for _, point in plan.products]
    recurring = [point for point in points if point.terms.type is _TYPE.RECURRING]
    return [
        Purchase(
            number=WITHDRAWING + number,
            at_us=plan.start_us + chance.between(0, plan.span_us // 2),
            email=f"withdraws{number}@example.com",
            price_point=chance.pick(recurring if chance.happens(0.8) else points).id,
            card=chance.pick(("pm_card_visa", "pm_card_visa", "pm_card_authenticationRequired")),
            withdraws=True,
            starts_at_once=chance.happens(0.7),
        )
        for number in range(chance.between(6, 12))
    ]


def _offers_end(plan: Plan, chance: Chance) -> list[tuple[str, int]]:
    """Draws the price points whose offers end, some of them while somebody is buying."""
    if not chance.happens(0.5):
        return []
    bought = [chance.pick(plan.purchases) for _ in range(chance.between(1, 3))]
    ends = {each.price_point: each.at_us for each in bought}
    return [(point, at_us + int(chance.stretched(1_000, HOUR))) for point, at_us in ends.items()]


def _spans(plan: Plan, chance: Chance, *, at_most: int, longest_us: int) -> list[tuple[int, int]]:
    if not chance.happens(0.6):
        return []
    spans: Sequence[tuple[int, int]] = [
        (
            start := plan.start_us + chance.between(DAY, plan.span_us - DAY),
            start + int(chance.stretched(10 * MINUTE, longest_us)),
        )
        for _ in range(chance.between(1, at_most))
    ]
    return sorted(spans)
