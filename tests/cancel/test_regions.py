"""The rules by region: as REGIONS.md has them, and looked up (X-10)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.cancel.regions import lookup, table
from billing.cancel.regions.rules import Duty, Offers, Rule
from billing.kernel.countries import COUNTRIES
from perennial import regions
from tests.depth import examples

WRITTEN = Path("docs/REGIONS.md").read_text()
COLUMNS = (Duty.TRIAL_ENDS, Duty.RENEWAL, Duty.PRICE_CHANGE)
EVERYWHERE = "everywhere, by card scheme"
OURS = "our default, which fits all of them"
TODAY = date(2026, 11, 29)


def _rows(title: str) -> list[list[str]]:
    section = WRITTEN.partition(f"## {title}")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _of(region: str, duty: Duty) -> Rule:
    (found,) = [each for each in table.RULES if (each.region, each.duty) == (region, duty)]
    return found


def _functions() -> list[tuple[list[str], list[str]]]:
    return [([name.strip() for name in row[0].split(",")], row) for row in _rows("Functions")]


def _in_force(row: list[str]) -> date | None:
    return date.fromisoformat(row[2]) if re.fullmatch(r"\d{4}-\d\d-\d\d", row[2]) else None


@pytest.mark.spec("X-10")
@pytest.mark.parametrize(("regions", "row"), _functions())
def test_every_function_of_the_table_is_in_the_data_letter_for_letter(
    regions: list[str], row: list[str]
) -> None:
    duty = Duty.CANCELLATION if regions == ["GB"] else Duty(row[1])
    rules = [_of(region, duty) for region in regions]
    quoted = re.findall(r'"([^"]+)"', row[3])
    ours = [
        label
        for rule in rules
        for labels in (rule.labels, rule.confirmations)
        for label in (labels.get(rule.speaks),)
        if label is not None
    ]
    if row[3] == "as DE":
        german = _of("DE", duty)
        assert rules[0].labels == german.labels
        assert rules[0].confirmations == german.confirmations
    else:
        assert ours == quoted
    for rule in rules:
        assert rule.valid_from == _in_force(row)
        assert rule.in_force == (row[2] != "not in force, expected 2027")
        fields, rest = rule.wording
        assert fields == row[4]
        assert rest == row[5]
        source, _, certainty = row[6].rpartition("; ")
        if source:
            assert source.startswith(rule.source) or rule.source.startswith(source)
            assert certainty.startswith(rule.certainty)
        else:
            assert row[6] == rule.certainty


@pytest.mark.spec("X-12")
@pytest.mark.parametrize("row", _rows("Notices (days before)"), ids=lambda row: row[0])
def test_every_notice_of_the_table_is_in_the_data_letter_for_letter(row: list[str]) -> None:
    if row[0] == OURS:
        assert tuple(row[1:]) == table.DEFAULT_WORDING
        return
    region = "*" if row[0] == EVERYWHERE else row[0]
    ours = {each.duty: each for each in table.NOTICES if each.region == region}
    for duty, cell in zip(COLUMNS, row[1:4], strict=True):
        assert (ours[duty].wording[0] if duty in ours else "") == cell
        spans = [(int(a), int(b)) for a, b in re.findall(r"(\d+) to (\d+)", cell)]
        if spans:
            assert [(w.least, w.most) for w in ours[duty].windows] == spans
    other = ours.get(Duty.OTHER) or ours.get(Duty.YEARLY_REMINDER)
    assert ("" if other is None else other.wording[0]) == row[4]
    assert len(ours) == sum(map(bool, row[1:]))


@pytest.mark.spec("X-10")
def test_no_row_of_the_data_is_missing_in_the_table() -> None:
    written = {name for names, _ in _functions() for name in names}
    assert {r.region for r in table.WITHDRAWALS + table.CANCELLATIONS} == written
    notices = {row[0] for row in _rows("Notices (days before)")} - {EVERYWHERE, OURS}
    assert {each.region for each in table.NOTICES} == notices | {"*"}


@pytest.mark.spec("X-10")
@pytest.mark.parametrize("rule", table.RULES, ids=lambda r: f"{r.region}-{r.duty}")
def test_every_row_has_its_source_and_day_and_labels(rule: Rule) -> None:
    assert rule.source and rule.checked_on <= TODAY
    if not rule.is_function:
        return
    assert rule.scope
    if rule.in_force:
        assert rule.fields and rule.steps
    if rule.labels:
        assert rule.labels[rule.speaks] == rule.label("xx")
    for label in (*rule.labels.values(), *rule.confirmations.values()):
        assert label == label.strip() and label


@pytest.mark.spec("X-10")
def test_our_own_days_fit_every_window_of_the_table() -> None:
    ours = {
        Duty.TRIAL_ENDS: table.TRIAL_DAYS,
        Duty.RENEWAL: table.RENEWAL_DAYS,
        Duty.PRICE_CHANGE: table.PRICE_CHANGE_DAYS,
    }
    for rule in table.NOTICES:
        for window in rule.windows:
            assert window.least <= ours[rule.duty] <= (window.most or 365), rule


@pytest.mark.spec("X-10", "X-11")
def test_who_may_be_made_an_offer_is_as_the_table_says() -> None:
    offers = {each.region: each.offers for each in table.CANCELLATIONS}
    none = {region for region, offer in offers.items() if offer is Offers.NONE}
    assert none == {"DE", "US-CO"}
    assert {region for region, offer in offers.items() if offer is Offers.ASK_FIRST} == {"US-MN"}


@pytest.mark.spec("X-10")
@pytest.mark.parametrize(
    ("country", "day", "label"),
    [
        ("AT", date(2026, 9, 30), "withdraw from contract here"),
        ("AT", date(2026, 10, 1), "Vertrag widerrufen"),
        ("DE", date(2026, 6, 18), None),
        ("DE", date(2026, 6, 19), "Vertrag widerrufen"),
        ("DK", TODAY, "withdraw from contract here"),
        ("US", TODAY, None),
    ],
)
def test_the_rule_of_a_day_is_the_one_in_force(country: str, day: date, label: str | None) -> None:
    found = lookup.rule(country, None, day, Duty.WITHDRAWAL)
    assert (None if found is None else found.label("da")) == label


@pytest.mark.spec("X-10")
def test_a_row_is_out_of_date_six_months_after_it_was_checked() -> None:
    assert lookup.out_of_date(table.RULES, date(2027, 5, 28)) == []
    assert len(lookup.out_of_date(table.RULES, date(2027, 5, 30))) == len(table.RULES)


def _expected(country: str, state: str | None, day: date, duty: Duty) -> Rule | None:
    """Finds the rule by elimination: drops each rule that another one beats."""
    members = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
    rank = {"*": 0, country: 2, f"{country}-{state}": 3}
    if country in members.split():
        rank["EU"] = 1
    left = []
    for each in table.RULES:
        if each.duty != duty or each.region not in rank or not each.in_force:
            continue
        if each.valid_from is not None and day.toordinal() < each.valid_from.toordinal():
            continue
        left.append(each)
    best = None
    for each in left:
        if best is None:
            best = each
            continue
        for better in (
            lambda r: r.self_cancel_required,
            lambda r: not r.login_allowed,
            lambda r: {"none": 2, "ask_first": 1, "beside": 0}[r.offers.value],
            lambda r: r.days or 0,
            lambda r: max([0, *(w.least for w in r.windows)]),
            lambda r: rank[r.region],
        ):
            if better(each) != better(best):
                best = each if better(each) > better(best) else best
                break
    return best


@pytest.mark.spec("X-10")
@settings(max_examples=examples(400), deadline=None)
@given(
    country=st.one_of(
        st.sampled_from(["DE", "FR", "AT", "IT", "US", "GB", "DK"]),
        st.sampled_from(sorted(COUNTRIES)),
    ),
    state=st.sampled_from([None, "CA", "NY", "MA", "MN", "CO", "CT", "MD", "TX"]),
    day=st.dates(date(2022, 1, 1), date(2028, 1, 1)),
    duty=st.sampled_from(Duty),
)
def test_the_lookup_agrees_with_an_oracle(
    country: str, state: str | None, day: date, duty: Duty
) -> None:
    assert lookup.rule(country, state, day, duty) == _expected(country, state, day, duty)


@pytest.mark.spec("X-10")
def test_a_command_prints_the_table_with_what_needs_checking_first() -> None:
    now = list(regions.lines(TODAY))
    assert now[0].startswith("0 of ") and len(now) == len(table.RULES) + 1
    later = list(regions.lines(date(2027, 6, 1), stale_only=True))
    assert len(later) == len(table.RULES) + 1 and later[1].startswith("CHECK")
    assert any("Verträge hier kündigen" in line for line in now)


@pytest.mark.spec("X-10")
@pytest.mark.parametrize("written", ["NY", "ny", "New York", " new  york "])
def test_a_state_counts_as_people_write_it(written: str) -> None:
    (rule,) = lookup.rules("US", written, TODAY, Duty.PRICE_CHANGE)[1:]
    assert rule.region == "US-NY" and rule.rise_needs_consent
