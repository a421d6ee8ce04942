"""Exports of the journal, the event log and the figures; the list of exports (M-6)."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from billing.event_log.flows import read as event_log
from billing.figures.flows import rebuild
from billing.kernel.periods import Anchor
from billing.storage.store import ItemStore
from tests.migration.test_exports import asked, downloaded, in_business, ledger_of, table
from tests.tax.taxing import BERLIN, LOS_ANGELES, collecting
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def _units(text: str) -> Decimal:
    return Decimal(text or 0)


def test_the_journal_balances_entry_by_entry_and_names_its_documents() -> None:
    shop = in_business()
    rows = table(downloaded(shop, what="journal"))
    balances: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        balances[row["entry"]] += _units(row["debit"]) - _units(row["credit"])
    assert set(balances) == {entry.id for entry in ledger_of(shop)}
    assert set(balances.values()) == {Decimal(0)}
    history = shop.world.history()
    (refund,) = history.refunds
    documents = {row["entry"]: row["document"] for row in rows}
    assert refund.number is not None
    assert documents[f"{refund.id}:refunded"] == refund.number
    assert all(documents[f"{i.id}:paid"] == i.number for i in history.invoices)
    zone = shop.world.merchant.settings.time_zone
    days = {row["entry"]: row["date"] for row in rows}
    for entry in ledger_of(shop):
        assert days[entry.id] == Anchor.at(entry.at, zone).wall.date().isoformat()


def test_postings_of_taxed_payments_have_the_codes_of_their_taxes() -> None:
    shop = Shop()
    collecting(shop.world)
    shop.world.buy(address=LOS_ANGELES)
    shop.world.buy(address=BERLIN, email="bob@example.com")
    shop.world.work()
    rows = table(downloaded(shop, what="journal"))
    california = "US-CA California 6%; US-CA Los Angeles County 0.25%; US-CA Los Angeles 2.25%"
    codes = {(row["account"].partition(":")[0], row["tax_code"]) for row in rows}
    assert ("revenue", california) in codes and ("liabilities", california) in codes
    german = {row["tax_code"] for row in rows if row["account"] == "liabilities:tax:DE"}
    assert len(german) == 1 and german.pop().endswith(" 19%")
    assert {row["tax_code"] for row in rows if row["account"].startswith("assets")} == {""}


def test_events_are_exported_as_the_log_has_them_and_only_where_somebody_reads_it() -> None:
    shop = in_business()
    assert table(downloaded(shop, what="events")) == []
    assert shop.world.store.merchant("acme").events_since is None  # type: ignore[union-attr]
    shop.api.get("/v1/events")
    shop.world.buy(email="zoe@example.com")
    shop.world.work()
    shop.world.now += timedelta(minutes=1)
    rows = table(downloaded(shop, what="events"))
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None
    listed = event_log.page(shop.world.ports, merchant, after=None, limit=500, now=shop.world.now)
    assert [(row["id"], row["type"]) for row in rows] == [(e.id, e.type) for e in listed.data]
    assert "purchase.completed" in {row["type"] for row in rows}
    assert all(json.loads(row["object"])["object"] for row in rows)
    later = shop.world.now.isoformat()
    assert table(downloaded(shop, what="events", **{"from": later})) == []


def test_figures_are_exported_day_by_day_and_each_begins_where_the_last_ended() -> None:
    shop = in_business()
    shop.world.now += timedelta(days=1)  # the day of the refund is over
    rebuild.begin(shop.world.ports, "acme", now=shop.world.now)
    shop.world.tick()
    rows = table(downloaded(shop, what="figures"))
    assert {row["currency"] for row in rows} == {"USD"} and len(rows) >= 40
    before = Decimal(0)
    for row in rows:
        moved = [
            name for name in row if name.startswith("mrr_") and name[4:] not in {"start", "end"}
        ]
        assert _units(row["mrr_start"]) == before
        before += sum(_units(row[name]) for name in moved)
        assert _units(row["mrr_end"]) == before
    paid = sum(_units(row["revenue"]) for row in rows)
    assert paid == Decimal("29.99") * 3
    assert sum(_units(row["refunds"]) for row in rows) == Decimal("5.00")
    of_march = table(downloaded(shop, what="figures", **{"from": "2026-03-01", "to": "2026-03-05"}))
    assert [row["day"] for row in of_march] == [f"2026-03-0{n}" for n in range(1, 6)]
    assert of_march == [row for row in rows if "2026-03-01" <= row["day"] <= "2026-03-05"]


def test_a_page_of_exports_reads_all_their_jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    for _ in range(3):
        asked(shop, what="orders")
        shop.world.now += timedelta(seconds=1)

    def one_by_one(*args: str) -> None:
        raise AssertionError("read one by one")

    monkeypatch.setattr(ItemStore, "job", one_by_one)
    listed = shop.api.get("/v1/exports").json["data"]
    assert [each["state"] for each in listed] == ["queued"] * 3
