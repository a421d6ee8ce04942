"""Funds, paid and not used up, against an oracle that moves single cents (A-4, B-7).

The oracle is a list of coins, each marked with the period that paid it and where it lies. It shares
no code with `billing.kernel.funds`, and knows nothing of shares, sums or rounding.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.kernel.fund_shares import SHARES_AT_MOST, UNKNOWN, Share, Taken, whole
from billing.kernel.funds import Funds
from billing.kernel.quoted_funds import caught_up
from tests.depth import examples

AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Coins:
    """Every cent that ever came in, by the period that paid it, oldest first."""

    where: list[list[object]] = field(default_factory=list)
    owed: int = 0

    def of(self, place: str, period: int | None = None) -> list[list[object]]:
        return [c for c in self.where if c[1] == place and period in {None, c[0]}]

    def count(self, place: str) -> int:
        return len(self.of(place))

    def add(self, period: int, cents: int, place: str) -> None:
        self.where += [[period, place] for _ in range(cents)]
        self.where.sort(key=lambda coin: coin[0])  # type: ignore[arg-type, return-value]

    def move(self, coins: list[list[object]], to: str) -> None:
        for coin in coins:
            coin[1] = to

    def renew(self, period: int, paid: int, credit: int) -> None:
        self.move(self.of("in_use"), "used")
        self.move(self.of("credit")[:credit], "in_use")
        self.add(period, paid, "in_use")

    def exchange(self, period: int, unused: dict[int, int], rest: int) -> int:
        """The new plan's rest is laid out from what is unused and from credit; what is missing
        is paid now."""
        for paid_in, cents in unused.items():
            running = self.of("in_use", paid_in)
            self.move(running[: len(running) - cents], "used")
        pool = sorted(self.of("in_use") + self.of("credit"), key=lambda c: c[0])  # type: ignore[arg-type, return-value]
        self.move(pool[:rest], "in_use")
        self.move(pool[rest:], "credit")
        missing = max(0, rest - len(pool))
        self.add(period, missing, "in_use")
        return missing

    def give_back(self, period: int, cents: int) -> None:
        found = self.of("credit", period) + self.of("in_use", period) + self.of("used", period)
        self.move(found[:cents], "returned")


Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["renew", "change", "refund"]),
        st.integers(0, 60),
        st.integers(0, 100),
    ),
    max_size=12,
)


@pytest.mark.spec("A-4", "B-7")
@settings(max_examples=examples(400))
@example(1, [("change", 0, 0), ("change", 1, 0), ("refund", 2, 0)])
@given(st.integers(1, 60), steps)
def test_money_is_used_or_returned_or_credit_and_never_two_of_them(
    price: int, story: list[Step]
) -> None:
    funds, coins, period = Funds((whole(0, price),)), Coins(), 0
    coins.add(0, price, "in_use")
    for kind, minor, percent in story:
        if kind == "renew":
            period += 1
            credit = min(funds.credit_minor, minor)
            funds = funds.renewed(period, minor - credit, credit)
            coins.renew(period, minor - credit, credit)
        elif kind == "change":
            unused = funds.in_use_minor * percent // 100
            kept = _unused_by_period(funds, unused)
            funds = funds.exchanged(unused, minor, 0, period, AT)
            coins.exchange(period, kept, minor)
        else:
            about = percent % (period + 1)
            paid = sum(1 for c in coins.where if c[0] == about and c[1] != "returned")
            back = min(minor, paid)
            funds = funds.taken_back(about, back)
            coins.give_back(about, back)
        assert funds.credit_minor == coins.count("credit")
        assert funds.in_use_minor == coins.count("in_use")
        for share in funds.shares:
            assert share.credit_minor == len(coins.of("credit", share.period))
            assert share.in_use_minor == len(coins.of("in_use", share.period))
            assert min(share.credit_minor, share.in_use_minor, share.spent_minor) >= 0
            standing = share.in_use_minor + share.credit_minor + share.returned_minor
            assert standing <= share.paid_minor, "nothing stands twice"


def _unused_by_period(funds: Funds, unused: int) -> dict[int, int]:
    """The unused cents of each share, as they were laid out: the running sum, half up."""
    whole_minor, so_far, given_out = funds.in_use_minor, 0, 0
    parts = {}
    for share in funds.shares:
        so_far += share.in_use_minor
        upto = (2 * unused * so_far + whole_minor) // (2 * whole_minor) if whole_minor else 0
        parts[share.period], given_out = upto - given_out, upto
        assert 0 <= parts[share.period] <= share.in_use_minor
    return parts


@pytest.mark.spec("B-7")
@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500))
def test_a_refund_that_came_to_nothing_leaves_everything_as_it_was(
    paid: int, unused: int, back: int
) -> None:
    before = Funds((whole(3, paid),)).exchanged(min(unused, paid), paid // 3, 0, 3, AT)
    after = before.taken_back(3, back)
    took = Taken(
        back,
        before.credit_minor - after.credit_minor,
        before.in_use_minor - after.in_use_minor,
        4,
        AT,
    )
    assert after.restored(3, took, runs=True) == before


@pytest.mark.spec("A-4", "P-18")
@given(st.integers(1, 90), st.integers(1, 300), st.integers(1, 300))
def test_up_and_down_with_too_little_to_charge_leaves_nothing_behind(
    owed: int, price: int, credit: int
) -> None:
    """The difference is owed, and then not any more: nobody paid it, so nobody gets it back."""
    first = Funds((whole(0, price),))
    up = first.exchanged(price, price + owed, 0, 0, AT)
    assert (up.in_use_minor, up.credit_minor) == (price + owed, 0)
    down = up.exchanged(price + owed, price, owed, 0, AT)
    assert down.credit_minor == 0
    assert down.share(0) == first.share(0)


@pytest.mark.spec("B-7")
def test_credit_of_unknown_source_is_taken_back_by_any_refund() -> None:
    funds = Funds((Share(UNKNOWN, 50, credit_minor=50), whole(7, 100)))
    after = funds.taken_back(7, 80)
    assert (after.credit_minor, after.in_use_minor) == (0, 70)
    assert funds.taken_back(2, 80).credit_minor == 0


def test_what_was_spent_long_ago_is_forgotten_before_the_item_grows() -> None:
    funds = Funds((whole(0, 100),))
    for period in range(1, 60):
        funds = funds.exchanged(100, 50, 0, period - 1, AT + timedelta(days=period))
        funds = funds.renewed(
            period, 100 - min(50, funds.credit_minor), min(50, funds.credit_minor)
        )
        assert len(funds.shares) <= SHARES_AT_MOST
    assert Counter(bool(s.credit_minor or s.in_use_minor) for s in funds.shares)[True] >= 1


@pytest.mark.spec("A-4", "B-7")
@pytest.mark.parametrize("unused", [0, 20])
def test_a_refund_while_a_change_is_paid_takes_only_unused_money_of_its_own(unused: int) -> None:
    """Money that the refunded payment had put to use stays used: the change's own payment does
    not make it good."""
    before = Funds((whole(0, 100),)).exchanged(unused, unused, 0, 0, AT)
    quoted = before.exchanged(unused, 50, 0, 0, AT)
    meanwhile = before.taken_back(0, 39)
    caught = caught_up(quoted, before, meanwhile, 0)
    share = caught.share(0)
    assert share is not None
    assert (caught.in_use_minor, share.returned_minor) == (50 - unused, 39)


@pytest.mark.spec("B-7")
def test_credit_of_unknown_source_is_caught_up_with_once() -> None:
    before = Funds((Share(UNKNOWN, 50, credit_minor=50), whole(0, 100)))
    quoted = before.exchanged(100, 120, 0, 0, AT)
    assert (quoted.credit_minor, quoted.in_use_minor) == (30, 120)
    caught = caught_up(quoted, before, before.taken_back(0, 60), 0)
    assert caught.credit_minor + caught.in_use_minor == 150 - 60


@pytest.mark.spec("A-4", "B-7", "P-18")
@given(owed=st.integers(1, 49), back=st.integers(1, 99), of=st.sampled_from([0, 1]))
def test_what_a_change_itself_pays_is_not_paid_by_credit_that_comes_back_meanwhile(
    owed: int, back: int, of: int
) -> None:
    """The invoice of the change has the owed amount on it already."""
    own = Share(1, 200 + owed, in_use_minor=200 + owed)
    before = Funds((Share(0, 150, spent_minor=20), own)).without(of, 0, back)
    quoted = before.exchanged(100 + owed, 250, owed, 1, AT)
    credited = before.restored(of, Taken(back, back, 0, 2), runs=False)
    paid = credited.owed_paid(min(owed, back), 1)
    caught = caught_up(quoted, before, paid, 1)
    assert caught == caught_up(quoted, before, credited, 1)
    assert caught.credit_minor == back


@pytest.mark.spec("A-4", "C-10")
def test_credit_from_another_subscription_keeps_the_taxes_that_each_part_was_paid_with() -> None:
    had = Funds().credit_added(3000).credit_added(2000, "a.0002").credit_added(1000, "a.0003")
    again = had.credit_added(500, "a.0002").credit_added(70)
    parts = {None: 3070, "a.0002": 2500, "a.0003": 1000}
    assert again.credit_by_tax(again.credit_minor) == parts
    assert again.taken_back(0, 9000).credit_minor == 6570, "no refund of this one takes it back"
    assert caught_up(had, had, again, 0).credit_by_tax(6570) == parts
    used_up = again.renewed(0, 0, 6570).renewed(1, 10, 0)
    assert used_up.credit_added(5, "a.0002").credit_by_tax(5) == {"a.0002": 5}


@pytest.mark.spec("A-4", "C-10", "B-7")
def test_time_that_was_taxed_anew_is_told_from_the_credit_beside_it() -> None:
    had = Funds((Share(0, 90, credit_minor=60, taxed_by="a.0001"),))
    renewed = had.renewed(1, 10, 20, "a.0002", "a.0002")
    assert renewed.unused_by_tax(30) == {"a.0002": 30}
    assert renewed.credit_by_tax(40) == {"a.0001": 40}
    changed = renewed.exchanged(30, 15, 0, 1, AT)
    assert changed.unused_by_tax(15) == {"a.0002": 15}
    assert changed.credit_by_tax(55) == {"a.0001": 40, "a.0002": 15}
    assert changed.taxed_by == ("a.0001", "a.0002")
    back = changed.taken_back(0, 42)
    assert back.credit_by_tax(13) == {"a.0002": 13}, "what was taxed with it goes back first"
    assert back.restored(0, Taken(42, 42, 0, 2, AT), runs=True) == changed
    paid = renewed.exchanged(30, 90, 0, 1, AT, "a.0003", "a.0003")
    assert paid.unused_by_tax(90) == {"a.0003": 90}
