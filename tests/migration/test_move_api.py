"""The API moves an import and takes it back; what it cannot do is refused in words."""

from __future__ import annotations

import pytest

from billing.kernel.values import replace
from billing.migration.flows import uploads
from billing.migration.import_rows import RowState
from billing.migration.imports import ImportState
from tests.migration.moving_shop import MovingShop
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def test_an_import_is_moved_and_taken_back() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    path = f"/v1/imports/{imported.id}"
    early = shop.api.post(f"{path}/undo", {})
    assert (early.status, early.json["code"]) == (409, "import_not_moved")
    for _ in range(2):
        begun = shop.api.post(f"{path}/cut-over", {"mails": True})
        assert (begun.status, begun.json["state"], begun.json["mails"]) == (202, "moving", True)
    moving.world.tick()
    moved = shop.api.get(path).json
    assert (moved["state"], moved["active"]) == ("moved", 1)
    (row,) = shop.api.get(f"{path}/rows").json["data"]
    assert (row["state"], row["reason"], row["reason_text"]) == ("active", None, None)
    found = shop.api.get(f"/v1/subscriptions/{row['subscription']}")
    assert (found.status, found.json["state"]) == (200, "active")
    assert moving.world.subjects() == ["[TEST] Your subscription to Course has moved"]
    for _ in range(2):
        undone = shop.api.post(f"{path}/undo", {})
        assert (undone.status, undone.json["state"]) == (202, "undoing")
    moving.advance(hours=1)
    back = shop.api.get(path).json
    assert (back["state"], back["active"], back["undone"]) == ("undone", 0, 1)
    again = shop.api.post(f"{path}/cut-over", {})
    assert (again.status, again.json["code"]) == (409, "import_undone")
    assert len(moving.world.subjects()) == 1


def test_another_merchants_import_is_unknown() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    reader = shop.holding("acme", "sk_reader", "read")
    for what in ("cut-over", "undo"):
        path = f"/v1/imports/{imported.id}/{what}"
        assert shop.other.post(path, {}).status == 404
        assert reader.post(path, {}).status == 403
        assert shop.stranger.post(path, {}).status == 401
    assert moving.import_(imported).state is ImportState.CHECKED


def test_nothing_is_moved_while_charging_is_stopped() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    moving.world.change_merchant(stopped=True)
    refused = shop.api.post(f"/v1/imports/{imported.id}/cut-over", {})
    assert (refused.status, refused.json["code"]) == (409, "import_while_stopped")


def test_a_row_that_is_left_says_why() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    held.paused = True
    shop.api.post(f"/v1/imports/{imported.id}/cut-over", {})
    moving.world.tick()
    (row,) = shop.api.get(f"/v1/imports/{imported.id}/rows").json["data"]
    assert (row["state"], row["reason"]) == ("skipped", "source_paused")
    assert row["reason_text"] == "It's paused at its source. Resume it there, then start again."


def test_without_an_api_only_what_a_second_export_shows_as_ended_is_moved() -> None:
    moving = MovingShop()
    held = [moving.subscribe() for _ in range(2)]
    imported = moving.imported()
    moving.world.ports = replace(moving.world.ports, source=lambda account: None)
    shop = Shop(moving.world)
    path = f"/v1/imports/{imported.id}/cut-over"
    assert shop.api.post(path, {}).status == 202
    moving.world.tick()
    assert moving.state(imported, 1) == (RowState.SKIPPED, "source_not_ended")
    text = f"external_id,status\n{held[0].id},cancelled\n{held[1].id},active\n"
    upload = uploads.keep(moving.world.ports, "acme", text.encode())
    assert shop.api.post(path, {"ended": upload}).status == 202
    moving.world.tick()
    assert moving.state(imported, 1) == (RowState.ACTIVE, None)
    assert moving.state(imported, 2) == (RowState.SKIPPED, "source_not_ended")
    moving.advance(days=29)
    assert len(moving.charged_here(held[0])) == 1
    assert moving.state(imported, 1)[0] is RowState.CONFIRMED
    assert moving.charged_here(held[1]) == []
