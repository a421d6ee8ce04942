"""Rows with dates at the ends of the calendar (M-6)."""

from __future__ import annotations

import pytest

from tests.migration.files import ROW, reasons, selling, table

pytestmark = pytest.mark.spec("M-6")

FAR = {
    "9999-12-31 23:59:59": "America/New_York",
    "9999-12-31T23:59:59-05:00": "UTC",
    "31-Dec-9999 23:59": "America/New_York",
    "0001-01-01 00:00:00": "Europe/Berlin",
    "0001-01-01T00:00:00+01:00": "UTC",
}
"""Dates by which programs say "never", with zones in which they are outside the calendar."""


@pytest.mark.parametrize("far", list(FAR))
def test_a_date_outside_the_calendar_blocks_its_row_alone(far: str) -> None:
    shop = selling()
    never = {**ROW, "external_id": "sub_2", "zone": FAR[far], "trial_ends_at": far}
    assert reasons(shop, table({**ROW, "trial_ends_at": ""}, never)) == [[], ["date_unknown"]]


def test_an_anchor_outside_the_calendar_blocks_its_row_alone() -> None:
    shop = selling()
    never = {**ROW, "external_id": "sub_2", "anchor_local": "9999-12-20T15:00:00"}
    assert reasons(shop, table({**ROW, "anchor_local": ""}, never)) == [[], ["date_unknown"]]
