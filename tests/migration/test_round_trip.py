"""A round trip: what is exported and imported elsewhere is charged as before, for a year (M-6)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from billing.kernel.money import Money
from billing.migration.canonical import COLUMNS
from billing.rebill.flows import forecast
from tests.migration import files
from tests.migration.round_trip import (
    BUYERS,
    TERMS,
    charges,
    email_of,
    empty,
    exported,
    imported,
    in_business,
    resume,
)
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

YEAR = timedelta(days=366)
DOCS = Path(__file__).parents[2] / "docs"

BLOCKED = {
    "frozen": "frozen",
    "freezing": "frozen",
    "held": "next_charge_missing",
    "once": "price_point_once",
}
"""The kinds of subscription that the check blocks, by their customer, with the reason."""

LEFT = {"leaving": "ends_there"}
"""Those that pass the check and are not moved, since nothing is left to charge."""

LESS = {"announced": "price_not_announced"}
"""Those that are moved without something, of which the check warns."""

APART = {*BLOCKED, *LEFT, *LESS}


class Trip(NamedTuple):
    """The two shops right after the import, and its rows by their customer."""

    here: Shop
    there: Shop
    begun: datetime
    rows: dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def trip() -> Trip:
    here = in_business()
    there = empty(here)
    found = exported(here)
    names = {email_of(name): name for name in BUYERS}
    import_id = imported(there, files.table(*found), [each["external_id"] for each in found])
    whose = {each["external_id"]: names[each["email"]] for each in found}
    rows = files.rows(there, import_id, limit="100")
    return Trip(here, there, here.world.now, {whose[row["external_id"]]: row for row in rows})


def forecast_of(shop: Shop, name: str, begun: datetime) -> list[tuple[date, Money, int]]:
    """The forecast of one customer's charges for a year."""
    customer = shop.world.store.customer_by_email("acme", email_of(name))
    assert customer is not None
    (found,) = shop.world.store.history("acme", customer).subscriptions
    ports, merchant = shop.world.ports, shop.world.merchant
    coming = forecast.next_charges(ports, merchant, found, most=100, now=begun)
    return [(at, amount, found.payment_method) for at, amount in coming if at <= begun + YEAR]


def test_each_kind_of_subscription_is_imported_or_says_why_not(trip: Trip) -> None:
    assert set(trip.rows) == set(BUYERS) >= set(TERMS)
    blocked, left, less = {}, {}, {}
    for name, row in trip.rows.items():
        reasons = [each["reason"] for each in row["problems"]]  # type: ignore[attr-defined]
        if row["result"] == "blocking":
            blocked[name] = reasons[-1]
        elif row["state"] != "active":
            left[name] = row["reason"]
        elif reasons:
            (less[name],) = reasons
    assert (blocked, left, less) == (BLOCKED, LEFT, LESS)


def test_the_forecasts_of_both_are_equal_for_a_year_to_the_cent_and_the_second(
    trip: Trip,
) -> None:
    compared = 0
    for name in sorted(set(BUYERS) - APART):
        here, there = (forecast_of(each, name, trip.begun) for each in (trip.here, trip.there))
        assert here == there, name
        compared += len(here)
    assert compared > 250
    whole = [
        forecast.forecast(
            shop.world.ports, shop.world.merchant, until=trip.begun + YEAR, now=trip.begun
        )
        for shop in (trip.here, trip.there)
    ]
    assert len(whole[1].days) > 100 and whole[0].until == whole[1].until


@pytest.mark.slow
def test_both_charge_the_same_cards_at_the_same_seconds_for_a_year(trip: Trip) -> None:
    """After the forecasts: this moves the clocks of both shops."""
    for shop in (trip.here, trip.there):
        shop.world.advance(to=trip.begun + timedelta(days=12, hours=1))
        resume(shop)
        shop.world.advance(to=trip.begun + YEAR)
    here, there = (
        [each for each in charges(shop, trip.begun) if each[1] not in APART]
        for shop in (trip.here, trip.there)
    )
    assert here == there
    paused = {name for name in BUYERS if name.startswith("paused")}
    assert {each[1] for each in there} == set(BUYERS) - APART
    assert len([each for each in there if each[1] in paused]) > 30


def test_what_is_not_carried_over_is_listed() -> None:
    text = "".join((DOCS / name).read_text("utf-8") for name in ("IMPORT.md", "moving.md"))
    for reason in (*BLOCKED.values(), *LEFT.values(), *LESS.values()):
        assert f"`{reason}`" in text, reason
    assert all(each in text for each in COLUMNS)
