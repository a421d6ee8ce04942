"""A subscription that is paid, declined or cancelled: its next state, and the access it gives."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from billing.kernel.catalog import Cancellation, Cycle, Initial, PriceTerms, PriceType
from billing.kernel.due import DueKind
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor, Period, Span, Unit, nth
from billing.kernel.schedule import ends_at, standard_anchor, standard_at
from billing.kernel.subscription import CHARGEABLE, LIVE, TERMINAL, State, Subscription
from billing.kernel.values import replace
from tests.depth import examples

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
DAY = timedelta(days=1)
START = Anchor.at(NOW, "America/New_York")
PRICE = Money(9900, Currency.USD)
TRIAL = Initial(0, Span(14, Unit.DAY))

MONTHLY = PriceTerms(PriceType.RECURRING, PRICE, Period.MONTHLY)
FOUR = PriceTerms(PriceType.INSTALLMENT, PRICE, Period.EVERY_2_WEEKS, 4)
ONCE_LATER = PriceTerms(PriceType.ONE_TIME, PRICE, initial=TRIAL)
YEARLY_SETS = PriceTerms(PriceType.RECURRING_INSTALLMENT, PRICE, Period.MONTHLY, 3, Cycle.YEARLY)


def subscription(terms: PriceTerms = MONTHLY, state: State = State.ACTIVE) -> Subscription:
    return Subscription(
        id="sub_1",
        merchant="mer_1",
        customer="cus_1",
        product="prod_1",
        product_name="Gold",
        price_point="pp_1",
        price_version=1,
        terms=terms,
        anchor=standard_anchor(terms, START),
        state=state,
        started_at=NOW,
        gateway="sandbox",
        gateway_account="acct_1",
        payment_method="pm_1",
        shard=0,
    )


def pay(held: Subscription, now: datetime = NOW) -> Subscription:
    opened = held.opened(f"{held.id}.{held.seq + 1}")
    return opened.paid(now, now.date(), now + DAY)


# ---- Paid


@pytest.mark.spec("P-6", "R-7")
@given(st.integers(2, 120), st.sampled_from(Period), st.none() | st.just(TRIAL), st.booleans())
def test_a_plan_paid_n_times_completes_with_exactly_the_last(
    n: int, period: Period, initial: Initial | None, late: bool
) -> None:
    terms = PriceTerms(PriceType.INSTALLMENT, PRICE, period, n, initial=initial)
    held = subscription(terms, State.TRIALING)
    for paid in range(n):
        assert held.state is not State.COMPLETED
        assert (held.payments_made, held.period) == (paid, paid)
        assert held.next_charge_at == standard_at(terms, held.anchor, paid)
        now = held.next_charge_at + (40 * DAY if late else 0 * DAY)
        held = pay(held, now)
    assert held.state is State.COMPLETED
    assert (held.payments_made, held.ends_at, held.due_at) == (n, now, None)
    assert (held.next_charge_at, held.period_at, held.open_invoice) == (None, None, None)
    if not late:
        assert held.ends_at == ends_at(terms, START)


@pytest.mark.spec("P-4", "R-7")
def test_a_one_time_price_after_an_initial_period_completes_with_its_one_payment() -> None:
    trialing = subscription(ONCE_LATER, State.TRIALING)
    assert trialing.next_charge_at == datetime(2026, 2, 14, 15, tzinfo=UTC)
    done = pay(trialing, NOW + 14 * DAY)
    assert (done.state, done.payments_made, done.seq) == (State.COMPLETED, 1, 1)
    assert done.next_charge_at is None


@pytest.mark.spec("P-5", "P-7")
@pytest.mark.parametrize("terms", [MONTHLY, YEARLY_SETS])
def test_what_runs_until_cancelled_never_completes(terms: PriceTerms) -> None:
    held = subscription(terms)
    for k in range(200):
        assert held.period_at == standard_at(terms, held.anchor, k)
        held = pay(held)
        assert held.state is State.ACTIVE
    assert (held.payments_made, held.ends_at) == (200, None)


@pytest.mark.spec("R-7", "C-3")
def test_completing_takes_nothing_away() -> None:
    held = subscription(FOUR)
    for _ in range(4):
        held = pay(held)
    assert held.access_until is None
    for now in (NOW - DAY, NOW, NOW + 36_500 * DAY):
        assert held.gives_access(now)


@pytest.mark.spec("R-4")
def test_being_paid_ends_the_retries() -> None:
    late = (
        subscription().opened("sub_1.1").declined(NOW + 3 * DAY, due_at=NOW + 3 * DAY).waiting(NOW)
    )
    paid = late.paid(NOW + 4 * DAY, date(2026, 2, 4), NOW + 9 * DAY)
    assert (paid.state, paid.retry_at, paid.open_invoice) == (State.ACTIVE, None, None)
    assert (paid.waiting_since, paid.last_charged_on) == (None, date(2026, 2, 4))
    assert paid.due_at == NOW + 9 * DAY


@pytest.mark.spec("R-1")
def test_there_is_one_open_invoice_at_a_time_and_seq_counts_each() -> None:
    opened = subscription().opened("sub_1.1")
    assert (opened.open_invoice, opened.seq) == ("sub_1.1", 1)
    with pytest.raises(AssertionError):
        opened.opened("sub_1.2")


# ---- Declined


@pytest.mark.spec("R-4")
@given(st.lists(st.integers(1, 60), max_size=30), st.sampled_from([MONTHLY, YEARLY_SETS]))
def test_neither_a_decline_nor_a_late_payment_moves_the_anchor(
    days: list[int], terms: PriceTerms
) -> None:
    held = subscription(terms)
    for k, late in enumerate(days):
        due = held.next_charge_at
        assert due == standard_at(terms, standard_anchor(terms, START), k)
        held = held.opened(f"sub_1.{k + 1}")
        for attempt in range(1, 1 + late % 4):
            retry = due + attempt * 3 * DAY
            held = held.declined(retry, due_at=retry)
            assert held.state is State.PAST_DUE
            assert held.next_charge_at == held.retry_at == held.due_at
            assert (held.period, held.payments_made) == (k, k)
        held = held.paid(due + late * DAY, (due + late * DAY).date(), None)
    assert held.anchor == standard_anchor(terms, START)
    assert held.payments_made == len(days)


@pytest.mark.spec("R-4", "R-5")
def test_a_decline_keeps_the_invoice_the_period_and_the_access() -> None:
    before = subscription().opened("sub_1.1")
    after = before.declined(NOW + 3 * DAY, due_at=NOW + 4 * DAY)
    assert after == replace(
        before, state=State.PAST_DUE, retry_at=NOW + 3 * DAY, due_at=NOW + 4 * DAY
    )
    assert after.gives_access(NOW + 2 * DAY)


@pytest.mark.spec("R-4")
def test_after_a_hard_decline_no_retry_is_shown_but_the_final_action_still_comes() -> None:
    after = subscription().opened("sub_1.1").declined(None, due_at=NOW + 9 * DAY)
    assert (after.state, after.next_charge_at) == (State.PAST_DUE, None)
    assert after.due_at == NOW + 9 * DAY


@pytest.mark.spec("R-4")
def test_what_is_kept_past_due_has_nothing_to_come_by_itself() -> None:
    late = subscription().opened("sub_1.1").declined(NOW + 3 * DAY, due_at=NOW + 3 * DAY)
    kept = late.unpaid()
    assert (kept.state, kept.open_invoice) == (State.PAST_DUE, None)
    assert (kept.next_charge_at, kept.due_at) == (None, None)
    assert (kept.period, kept.anchor) == (late.period, late.anchor)


@pytest.mark.spec("R-1")
def test_after_a_void_the_same_period_is_opened_anew_under_another_number() -> None:
    voided = subscription().opened("sub_1.1").voided(NOW)
    assert (voided.open_invoice, voided.due_at, voided.period) == (None, NOW, 0)
    assert voided.opened("sub_1.2").seq == 2


# ---- Cancelled


@pytest.mark.spec("X-4", "X-6", "R-4")
@pytest.mark.parametrize("state", sorted(LIVE))
def test_what_is_cancelled_has_nothing_to_come(state: State) -> None:
    held = replace(subscription(state=state), due_at=NOW, retry_at=NOW, waiting_since=NOW)
    after = held.opened("sub_1.1").cancelled(NOW, "customer")
    assert (after.state, after.ends_at, after.ended_by) == (State.CANCELLED, NOW, "customer")
    assert (after.open_invoice, after.due_at, after.retry_at) == (None, None, None)
    assert (after.waiting_since, after.next_charge_at, after.period_at) == (None, None, None)
    assert not after.is_live
    assert not after.gives_access(NOW)
    assert after.payments_made == held.payments_made


@pytest.mark.spec("R-7")
def test_a_completed_plan_cannot_be_cancelled() -> None:
    done = pay(subscription(ONCE_LATER, State.TRIALING))
    with pytest.raises(AssertionError):
        done.cancelled(NOW, "customer")


ON_WHAT_ENDED: dict[str, Callable[[Subscription], Subscription]] = {
    "opened": lambda ended: ended.opened("sub_1.2"),
    "paid": lambda ended: ended.paid(NOW, NOW.date(), NOW),
    "declined": lambda ended: ended.declined(NOW, due_at=NOW),
}


@pytest.mark.spec("X-6")
@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("transition", ON_WHAT_ENDED)
def test_what_has_ended_never_lives_again(state: State, transition: str) -> None:
    ended = replace(subscription(state=state), ends_at=NOW)
    with pytest.raises(AssertionError):
        ON_WHAT_ENDED[transition](ended)


# ---- What people are shown


@pytest.mark.spec("X-5", "R-3")
@pytest.mark.parametrize("state", State)
def test_the_next_charge_is_shown_where_one_may_come(state: State) -> None:
    held = replace(subscription(state=state), period=1, retry_at=NOW + 3 * DAY)
    scheduled = datetime(2026, 2, 28, 15, tzinfo=UTC)
    expected = {
        State.TRIALING: scheduled,
        State.ACTIVE: scheduled,
        State.PAST_DUE: NOW + 3 * DAY,
        State.FROZEN: scheduled,
    }
    assert held.next_charge_at == expected.get(state)
    assert set(expected) == CHARGEABLE
    assert held.period_at == (None if state in TERMINAL else scheduled)


@pytest.mark.spec("R-7")
def test_states_that_end_and_states_that_live_are_all_there_are() -> None:
    assert {State.CANCELLED, State.COMPLETED} == TERMINAL
    assert set(State) == TERMINAL | LIVE
    assert not TERMINAL & LIVE
    assert all(subscription(state=state).is_live is (state in LIVE) for state in State)


@pytest.mark.spec("X-2")
@pytest.mark.parametrize("state", State)
def test_what_waits_for_its_end_is_woken_to_be_cancelled_not_billed(state: State) -> None:
    expected = DueKind.CANCEL if state is State.CANCEL_PENDING else DueKind.BILL
    assert subscription(state=state).due_kind is expected


@pytest.mark.spec("R-2")
def test_alarms_are_not_what_people_see() -> None:
    held = subscription()
    for moved in (held.postponed_to(NOW + 90 * DAY), held.waiting(NOW)):
        assert (moved.next_charge_at, moved.period) == (held.next_charge_at, held.period)
        assert moved.anchor == held.anchor
    assert held.waiting(NOW).due_at is None
    assert held.waiting(NOW).waiting_since == NOW


ENDS = {"none": None, "before": NOW - DAY, "now": NOW, "after": NOW + DAY}
OPEN = {
    State.INCOMPLETE: set[str](),
    State.TRIALING: {"none", "after"},
    State.ACTIVE: {"none", "after"},
    State.PAST_DUE: {"none", "after"},
    State.PAUSED: {"none", "after"},
    State.FROZEN: set[str](),  # everything is kept, and nothing open
    State.CANCEL_PENDING: {"none", "after"},
    State.CANCELLED: {"after"},  # without an end it cannot be: cancelled() writes one
    State.COMPLETED: {"none", "before", "now", "after"},
}


@pytest.mark.spec("C-3", "X-4", "R-7")
@pytest.mark.parametrize(
    ("state", "end"),
    [pair for pair in product(State, ENDS) if pair != (State.CANCELLED, "none")],
)
def test_access_follows_from_state_and_end_whether_or_not_a_sweep_has_come(
    state: State, end: str
) -> None:
    held = replace(subscription(state=state), ends_at=ENDS[end], due_at=NOW + DAY)
    assert held.gives_access(NOW) is (end in OPEN[state])


@pytest.mark.spec("X-4")
def test_access_ends_at_the_very_instant() -> None:
    pending = replace(subscription(state=State.CANCEL_PENDING), ends_at=NOW)
    assert pending.gives_access(NOW - timedelta(microseconds=1))
    assert not pending.gives_access(NOW)
    assert pending.access_until == NOW


@pytest.mark.spec("P-18")
def test_a_subscription_keeps_its_own_terms() -> None:
    held = subscription(replace(MONTHLY, cancellation=Cancellation.DELAYED))
    assert pay(pay(held)).terms is held.terms


@pytest.mark.spec("P-12", "P-13")
def test_later_dates_come_from_the_anchor_however_often_it_was_paid() -> None:
    held, shown = subscription(), []
    for _ in range(5):
        shown.append(held.next_charge_at)
        held = pay(held)
    assert shown == [nth(START, Period.MONTHLY, k) for k in range(5)]
    days = [at.day for at in islice((at for at in shown if at is not None), 5)]
    assert days == [31, 28, 31, 30, 31]


# ---- Any legal sequence of events


class Lives(RuleBasedStateMachine):
    """Opens, pays, declines, postpones and cancels as the flows may, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.held = subscription(replace(FOUR, initial=TRIAL), State.TRIALING)
        self.anchor = self.held.anchor
        self.now = NOW
        self.opened = self.paid = 0

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.now += days * DAY

    @precondition(lambda self: self.held.is_live and self.held.open_invoice is None)
    @rule()
    def open(self) -> None:
        self.opened += 1
        self.held = self.held.opened(f"sub_1.{self.opened}")

    @precondition(lambda self: self.held.open_invoice is not None)
    @rule()
    def pay(self) -> None:
        self.paid += 1
        self.held = self.held.paid(self.now, self.now.date(), self.now + DAY)

    @precondition(lambda self: self.held.open_invoice is not None)
    @rule()
    def decline(self) -> None:
        self.held = self.held.declined(self.now + 3 * DAY, due_at=self.now + 3 * DAY)

    @precondition(lambda self: self.held.is_live)
    @rule(wait=st.booleans())
    def put_off(self, wait: bool) -> None:
        held = self.held
        self.held = held.waiting(self.now) if wait else held.postponed_to(self.now + DAY)

    @precondition(lambda self: self.held.open_invoice is not None)
    @rule(state=st.sampled_from(["void", "uncollectible"]))
    def give_up(self, state: str) -> None:
        held = self.held
        self.held = held.voided(self.now) if state == "void" else held.unpaid()

    @precondition(lambda self: self.held.is_live)
    @rule()
    def cancel(self) -> None:
        self.held = self.held.cancelled(self.now, "customer")

    @invariant()
    def counts_and_anchor_hold(self) -> None:
        held = self.held
        assert held.anchor == self.anchor
        assert held.seq == self.opened
        assert held.payments_made == held.period == self.paid <= 4

    @invariant()
    def an_end_is_an_end(self) -> None:
        held = self.held
        assert (held.state is State.COMPLETED) is (self.paid == 4)
        assert (held.ends_at is not None) is (not held.is_live)
        if not held.is_live:
            assert (held.due_at, held.open_invoice, held.next_charge_at) == (None, None, None)

    @invariant()
    def access_is_open_until_it_is_cancelled_or_given_up(self) -> None:
        closed = self.held.state is State.CANCELLED or self.held.is_unpaid
        assert self.held.gives_access(self.now) is not closed


Lives.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)
test_any_legal_life_keeps_its_counts_its_anchor_and_its_end = Lives.TestCase
