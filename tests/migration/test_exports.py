"""Exports: asked for, made by a job, downloaded; nothing twice, nothing missing (M-6)."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.gateway_events.flows import webhook
from billing.jobs.flows import sweep, work
from billing.kernel import ledger
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Unavailable
from billing.kernel.gateways import AccountRef
from billing.kernel.ledger import LedgerEntry
from billing.kernel.money import Currency, Money
from billing.kernel.objects import StoredObject
from billing.kernel.periods import Period
from billing.migration.exports import Exported
from billing.migration.flows import contents, export
from billing.runtime import job_kinds
from billing.storage.memory.objects import MemoryObjects
from tests.console.agent import Agent
from tests.hurry import room_for
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

ACME = AccountRef("acme", "sandbox", "sandbox")
MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)


def in_business() -> Shop:
    """A shop with renewals, a refund, a chargeback and a second customer."""
    shop = Shop()
    world = shop.world
    product = world.product(MONTHLY)
    world.buy(product)
    world.advance(days=40)
    world.buy(product, email="=cmd@example.com", name='=HYPERLINK("x")')
    world.advance(days=1)
    sale = next(each for each in world.orders() if each.kind == "sale")
    assert shop.api.post(f"/v1/orders/{sale.id}/refund", {"amount": 500}).status == 201
    world.work()
    return shop


def asked(shop: Shop, **body: Any) -> dict[str, Any]:
    answer = shop.api.post("/v1/exports", body)
    assert answer.status == 202, answer.json
    return dict(answer.json)


def finished(shop: Shop, export_id: str) -> dict[str, Any]:
    shop.world.tick()
    answer = shop.api.get(f"/v1/exports/{export_id}")
    assert answer.status == 200
    return dict(answer.json)


def downloaded(shop: Shop, **body: Any) -> str:
    done = finished(shop, asked(shop, **body)["id"])
    assert done["state"] == "done", done
    return opened(shop, done["url"])


def opened(shop: Shop, url: str) -> str:
    assert isinstance(shop.world.objects, MemoryObjects)
    answer = shop.world.objects.open(url)
    assert answer.status == 200
    return answer.content.decode()


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def ledger_of(shop: Shop) -> list[LedgerEntry]:
    emails = ("ann@example.com", "=cmd@example.com")
    return [entry for email in emails for entry in shop.world.history(email).ledger]


def test_an_export_says_how_far_it_is_and_then_where_it_is() -> None:
    shop = in_business()
    begun = asked(shop, what="orders")
    assert (begun["state"], begun["done"], begun["of"], begun["url"]) == ("queued", 0, None, None)
    done = finished(shop, begun["id"])
    rows = table(opened(shop, done["url"]))
    assert done["done"] == done["of"] == len(rows)
    listed = shop.api.get("/v1/orders", limit="200").json["data"]
    assert [row["id"] for row in rows] == [order["id"] for order in listed]


def test_subscriptions_have_the_canonical_columns() -> None:
    shop = in_business()
    text = downloaded(shop, what="subscriptions")
    bought = shop.world.subscription()
    (row,) = (row for row in table(text) if row["external_id"] == bought.id)
    assert (row["email"], row["price"], row["currency"]) == ("ann@example.com", "29.99", "USD")
    assert (row["period"], row["status"]) == ("1m", bought.state)
    assert row["payments_made"] == str(bought.payments_made)
    assert bought.next_charge_at is not None
    assert row["next_charge_at"] == bought.next_charge_at.isoformat().replace("+00:00", "Z")
    assert row["payment_method"] == bought.payment_method


def test_the_ledger_is_exported_whole_and_balances() -> None:
    shop = in_business()
    rows = table(downloaded(shop, what="ledger"))
    postings = [
        (entry.id, posting.account, posting.amount_minor)
        for entry in ledger_of(shop)
        for posting in entry.postings
    ]
    found = [
        (row["entry"], row["account"], _minor(row["debit"]) - _minor(row["credit"])) for row in rows
    ]
    assert sorted(found) == sorted(postings)
    assert sum(amount for _, _, amount in found) == 0


def test_the_ledger_of_a_chargeback_is_in_it() -> None:
    shop = in_business()
    world = shop.world
    bill = next(each for each in world.history().invoices if each.gateway_ref is not None)
    world.sandbox.open_dispute(str(bill.gateway_ref))
    for event in list(world.sandbox.events_since(world.now.replace(year=2000))):
        webhook.take(world.ports, world.merchant, ACME, event, now=world.now)
    entries = {row["entry"] for row in table(downloaded(shop, what="ledger"))}
    assert entries == {entry.id for entry in ledger_of(shop)}
    assert any(name.endswith(":disputed") for name in entries)


def test_an_entry_of_the_span_about_an_older_payment_is_in_it() -> None:
    shop = in_business()
    rows = table(downloaded(shop, what="ledger", **{"from": shop.world.now.isoformat()}))
    refunded = {row["entry"] for row in rows}
    assert len(refunded) == 1
    assert refunded.pop().endswith(":refunded")


def test_lines_of_invoices_and_credit_notes_add_up_to_the_payments() -> None:
    shop = in_business()
    rows = table(downloaded(shop, what="invoices"))
    assert {row["document"] for row in rows} == {"invoice", "credit_note"}
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("29.99") * 3 - Decimal("5.00")
    notes = [row for row in rows if row["document"] == "credit_note"]
    numbers = {row["number"] for row in rows if row["document"] == "invoice"}
    assert all(row["credits"] in numbers for row in notes)


def test_consents_name_each_purchase() -> None:
    shop = in_business()
    rows = table(downloaded(shop, what="consents"))
    assert {row["purchase"] for row in rows} == {
        shop.world.subscription(email).id for email in ("ann@example.com", "=cmd@example.com")
    }
    assert all(row["agreed_at"] and row["price_shown"] for row in rows)


def test_no_cell_is_a_formula_and_json_keeps_what_was_typed() -> None:
    shop = in_business()
    for row in table(downloaded(shop, what="customers")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values() if cell)
    lines = downloaded(shop, what="customers", format="jsonl").splitlines()
    names = {json.loads(line)["name"] for line in lines}
    assert '=HYPERLINK("x")' in names


@pytest.mark.parametrize("what", Exported)
def test_a_kill_at_any_write_leaves_nothing_out_and_nothing_twice(
    what: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = in_business()
    whole = downloaded(shop, what=what)
    monkeypatch.setattr(contents, "AT_ONCE", 1)
    put, dies_at = shop.world.objects.put, 0

    def dying(*args: Any, **more: Any) -> bool:
        nonlocal dies_at
        answer = put(*args, **more)
        dies_at += 1
        if dies_at % 2:
            raise Unavailable()
        return answer

    monkeypatch.setattr(shop.world.objects, "put", dying)
    begun = asked(shop, what=what)
    for _ in range(60):
        shop.world.now += timedelta(minutes=6)
        with suppress(Unavailable):
            shop.world.tick()
        done = shop.api.get(f"/v1/exports/{begun['id']}").json
        if done["state"] == "done":
            break
    assert done["state"] == "done", done
    assert sorted(opened(shop, done["url"]).splitlines()) == sorted(whole.splitlines())


def test_a_large_export_has_several_files_each_with_its_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = in_business()
    whole = table(downloaded(shop, what="orders"))
    monkeypatch.setattr(contents, "AT_ONCE", 1)
    monkeypatch.setattr(export, "FILE_MOST_BYTES", 600)
    done = finished(shop, asked(shop, what="orders")["id"])
    assert len(done["urls"]) > 1
    assert [row for url in done["urls"] for row in table(opened(shop, url))] == whole


def test_a_large_export_is_put_together_in_as_many_slices_as_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = in_business()
    whole = table(downloaded(shop, what="orders"))
    monkeypatch.setattr(contents, "AT_ONCE", 1)
    world, get, read = shop.world, shop.world.objects.get, Counter[int]()
    begun = asked(shop, what="orders")
    for number in range(20):
        sweep.sweep(world.ports, now=world.now)
        bodies, world.jobs.bodies = world.jobs.bodies, []

        def counted(*args: Any, number: int = number, **more: Any) -> StoredObject | None:
            read[number] += 1
            return get(*args, **more)

        monkeypatch.setattr(world.objects, "get", counted)
        for lease in (each for body in bodies for each in leases_of(body)):
            work.take(world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=room_for(2))
        world.now += timedelta(minutes=1)
    done = shop.api.get(f"/v1/exports/{begun['id']}").json
    assert done["state"] == "done", done
    assert max(read.values()) <= 3 < len(whole), "no slice reads more than it has time for"
    assert [row for url in done["urls"] for row in table(opened(shop, url))] == whole


def test_a_span_begins_and_ends_with_local_days() -> None:
    shop = in_business()
    assert (
        table(downloaded(shop, what="orders", **{"from": "2001-01-01", "to": "2001-12-31"})) == []
    )
    rows = table(downloaded(shop, what="orders", **{"from": "2001-01-01", "to": "2026-02-15"}))
    assert [row["at"] for row in rows] == ["2026-01-31T15:00:00Z"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "what"),
        ({"what": "everything"}, "what"),
        ({"what": "orders", "format": "xlsx"}, "format"),
        ({"what": "orders", "from": "yesterday"}, "from"),
        ({"what": "orders", "from": "2026-02-30"}, "from"),
        ({"what": "orders", "from": "2026-03-02", "to": "2026-03-01"}, "to"),
        ({"what": "orders", "where": "/etc/passwd"}, "where"),
    ],
)
def test_a_wrong_request_is_told_its_field(body: dict[str, str], field: str) -> None:
    shop = Shop()
    answer = shop.api.post("/v1/exports", body)
    assert answer.status == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert shop.api.get("/v1/exports").json["data"] == []


def test_nobody_else_sees_an_export() -> None:
    shop = in_business()
    begun = asked(shop, what="customers")
    assert shop.other.get(f"/v1/exports/{begun['id']}").status == 404
    assert shop.stranger.get(f"/v1/exports/{begun['id']}").status == 401
    assert shop.other.get("/v1/exports").json["data"] == []
    assert (
        shop.holding("acme", "sk_reads", "read").post("/v1/exports", {"what": "orders"}).status
        == 403
    )


def test_only_some_are_made_at_once() -> None:
    shop = Shop()
    for _ in range(export.AT_ONCE):
        asked(shop, what="orders")
        shop.world.now += timedelta(seconds=1)
    answer = shop.api.post("/v1/exports", {"what": "orders"})
    assert (answer.status, answer.json["code"]) == (409, "too_many_exports")
    shop.world.tick()
    asked(shop, what="orders")


def test_an_address_lasts_an_hour_and_the_files_a_week() -> None:
    shop = in_business()
    done = finished(shop, asked(shop, what="orders")["id"])
    shop.world.now += timedelta(hours=2)
    assert isinstance(shop.world.objects, MemoryObjects)
    assert shop.world.objects.open(done["url"]).status == 403
    assert opened(shop, shop.api.get(f"/v1/exports/{done['id']}").json["url"])
    shop.world.now += timedelta(days=7)
    assert shop.api.get(f"/v1/exports/{done['id']}").status == 404
    assert shop.api.get("/v1/exports").json["data"] == []


def test_the_console_asks_for_an_export_and_downloads_it() -> None:
    shop = in_business()
    agent = Agent.of(shop)
    assert agent.send("/console/export", what="orders").status == 303
    assert "Look again" in agent.look("/console/export").text
    shop.world.tick()
    (link,) = [a for a in agent.look("/console/export").all("a") if a.text == "Download"]
    assert len(table(opened(shop, link.attributes["href"]))) > 0
    wrong = agent.send("/console/export", what="orders", to="2001-01-01", **{"from": "2002-01-01"})
    assert wrong.status == 422


def test_exports_are_listed_newest_first_in_pages() -> None:
    shop = Shop()
    ids = []
    for _ in range(3):
        ids.append(asked(shop, what="orders")["id"])
        shop.world.now += timedelta(seconds=1)
    first = shop.api.get("/v1/exports", limit="2").json
    rest = shop.api.get("/v1/exports", limit="2", cursor=first["next"]).json
    assert [each["id"] for each in first["data"] + rest["data"]] == ids[::-1]
    assert rest["next"] is None


def _minor(text: str) -> int:
    return int(Decimal(text) * 100) if text else 0


def test_a_credit_note_of_a_refund_that_came_back_is_void_and_takes_nothing_off() -> None:
    """Its bank sent it back: the merchant has that money, as their ledger says."""
    shop = in_business()
    world = shop.world
    (made,) = world.history().refunds
    payment = next(each for each in world.history().invoices if made.id.startswith(each.id))
    world.sandbox.send_back(str(payment.gateway_ref), str(made.gateway_refund))
    for event in world.sandbox.events_since(world.now.replace(year=2000)):
        webhook.take(world.ports, world.merchant, ACME, event, now=world.now)
    world.work()
    rows = table(downloaded(shop, what="invoices"))
    notes = [row for row in rows if row["document"] == "credit_note"]
    assert [(row["number"], row["void"]) for row in notes] == [("TEST-CN-000001", "true")]
    assert {row["void"] for row in rows if row["document"] == "invoice"} == {"false"}
    booked = sum(
        posting.amount_minor
        for entry in ledger_of(shop)
        for posting in entry.postings
        if posting.account == ledger.SALES
    )
    assert sum(Decimal(row["amount"]) for row in rows) * 100 == -booked
