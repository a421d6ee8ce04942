"""Requests of imports: foreign, repeated, too large, too many; and their erasure (M-6)."""

from __future__ import annotations

import pytest

from billing.migration.flows import precheck
from billing.privacy.flows import erase_merchant
from billing.storage.memory.objects import MemoryObjects
from tests.migration.files import (
    many,
    selling,
    send,
    sent,
)
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


@pytest.fixture
def shop() -> Shop:
    return selling()


def test_another_merchants_import_is_not_found(shop: Shop) -> None:
    found = sent(shop, many(1))
    for path in ("", "/rows", "/rows.csv"):
        assert shop.other.get(f"/v1/imports/{found['id']}{path}").status == 404
    assert shop.other.get("/v1/imports").json["data"] == []
    cursor = shop.api.get(f"/v1/imports/{found['id']}/rows", limit="1", cursor="x")
    assert cursor.status == 422


def test_an_upload_is_limited_by_what_is_announced_and_by_what_is_sent(shop: Shop) -> None:
    answer = shop.api.post("/v1/uploads", {"bytes": 2**30})
    assert (answer.status, answer.json["reason"]) == (422, "upload_too_large")
    made = shop.api.post("/v1/uploads", {"bytes": 1000})
    assert made.status == 201
    assert made.json["most_bytes"] == 64 * 2**20
    nothing = shop.api.post("/v1/imports", {"upload": made.json["id"]})
    assert (nothing.status, nothing.json["reason"]) == (404, "upload_unknown")
    objects = shop.world.objects
    assert isinstance(objects, MemoryObjects)
    body = many(3).encode()
    assert objects.receive(made.json["url"], made.json["fields"], body).status in {200, 204}
    answer = shop.api.post("/v1/imports", {"upload": made.json["id"]})
    assert (answer.status, answer.json["ok"]) == (201, 3)
    assert shop.other.post("/v1/imports", {"upload": made.json["id"]}).status == 404


def test_a_body_that_is_too_large_is_refused(shop: Shop) -> None:
    assert send(shop, "x" * (4 * 2**20 + 20_000)).status == 413
    assert send(shop, "x" * (4 * 2**20 + 1)).json["reason"] == "file_for_upload"


ASKED_WRONGLY: list[tuple[dict[str, str], str]] = [
    ({}, "required"),
    ({"upload": "other"}, "upload_unknown"),
    ({"upload": "upl_1", "preset": "none"}, "preset_unknown"),
    ({"upload": "upl_1", "source": "A.B"}, "source_malformed"),
    ({"upload": "upl_1", "mapping": "none"}, "mapping_unknown"),
    ({"upload": "upl_1", "cards": "upl_2"}, "cards_without_preset"),
]


def test_what_is_asked_wrongly_is_refused_in_words(shop: Shop) -> None:
    for body, reason in ASKED_WRONGLY:
        assert shop.api.post("/v1/imports", body).json["reason"] == reason, body


def test_the_same_request_twice_is_one_import(shop: Shop) -> None:
    upload = shop.api.post("/v1/uploads", {}).json
    objects = shop.world.objects
    assert isinstance(objects, MemoryObjects)
    objects.receive(upload["url"], upload["fields"], many(1).encode())
    asked = [
        shop.api.post("/v1/imports", {"upload": upload["id"]}, idempotency_key="once").json["id"]
        for _ in range(2)
    ]
    assert asked[0] == asked[1]
    assert len(shop.api.get("/v1/imports").json["data"]) == 1


def test_only_some_imports_are_looked_at_at_once(shop: Shop) -> None:
    assert [send(shop, many(300)).status for _ in range(5)] == [201] * 5
    answer = send(shop, many(300))
    assert (answer.status, answer.json["code"]) == (409, "too_many_imports")


def test_small_imports_that_are_checked_already_leave_room_for_the_next(shop: Shop) -> None:
    assert [send(shop, many(1)).status for _ in range(8)] == [201] * 8


def test_a_step_writes_as_many_rows_as_a_transaction_holds() -> None:
    assert precheck.AT_ONCE + 1 <= 100
    assert precheck.PART % precheck.AT_ONCE == 0


def test_a_merchant_who_is_erased_leaves_no_row_that_names_people(shop: Shop) -> None:
    found = sent(shop, many(120))
    ports, merchant = shop.world.ports, shop.world.merchant
    while not erase_merchant.shop(ports, merchant, lambda: False):
        pass
    assert shop.world.store.imports("acme", limit=5) == []
    assert shop.world.store.imported_rows("acme", found["id"], limit=5) == []
