"""The shadow of an import: what we would have charged beside what its source did, row by row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.jobs.flows import sweep, work
from billing.kernel.errors import Unavailable, Unreachable
from billing.kernel.objects import ObjectKey, StoredObject
from billing.kernel.values import replace
from billing.migration.flows import uploads
from billing.runtime import job_kinds
from sim.source import Bill, Held
from tests.hurry import room_for
from tests.migration.files import ROW, many, selling, sent, table
from tests.migration.moving_shop import MovingShop
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def compared(shop: Shop, import_id: str, **body: Any) -> dict[str, Any]:
    answer = shop.api.post(f"/v1/imports/{import_id}/shadow", body)
    assert answer.status in {200, 202}, answer.json
    shop.world.tick()
    found = shop.api.get(f"/v1/imports/{import_id}/shadow").json
    assert found["state"] == "done", found
    return dict(found)


def differences(shop: Shop, import_id: str) -> list[dict[str, Any]]:
    answer = shop.api.get(f"/v1/imports/{import_id}/shadow/differences")
    assert answer.status == 200, answer.json
    return list(answer.json["data"])


def kinds(shop: Shop, import_id: str) -> list[tuple[int, str]]:
    return [(each["number"], each["kind"]) for each in differences(shop, import_id)]


def test_a_source_that_charges_the_same_has_no_differences() -> None:
    moving = MovingShop()
    held = [moving.subscribe(), moving.subscribe()]
    imported, shop = moving.imported(), Shop(moving.world)
    moving.advance(days=70)
    found = compared(shop, imported.id)
    assert (found["rows"], found["same"], found["charges_compared"]) == (2, 2, 4)
    assert (found["different"], found["kinds"], found["charges"]) == (0, [], None)
    assert differences(shop, imported.id) == []
    assert [len(moving.charged_there(each)) for each in held] == [2, 2]
    # Nothing was charged, made or stopped for it.
    assert [moving.charged_here(each) for each in held] == [[], []]
    assert not any(each.stopped or each.mark for each in held)
    assert set(moving.acts) <= {"commit", "find", "charges"}


def _charge(held: Held, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(held.bills[-1], name, value)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda held: _charge(held, amount_minor=3999), "amount"),
        (lambda held: _charge(held, at=held.bills[-1].at + timedelta(days=1)), "date"),
        (lambda held: held.bills.clear(), "not_charged_there"),
        (lambda held: held.bills.append(_extra(held)), "not_charged_here"),
        (lambda held: setattr(held, "paused", True), "source_paused"),
        (lambda held: setattr(held, "method", None), "card_missing"),
        (lambda held: setattr(held, "price_minor", 3999), "changed"),
        (lambda held: setattr(held, "cancel_at", held.next_at), "source_ends"),
        (lambda held: setattr(held, "mark", "another"), "source_marked"),
        (lambda held: setattr(held, "k", held.k + 1), "next_date"),
    ],
)
def test_each_difference_is_a_line_of_its_row(change: Any, kind: str) -> None:
    moving = MovingShop()
    held = [moving.subscribe(), moving.subscribe()]
    imported, shop = moving.imported(), Shop(moving.world)
    moving.advance(days=35)
    change(held[1])
    found = compared(shop, imported.id)
    assert (found["rows"], found["same"], found["different"]) == (2, 1, 1)
    assert kinds(shop, imported.id) == [(2, kind)]
    assert [(each["kind"], each["count"]) for each in found["kinds"]] == [(kind, 1)]
    (difference,) = differences(shop, imported.id)
    assert difference["text"] and difference["external_id"] == held[1].id


def _extra(held: Held) -> Bill:
    last = held.bills[-1]
    return Bill(last.at + timedelta(days=4), 500, last.collected)


def test_what_is_charged_there_and_here_is_shown_with_both_sides() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    moving.advance(days=35)
    _charge(held, amount_minor=1999)
    compared(shop, imported.id)
    (found,) = differences(shop, imported.id)
    at = f"{held.date(1):%Y-%m-%dT%H:%M:%SZ}"
    assert found["here"] == {"at": at, "amount": 2999, "currency": "USD", "text": None}
    assert found["there"] == {"at": at, "amount": 1999, "currency": "USD", "text": None}
    file = shop.api.get(f"/v1/imports/{imported.id}/shadow/differences.csv").body
    (row,) = csv.DictReader(io.StringIO(file))
    assert (row["difference"], row["here_amount"], row["there_amount"]) == (
        *("amount", "29.99"),
        "19.99",
    )


def test_another_card_than_the_files_is_a_difference() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    held.method = moving.card("another")
    compared(shop, imported.id)
    (found,) = differences(shop, imported.id)
    assert (found["kind"], found["column"]) == ("card", "payment_method")
    assert found["there"]["text"] == held.method.token


def test_rows_that_are_moved_are_not_compared_any_more() -> None:
    moving = MovingShop()
    held = [moving.subscribe(), moving.subscribe()]
    imported, shop = moving.imported(), Shop(moving.world)
    held[1].paused = True
    moving.move(imported)
    held[1].paused = False
    moving.advance(days=35)
    found = compared(shop, imported.id)
    assert (found["rows"], found["moved"], found["same"]) == (1, 1, 1)


def test_a_source_that_fails_in_the_middle_goes_on_where_it_was() -> None:
    moving = MovingShop()
    for _ in range(5):
        moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    moving.advance(days=35)
    calls: list[str] = []

    def fails(name: str) -> Exception | None:
        calls.append(name)
        return Unreachable("down") if 5 <= len(calls) < 9 else None

    moving.fails = fails
    shop.api.post(f"/v1/imports/{imported.id}/shadow", {})
    with pytest.raises(Unreachable):
        moving.world.tick()
    shown = shop.api.get(f"/v1/imports/{imported.id}/shadow").json
    assert (shown["state"], shown["rows"]) != ("done", 5)
    assert shop.api.get(f"/v1/imports/{imported.id}/shadow/differences").json["data"] == []
    for _ in range(5):
        with suppress(Unreachable):
            moving.advance(hours=1)
    found = shop.api.get(f"/v1/imports/{imported.id}/shadow").json
    assert (found["state"], found["rows"], found["same"]) == ("done", 5, 5)
    assert calls.count("find") == 5 + 4, "what was compared is not asked again"


def test_one_that_the_source_refuses_to_show_holds_up_no_other() -> None:
    moving = MovingShop()
    for _ in range(3):
        moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    moving.source.held.pop("sub_1")
    answers = iter([None, Unavailable("no", code="request_refused")])
    moving.fails = lambda name: next(answers, None)
    assert compared(shop, imported.id)["same"] == 1
    assert kinds(shop, imported.id) == [(1, "source_unknown"), (2, "source_unanswered")]


def test_without_a_source_a_file_of_charges_is_needed() -> None:
    shop = selling()
    found = sent(shop, table(ROW))
    path = f"/v1/imports/{found['id']}/shadow"
    refused = shop.api.post(path, {})
    assert (refused.status, refused.json["code"]) == (409, "shadow_without_source")
    assert shop.api.get(path).status == 404
    for content, status in (("external_id,email\na,b\n", 422), ("", 422)):
        if content:
            upload = uploads.keep(shop.world.ports, "acme", content.encode())
            wrong = shop.api.post(path, {"charges": upload})
            assert (wrong.status, wrong.json["code"]) == (status, "invalid"), wrong.json
    assert shop.api.post(path, {"charges": "upl_none"}).status == 404
    theirs = uploads.keep(shop.world.ports, "rival", b"external_id\nx\n")
    assert shop.api.post(path, {"charges": theirs}).status == 404
    assert shop.api.post(path, {"charges": 7}).status == 422
    assert shop.other.post(path, {}).status == 404
    assert shop.stranger.post(path, {}).status == 401
    assert shop.holding("acme", "sk_reader", "read").post(path, {}).status == 403


CHARGES = (
    "external_id,charged_at,amount,currency,status,payment_method\n"
    "sub_1,2026-02-20T15:00:00Z,29.99,USD,paid,pm_1\n"
    "sub_2,2026-02-20T15:00:00Z,29.99,CLP,paid,\n"
    "sub_3,2026-02-20T15:00:00Z,29.99,USD,paid,pm_other\n"
    "sub_4,2026-02-20T15:00:00Z,29.99,USD,failed,pm_1\n"
    "sub_5,02/20/2026,29.99,USD,paid,pm_1\n"
    "sub_9,2026-02-20T15:00:00Z,29.99,USD,paid,\n"
)


def test_a_file_of_charges_is_compared_at_once() -> None:
    shop = selling()
    found = sent(shop, many(5))
    shop.world.advance(days=25)
    upload = uploads.keep(shop.world.ports, "acme", CHARGES.encode())
    answer = shop.api.post(f"/v1/imports/{found['id']}/shadow", {"charges": upload})
    assert (answer.status, answer.json["state"], answer.json["charges"]) == (200, "done", upload)
    assert (answer.json["rows"], answer.json["same"]) == (5, 1)
    assert kinds(shop, found["id"]) == [
        (5, "charge_unreadable"),
        (2, "currency"),
        (3, "card"),
        (4, "not_charged_there"),
        (5, "not_charged_there"),
    ]
    shop.world.tick()
    assert shop.api.get(f"/v1/imports/{found['id']}/shadow").json == answer.json


def test_a_large_file_is_compared_by_a_job_and_listed_in_pages() -> None:
    shop = selling()
    found = sent(shop, many(450))
    shop.world.advance(days=25)
    upload = uploads.keep(shop.world.ports, "acme", CHARGES.encode())
    started = shop.api.post(f"/v1/imports/{found['id']}/shadow", {"charges": upload})
    assert (started.status, started.json["state"]) == (202, "queued")
    shop.world.tick()
    path = f"/v1/imports/{found['id']}/shadow"
    done = shop.api.get(path).json
    assert (done["state"], done["rows"], done["same"]) == ("done", 450, 2)
    seen: list[int] = []
    cursor = None
    while True:
        page = shop.api.get(
            f"{path}/differences", limit="200", **({} if cursor is None else {"cursor": cursor})
        ).json
        seen += [each["number"] for each in page["data"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == [5, *(n for n in range(2, 451) if n != 9)]
    bad = shop.api.get(f"{path}/differences", cursor="bm9uc2Vuc2U=")
    assert (bad.status, bad.json["code"]) == (422, "invalid")
    file = shop.api.get(f"{path}/differences.csv").body
    assert len(list(csv.DictReader(io.StringIO(file)))) == 449


def test_stripes_export_of_invoices_is_a_file_of_charges() -> None:
    from billing.gateways.stripe.import_file import PRESET, charges
    from billing.migration import source_charges
    from billing.migration.tables import Table

    text = (
        "id,Subscription,Date (UTC),Total,Currency,Status,Paid\n"
        "in_1,sub_1,2026-02-20 15:00,29.99,usd,paid,true\n"
        "in_2,,2026-02-20 15:00,29.99,usd,paid,true\n"
        "in_3,sub_1,2026-03-20 15:00,29.99,usd,,false\n"
    )
    opened = source_charges.table_of(text.encode(), PRESET)
    assert isinstance(opened, Table)
    read = source_charges.read(opened, PRESET, zone="UTC")
    found = [
        (f"{each.at:%m-%d}", each.currency, each.collected) for each in read.of["sub_1"].charges
    ]
    assert found == [("02-20", "USD", "paid"), ("03-20", "USD", "open")]
    assert [each.number for each in read.unreadable] == [2], "it is of no subscription"
    assert charges({"Created (UTC)": "x"})["charged_at"] == "x"


def test_a_row_of_an_account_that_cannot_be_asked_says_so() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    moving.world.ports = replace(moving.world.ports, source=lambda account: None)
    compared(shop, imported.id)
    assert kinds(shop, imported.id) == [(1, "source_account_unknown")]


def test_a_comparison_of_many_rows_is_put_together_in_as_many_slices_as_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = selling()
    world, get, read = shop.world, shop.world.objects.get, Counter[int]()
    found = sent(shop, many(450))
    world.advance(days=25)
    upload = uploads.keep(world.ports, "acme", CHARGES.encode())
    path = f"/v1/imports/{found['id']}/shadow"
    shop.api.post(path, {"charges": upload})
    for number in range(20):
        sweep.sweep(world.ports, now=world.now)
        bodies, world.jobs.bodies = world.jobs.bodies, []

        def counted(key: ObjectKey, *, at_most: int, number: int = number) -> StoredObject | None:
            read[number] += "part-" in key.name
            return get(key, at_most=at_most)

        monkeypatch.setattr(world.objects, "get", counted)
        for lease in (each for body in bodies for each in leases_of(body)):
            work.take(world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=room_for(60))
        world.now += timedelta(minutes=1)
    assert shop.api.get(path).json["state"] == "done"
    assert max(read.values()) <= 3, "no slice reads more than it has time for"
