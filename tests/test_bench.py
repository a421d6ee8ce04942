"""The benchmarks' world is the product's: it renews, within its write units."""

from __future__ import annotations

from bench import cost, engine, renewals
from bench.figures import Report
from bench.units import size_of, units_of
from billing.kernel.issued_documents import Seller
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.world import ADDRESS, World

WEBSITE = "https://www.sunrise-studio.example"

WRITE_UNITS, WRITES = 24, 9
"""Of a renewal from the sweep to settled, ids and names as long as in life."""


TOLD_UNITS = 10
"""Of a number, the document that is issued with it (two), and the mail: 8 before documents were."""

ROWS_UNITS = 19
"""Of the rows by which lists find a first purchase: two of its plan and one a word, three units
each with the index, and a check of two for each kind."""

IDLE_MONTH_AT_MOST = 3.00
"""Dollars of a month in which nobody buys, without any free tier."""

KB = 1024


def test_all_that_is_due_is_paid() -> None:
    assert engine.renew(engine.world_of(5, 3)) == {"due": 3, "enqueued": 3, "paid": 3}


def test_a_renewal_takes_no_more_write_units_than_it_did() -> None:
    report = Report()
    renewals.write_units(report)
    assert report.counted["renewal_write_units"] <= WRITE_UNITS
    assert report.counted["renewal_writes"] <= WRITES


def test_a_number_and_its_mail_take_no_more_write_units_than_the_document_costs() -> None:
    report = Report()
    renewals.write_units(report)
    assert report.counted["told_write_units"] <= TOLD_UNITS


def test_an_invoice_and_its_document_stay_under_a_kilobyte_each() -> None:
    world = World()
    world.buy(name="Firstname Lastname", email="firstname.lastname@example.com")
    world.work()
    history = world.history("firstname.lastname@example.com")
    (issued,), (invoice,) = history.documents, history.invoices
    longest = Seller("Sunrise Studio of Movement", "hello@sunrise.example", ADDRESS, WEBSITE)
    assert size_of(invoice) < KB
    assert size_of(replace(issued, seller=longest)) < KB


def test_a_renewal_writes_no_row_of_the_aux_index_and_a_change_of_state_two() -> None:
    world = engine.world_of(0, gateway_calls_per_second=25)
    mine, _ = engine.copies(world.ports, 1)
    paid = replace(mine, seq=1, period=2, due_at=None, open_invoice=None)
    (written,) = units_of((Change(mine, paid),))
    assert written.index_units == 1, "the row of the due index goes"
    (written,) = units_of((Change(mine, replace(paid, state=State.PAUSED)),))
    assert written.index_units == 3, "and a row of the aux index moves"


def test_the_rows_of_a_purchase_are_written_once_and_cost_what_they_did() -> None:
    report = Report()
    renewals.write_units(report)
    assert report.counted["rows_write_units"] <= ROWS_UNITS


def test_snapstart_costs_more_than_an_idle_month_without_it() -> None:
    """So it is off by default (docs/decisions/2026-11-30-snapstart-on-paper.md)."""
    counted = cost.IDLE | cost.deployed()
    kept, restored, saved = cost.per_snapstart_month(counted, cost.prices())
    assert round(kept.dollars, 2) == 19.50, "five functions of 1 GB"
    assert round(restored.dollars, 2) == 1.40, "ten thousand cold starts"
    assert -restored.dollars < saved.dollars < 0, "a start costs less than a restore"


def test_an_idle_month_costs_three_dollars_with_alarms_metrics_logs_and_traces() -> None:
    bill = cost.per_idle_month(cost.IDLE | cost.deployed(), cost.prices())
    lines = {line.what: round(line.dollars, 2) for line in bill}
    assert sum(line.dollars for line in bill) <= IDLE_MONTH_AT_MOST, lines
