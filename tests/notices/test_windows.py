"""Many subscriptions over two years: each due notice is sent once, inside its window (X-12).

The oracle below shares nothing with the code: its windows are written down by hand from REGIONS.md
and from French law (art. L. 215-1 code de la consommation).
PERENNIAL_LIVES=10000 plays as many.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from billing.kernel.catalog import Cycle, Initial, PriceTerms, PriceType
from billing.kernel.customers import Address, BillTo, PurchaseBillTo
from billing.kernel.discounts import Discount
from billing.kernel.merchants import Settings
from billing.kernel.money import Currency, Money
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.schedule import standard_anchor
from billing.kernel.subscription import State, Subscription
from billing.kernel.writes import Change, Insert
from billing.notices import reminders
from billing.notices.flows import remind
from tests.depth import examples
from tests.world import World

DAY = timedelta(days=1)
PLACES = ("US-CA", "US-NY", "US-MA", "US-MN", "US-CT", "US-MD", "US-TX", "DE", "FR", "IT", "GB")
TRIALS = (None, 3, 7, 10, 14, 15, 30, 31, 32, 60)
PRICE = Money(2999, Currency.USD)

# Days of a trial or promotion from which a window is due, and its days before, latest and earliest.
TRIAL = {"US-CA": (31, 3, 21), "US-NY": (31, 3, 21), "US-MA": (0, 5, 30), "US-MN": (30, 5, 30)}
TRIAL["US-MD"] = (14, 3, 21)
YEARLY = {"US-CA", "US-MN", "US-CT"}


class Life:
    """One subscription in a world of its own: it is charged, and looked at, and nothing else."""

    def __init__(self, draw: random.Random, place: str, terms: PriceTerms, coupon: int | None):
        self.draw, self.place, self.terms, self.coupon = draw, place, terms, coupon
        self.world = World(
            now=datetime(2026, draw.randint(1, 12), draw.randint(1, 28), 15, tzinfo=UTC)
        )
        self.days = draw.choice([0, 7, 7, 7, 3, 30, 60])
        self.world.change_merchant(settings=Settings(reminder_days=self.days))
        self.began = self.world.now
        self.charges: list[datetime] = []
        self.sent: list[OutboxEvent] = []
        self.full_price_at: datetime | None = None
        country, _, state = place.partition("-")
        address = Address("1 Main Street", "Town", country, state=state or None)
        start = Anchor.at(self.began, "America/New_York")
        initial = terms.initial is not None
        sub = Subscription(
            *("sub_1", "acme", "cus_1", "prod_1", "Course", "acme.p", 1, terms),
            standard_anchor(terms, start),
            State.TRIALING if initial else State.ACTIVE,
            *(self.began, "sandbox", "acme", "card_1", 0),
            period=0 if initial else 1,
            payments_made=0 if initial else 1,
            discount=coupon and Discount("SAVE", basis_points=5000, charges_left=coupon),
        )
        bill_to = BillTo("Ann", "ann@example.com", address)
        self.world.store.commit(
            Insert(sub),
            Insert(PurchaseBillTo("acme", "cus_1", "sub_1", bill_to)),
            Insert(reminders.first(sub)),
        )
        commit = self.world.store.commit

        def watched(*writes: object) -> None:
            commit(*writes)  # type: ignore[arg-type]
            events = [w.entity for w in writes if isinstance(w, Insert)]
            self.sent += [each for each in events if isinstance(each, OutboxEvent)]

        self.world.store.commit = watched  # type: ignore[method-assign]

    @property
    def subscription(self) -> Subscription:
        found = self.world.store.subscription("acme", "cus_1", "sub_1")
        assert found is not None
        return found

    def run(self, until: datetime) -> None:
        world = self.world
        while True:
            found = self.subscription
            reminder = world.store.reminder("acme", "cus_1", "sub_1")
            assert reminder is not None and reminder.due_at is not None
            charge_at = found.period_at
            assert charge_at is not None
            if min(charge_at, reminder.due_at) > until:
                return
            if charge_at <= reminder.due_at:
                self._charge(found, charge_at)
            else:
                late = timedelta(minutes=self.draw.choice([0, 1, 5, 5, 120]))
                world.now = max(
                    world.now,
                    min(reminder.due_at + late, max(charge_at - DAY / 2, reminder.due_at)),
                )
                assert remind.sweep(world.ports, now=world.now)["failed"] == 0

    def _charge(self, found: Subscription, at: datetime) -> None:
        self.world.now = max(self.world.now, at)
        coupon = found.discount.coupon if found.discount else None
        if self.coupon and coupon is None and self.full_price_at is None:
            self.full_price_at = at
        paid = found.renewing().paid(at, at.date(), None, coupon=coupon)
        self.charges.append(at)
        self.world.store.commit(Change(found, paid.postponed_to(paid.period_at)))

    # The oracle.

    def check(self, until: datetime) -> None:
        ids = Counter(event.id for event in self.sent)
        assert max(ids.values(), default=1) == 1, ids
        assert self.world.store.missed_notices("acme", limit=10) == []
        left = list(self.sent)
        for n, charge in enumerate(self.charges):
            self._check_charge(left, charge, trial=n == 0 and self.terms.initial is not None)
        self._check_promotion(left)
        self._check_years(left, until)
        late = [event for event in left if self._announces(event) <= until]
        assert late == [], "nothing was sent that was not due"

    def _announces(self, event: OutboxEvent) -> datetime:
        return datetime.fromisoformat(event.id.split(":", 1)[1].rpartition(":")[0])

    def _take(
        self, left: list[OutboxEvent], kind: EventKind, about: datetime
    ) -> OutboxEvent | None:
        for event in left:
            if event.kind is kind and self._announces(event) == about:
                left.remove(event)
                return event
        return None

    def _check_charge(self, left: list[OutboxEvent], charge: datetime, *, trial: bool) -> None:
        kind = EventKind.TRIAL_ENDING if trial else EventKind.RENEWAL_UPCOMING
        event = self._take(left, kind, charge)
        wanted, spans = self._due(charge, trial=trial)
        if not wanted:
            assert event is None, (self.place, self.terms, self.days)
            return
        assert event is not None, (self.place, self.terms, self.days, charge)
        ahead = days_before(charge, event.at)
        for least, most in spans:
            assert least <= ahead <= most, (self.place, self.terms, self.days, ahead)

    def _due(self, charge: datetime, *, trial: bool) -> tuple[bool, list[tuple[float, float]]]:
        """Whether a charge is announced, and the days before between which that must be."""
        place, terms = self.place, self.terms
        if trial:
            days = round((charge - self.began) / DAY)
            spans: list[tuple[float, float]] = [(min(7, days // 2), 999)]
            over, least, most = TRIAL.get(place, (999, 0, 0))
            if days > over:
                spans.append((least if least < days else days // 2, most))
            return True, spans
        years = self._is_of_years(charge)
        weekly = terms.period in {Period.WEEKLY, Period.EVERY_2_WEEKS}
        if years:
            asked = place in {"US-CA", "US-NY", "US-MA", "FR"}
            spans = [(15, 45)] if place == "US-CA" else [(16, 45)] if place == "US-NY" else []
            spans += [(6, 30)] if place == "US-MA" else []
            spans += [(32, 89)] if place == "FR" else []
            return asked or self.days > 0, spans
        of_months = terms.type is PriceType.RECURRING and terms.period not in {Period.MONTHLY}
        if place in {"US-MA", "FR"} and of_months and not weekly:
            return True, [(6, 30) if place == "US-MA" else (32, 89)]
        return self.days > 0 and not weekly, []

    def _check_promotion(self, left: list[OutboxEvent]) -> None:
        ends = self.full_price_at
        if ends is None:
            return
        own = self._take(left, EventKind.PROMOTION_ENDING, ends)
        others = [e for e in self.sent if self._announces(e) == ends and e.kind in REMINDS]
        days = round((ends - self.began) / DAY)
        over, least, most = TRIAL.get(self.place, (999, 0, 0))
        told = [days_before(ends, event.at) for event in [*others, *([own] if own else [])]]
        if days > over:
            inside = [ahead for ahead in told if least <= ahead <= most]
            assert len(inside) == 1, (self.place, self.terms, self.days, told)
        elif self.days:
            assert told, (self.place, self.terms, self.days)

    def _check_years(self, left: list[OutboxEvent], until: datetime) -> None:
        begun = Anchor.at(self.began, "America/New_York")
        for n in range(1, 4):
            anniversary = begun.plus(Span(1, Unit.YEAR), n).instant
            if anniversary > until:
                return
            own = self._take(left, EventKind.YEARLY_REMINDER, anniversary)
            near = [
                event
                for event in self.sent
                if event.kind is EventKind.RENEWAL_UPCOMING
                and abs(self._announces(event) - anniversary) <= 45 * DAY
                and self._is_of_years(self._announces(event))
            ]
            if self.place in YEARLY or self.days:
                assert own or near, (self.place, self.terms, self.days, n)
                assert own is None or timedelta(0) < anniversary - own.at <= 61 * DAY
            else:
                assert own is None

    def _is_of_years(self, charge: datetime) -> bool:
        """Whether a charge renews a term of a year or more."""
        terms = self.terms
        if terms.type is not PriceType.RECURRING_INSTALLMENT:
            return terms.period in {Period.YEARLY, Period.EVERY_2_YEARS}
        n = self.charges.index(charge) if charge in self.charges else len(self.charges)
        assert terms.installments is not None
        return (n + (terms.initial is None)) % terms.installments == 0


def days_before(coming: datetime, sent: datetime) -> int:
    """Days as a calendar counts them where the merchant is."""
    here = ZoneInfo("America/New_York")
    return (coming.astimezone(here).date() - sent.astimezone(here).date()).days


REMINDS = {EventKind.TRIAL_ENDING, EventKind.RENEWAL_UPCOMING}


def lives(seed: int, count: int) -> Sequence[Life]:
    """Returns lives in all regions with all terms, in turn, with trials and coupons by lot."""
    draw = random.Random(seed)
    made = []
    for n in range(count):
        place = PLACES[n % len(PLACES)]
        period = list(Period)[n // len(PLACES) % len(Period)]
        days = draw.choice(TRIALS)
        initial = None if days is None else Initial(0, Span(days, Unit.DAY))
        terms = PriceTerms(PriceType.RECURRING, PRICE, period, initial=initial)
        if draw.random() < 0.15:
            terms = PriceTerms(
                *(
                    PriceType.RECURRING_INSTALLMENT,
                    PRICE,
                    draw.choice([Period.WEEKLY, Period.MONTHLY]),
                ),
                *(draw.choice([3, 10]), Cycle.YEARLY),
                initial=initial,
            )
        coupon = draw.choice([None, None, None, 1, 3, 8])
        made.append(Life(draw, place, terms, coupon))
    return made


@pytest.mark.spec("X-12", "R-8")
def test_every_notice_of_two_years_is_sent_once_and_inside_its_window() -> None:
    for life in lives(1, int(os.environ.get("PERENNIAL_LIVES", examples(100)))):
        until = life.began + timedelta(days=760)
        life.run(until)
        life.check(until)


@pytest.mark.spec("X-12", "R-8")
@pytest.mark.parametrize(
    ("place", "trial", "coupon", "days"),
    [("US-MN", 3, 1, 7), ("US-MN", 15, 8, 3), ("US-MA", 60, 1, 30), ("US-CA", 3, 3, 60)],
)
def test_what_only_the_payment_after_the_next_brings_is_looked_for_in_time(
    place: str, trial: int, coupon: int, days: int
) -> None:
    for seed in range(8):
        initial = Initial(0, Span(trial, Unit.DAY))
        terms = PriceTerms(PriceType.RECURRING, PRICE, Period.MONTHLY, initial=initial)
        life = Life(random.Random(seed), place, terms, coupon)
        life.days = days
        life.world.change_merchant(settings=Settings(reminder_days=days))
        until = life.began + timedelta(days=380)
        life.run(until)
        life.check(until)


@pytest.mark.spec("X-12", "X-10")
@pytest.mark.parametrize("period", [Period.EVERY_2_MONTHS, Period.QUARTERLY, Period.YEARLY])
def test_french_law_announces_each_renewal_of_more_than_a_month_a_month_before_it_can_be_refused(
    period: Period,
) -> None:
    """Art. L. 215-1: three months to one month before the last day to say no, whatever is set."""
    life = Life(random.Random(1), "FR", PriceTerms(PriceType.RECURRING, PRICE, period), None)
    life.days = 0
    life.world.change_merchant(settings=Settings(reminder_days=0))
    until = life.began + timedelta(days=760)
    life.run(until)
    life.check(until)
    told = [each for each in life.sent if each.kind is EventKind.RENEWAL_UPCOMING]
    assert len(told) >= len(life.charges) >= 2
    assert {each.code for each in told} == {"prescribed"}, "no setting suppresses it; kept as proof"


@pytest.mark.spec("X-12", "X-10")
@pytest.mark.parametrize(("place", "period"), [("FR", Period.MONTHLY), ("DE", Period.YEARLY)])
def test_nothing_is_prescribed_of_a_month_in_france_nor_of_a_year_in_germany(
    place: str, period: Period
) -> None:
    life = Life(random.Random(1), place, PriceTerms(PriceType.RECURRING, PRICE, period), None)
    life.days = 0
    life.world.change_merchant(settings=Settings(reminder_days=0))
    life.run(life.began + timedelta(days=400))
    assert [each for each in life.sent if each.kind is EventKind.RENEWAL_UPCOMING] == []
