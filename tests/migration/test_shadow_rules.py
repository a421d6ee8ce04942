"""The pairing of charges here and there: each is compared once, and what is the same is silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.live_sources import Collected, SourceCharge
from billing.kernel.money import Currency, Money
from billing.migration import shadow_reports, shadows
from billing.migration.shadow_reports import Part
from billing.migration.shadows import Difference, Kind, Side, Totals
from billing.migration.unchanged import SOON_OVER

pytestmark = pytest.mark.spec("M-6")

SINCE = datetime(2026, 1, 31, 15, tzinfo=UTC)
NOW = SINCE + timedelta(days=100)
AMOUNTS = st.integers(1, 5_000)
Charges = list[tuple[datetime, int]]


@st.composite
def charges(draw: st.DrawFn) -> Charges:
    """Charges a week or more apart, as no plan of ours charges more often."""
    at, made = SINCE + timedelta(hours=draw(st.integers(1, 500))), []
    while at < NOW - SOON_OVER and len(made) < 12:
        made.append((at, draw(AMOUNTS)))
        at += timedelta(hours=draw(st.integers(7 * 24, 40 * 24)))
    return made


def ours(made: Charges) -> list[tuple[datetime, Money]]:
    return [(at, Money(minor, Currency.USD)) for at, minor in made]


def theirs(made: Charges, collected: Collected = Collected.PAID) -> list[SourceCharge]:
    return [SourceCharge(at, minor, "USD", collected) for at, minor in made]


def differ(here: Charges, there: list[SourceCharge]) -> list[Kind]:
    found = shadows.of_charges(ours(here), there, since=SINCE, now=NOW, zone="UTC")
    return [kind for kind, _, _ in found]


@given(charges(), st.integers(-7_200, 7_200))
def test_the_same_charges_differ_in_nothing(made: Charges, seconds: int) -> None:
    late = [(at + timedelta(seconds=seconds), minor) for at, minor in made]
    assert differ(made, theirs(late)) == []


@given(charges())
def test_each_charge_of_one_side_alone_is_one_difference(made: Charges) -> None:
    assert differ(made, []) == [Kind.NOT_THERE] * len(made)
    assert differ(made, theirs(made, Collected.VOID)) == [Kind.NOT_THERE] * len(made)
    assert differ([], theirs(made)) == [Kind.NOT_HERE] * len(made)
    assert differ(made, theirs(made, Collected.OPEN)) == [Kind.NOT_COLLECTED] * len(made)


@given(charges(), st.data())
def test_one_charge_that_is_changed_is_one_difference(made: Charges, data: st.DataObject) -> None:
    if not made:
        return
    number = data.draw(st.integers(0, len(made) - 1))
    at, minor = made[number]
    rest = theirs(made[:number]), theirs(made[number + 1 :])
    assert differ(made, [*rest[0], *rest[1]]) == [Kind.NOT_THERE]
    more = SourceCharge(at, minor + 1, "USD", Collected.PAID)
    assert differ(made, [*rest[0], more, *rest[1]]) == [Kind.AMOUNT]
    other = SourceCharge(at, minor, "CLP", Collected.PAID)
    assert differ(made, [*rest[0], other, *rest[1]]) == [Kind.CURRENCY]
    later = SourceCharge(at + timedelta(days=1, hours=1), minor, "USD", Collected.PAID)
    if later.at < NOW - SOON_OVER:
        assert differ(made, [*rest[0], later, *rest[1]]) == [Kind.DATE]
    twice = SourceCharge(at + timedelta(seconds=1), minor, "USD", Collected.PAID)
    assert differ(made, [*theirs(made), twice]) == [Kind.NOT_HERE]


@given(charges(), charges())
def test_no_charge_is_paired_twice(here: Charges, there: Charges) -> None:
    pairs = list(shadows._pairs([at for at, _ in here], [at for at, _ in there]))
    assert len({i for i, _ in pairs}) == len({k for _, k in pairs}) == len(pairs)
    alone = differ(here, theirs(there))
    assert alone.count(Kind.NOT_THERE) == len(here) - len(pairs)
    assert alone.count(Kind.NOT_HERE) == len(there) - len(pairs)


@pytest.mark.parametrize("minutes", [0, 119])
def test_what_is_just_being_charged_is_waited_for(minutes: int) -> None:
    at = NOW - timedelta(minutes=minutes)
    assert differ([(at, 1)], []) == []
    assert differ([], theirs([(at, 1)])) == []
    assert differ([(at, 1)], theirs([(at, 1)], Collected.OPEN)) == []
    assert differ([(at, 1)], theirs([(at, 2)])) == [Kind.AMOUNT]


def test_a_charge_of_nothing_and_one_before_the_check_are_none() -> None:
    assert differ([(NOW - timedelta(days=9), 0)], theirs([(NOW - timedelta(days=20), 0)])) == []
    assert differ([], theirs([(SINCE - timedelta(seconds=1), 5)])) == []


SIDES = st.builds(
    Side,
    st.none() | st.timedeltas(timedelta(0), timedelta(days=9_000)).map(SINCE.__add__),
    st.none() | AMOUNTS,
    st.sampled_from(["", "USD"]),
    st.text(max_size=9),
)
DIFFERENCES = st.builds(
    Difference, AMOUNTS, st.text(max_size=9), st.sampled_from(Kind), SIDES, SIDES, st.none()
)
TOTALS = st.builds(
    Totals, *(AMOUNTS for _ in range(5)), st.dictionaries(st.sampled_from(Kind), AMOUNTS)
)
PARTS = st.builds(
    Part, TOTALS, st.lists(DIFFERENCES, max_size=4).map(tuple), AMOUNTS, st.just("x"), AMOUNTS
)


@given(PARTS)
def test_a_part_is_read_as_it_was_written(part: Part) -> None:
    assert shadow_reports.read(shadow_reports.written(part)) == part


@given(st.lists(st.integers(0, 700), max_size=6))
def test_pages_have_every_difference_once(lengths: list[int]) -> None:
    numbers = iter(range(10_000))
    part, pages = Part(), list[tuple[int, ...]]()
    for length in lengths:
        found = tuple(Difference(next(numbers), "", "x") for _ in range(length))
        part = part.then(Part(Totals(1), found))
        assert part.pages == len(pages)
        pages += [tuple(each.number for each in page) for page in part.full_pages]
    last = tuple(each.number for each in part.last_page)
    assert sum([*pages, last], ()) == tuple(range(sum(lengths)))
    assert all(len(page) == shadow_reports.PAGE for page in pages)
    assert bool(last) == bool(sum(lengths)) and len(last) <= shadow_reports.PAGE
    assert part.totals.rows == len(lengths)


@pytest.mark.parametrize(
    ("named", "token", "same"),
    [
        (None, "cus_1:pm_1", True),
        ("pm_1", None, True),
        ("pm_1", "cus_1:pm_1", True),
        ("cus_1:pm_1", "cus_1:pm_1", True),
        ("cus_1:pm_1", "pm_1", True),
        ("pm_2", "cus_1:pm_1", False),
    ],
)
def test_a_card_is_named_with_its_customer_or_without(
    named: str | None, token: str | None, same: bool
) -> None:
    assert shadows.same_card(named, token) is same
