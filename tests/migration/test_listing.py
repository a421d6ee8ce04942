"""An import that reads a source's own list: each subscription once, whatever dies or changes."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.errors import NotFound, Unreachable
from billing.kernel.live_sources import Obstacle, SourcePage, SourceSubscription
from billing.kernel.values import replace
from billing.migration.flows import listing
from billing.migration.import_rows import RowState
from billing.migration.imports import Import, ImportState
from sim.source import Held, Source
from tests.migration.moving_shop import Killed, MovingShop
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


def begun(shop: Shop, **fields: Any) -> str:
    answer = shop.api.post("/v1/imports", {"gateway": "sandbox", **fields})
    assert (answer.status, answer.json["state"]) == (201, "checking"), answer.json
    assert answer.json["gateway_account"] == "sandbox"
    return str(answer.json["id"])


def read(moving: MovingShop, name: str) -> Import:
    found = moving.world.store.import_("acme", name)
    assert found is not None
    return found


def external_ids(moving: MovingShop, name: str) -> list[str]:
    rows = moving.world.store.imported_rows("acme", name, limit=1_000)
    return sorted((each.external_id for each in rows), key=lambda each: int(each.split("_")[1]))


def problems(moving: MovingShop, name: str, number: int = 1) -> list[tuple[str, bool]]:
    row = moving.world.store.imported_row("acme", name, number)
    assert row is not None
    return [(each.reason, each.blocks) for each in row.problems]


def test_a_list_is_read_checked_and_moved_as_a_file_is() -> None:
    moving = MovingShop()
    held = [moving.subscribe() for _ in range(3)]
    shop = Shop(moving.world)
    name = begun(shop)
    moving.world.tick()
    found = shop.api.get(f"/v1/imports/{name}").json
    assert (found["state"], found["rows"], found["ok"]) == ("checked", 3, 3), problems(moving, name)
    run = shop.api.post(f"/v1/imports/{name}/dry-run", {}).json
    assert (run["rows"], run["blocked"]) == (3, 0)
    assert not any(each.stopped for each in held), "nothing is changed there"
    shop.api.post(f"/v1/imports/{name}/cut-over", {})
    moving.world.tick()
    assert read(moving, name).active == 3
    moving.advance(days=29)
    assert [len(moving.charged_here(each)) for each in held] == [1, 1, 1]
    again = begun(shop)
    moving.world.tick()
    refused = shop.api.get(f"/v1/imports/{again}").json
    assert refused["refused"]["reason"] == "source_empty", "they have ended there"


def test_what_is_imported_already_is_not_imported_again() -> None:
    moving = MovingShop()
    for _ in range(2):
        moving.subscribe()
    moving.move(moving.imported())
    moving.subscribe()
    name = begun(Shop(moving.world))
    moving.world.tick()
    found = read(moving, name)
    assert (found.ok, found.blocking) == (1, 2)
    assert ("imported_before", True) in problems(moving, name)


def test_long_lists_are_read_in_pages_that_are_stored_once() -> None:
    moving = MovingShop()
    for _ in range(230):
        moving.subscribe()
    name = begun(Shop(moving.world))
    moving.world.tick()
    found = read(moving, name)
    assert (found.state, found.rows, found.checked) == (ImportState.CHECKED, 230, 230)
    assert external_ids(moving, name) == [f"sub_{n}" for n in range(1, 231)]
    assert moving.acts.count("page") == 3


@pytest.mark.parametrize("kill", range(1, 9))
def test_a_reader_that_dies_anywhere_goes_on_without_a_gap(kill: int) -> None:
    moving = MovingShop()
    held = [moving.subscribe() for _ in range(230)]
    shop = Shop(moving.world)
    name = begun(shop)
    moving.acts.clear()
    moving.kill_after = kill
    with suppress(Killed):
        moving.world.tick()
    moving.kill_after = None
    # Meanwhile some that are listed, and some that are not yet, end there, and others begin.
    for number in (50, 98, 99, 150, 198, 220):
        moving.source.end(held[number])
    later = moving.subscribe()
    moving.world.jobs.bodies.clear()
    moving.world.now += timedelta(minutes=6)
    moving.world.tick()
    found = read(moving, name)
    assert found.state is ImportState.CHECKED
    names = external_ids(moving, name)
    assert len(set(names)) == len(names) == found.rows
    live = {each.id for each in held if each.ended_at is None}
    assert live <= set(names) <= {*(each.id for each in held), later.id}


def test_two_processes_with_one_job_store_each_page_once() -> None:
    moving = MovingShop()
    for _ in range(150):
        moving.subscribe()
    shop = Shop(moving.world)
    name = begun(shop)
    job = moving.world.store.job("acme", name)
    assert job is not None
    one, other = (
        listing.LIST.steps(moving.world.ports, job, now=moving.world.now, keep_going=lambda: True)
        for _ in range(2)
    )
    assert [next(one).count, next(other).count] == [99, 51]
    assert [each.count for each in one] == [0]
    found = read(moving, name)
    assert (found.state, found.rows, len(set(external_ids(moving, name)))) == (
        *(ImportState.CHECKED, 150),
        150,
    )


def test_a_source_that_fails_in_the_middle_is_asked_again_later() -> None:
    moving = MovingShop()
    for _ in range(150):
        moving.subscribe()
    shop = Shop(moving.world)
    name = begun(shop)
    moving.fails = lambda name: Unreachable("down") if moving.acts.count("page") else None
    with pytest.raises(Unreachable):
        moving.world.tick()
    shown = shop.api.get(f"/v1/imports/{name}").json
    assert (shown["state"], shown["rows"]) == ("checking", 99)
    assert shop.api.post(f"/v1/imports/{name}/cut-over", {}).status == 409
    moving.fails = lambda name: None
    moving.advance(minutes=10)
    assert (read(moving, name).state, read(moving, name).rows) == (ImportState.CHECKED, 150)


def test_an_account_that_is_gone_in_the_middle_ends_it_in_words() -> None:
    moving = MovingShop()
    for _ in range(150):
        moving.subscribe()
    shop = Shop(moving.world)
    name = begun(shop)
    moving.fails = lambda name: NotFound() if moving.acts.count("page") else None
    moving.world.tick()
    shown = shop.api.get(f"/v1/imports/{name}").json
    assert (shown["state"], shown["refused"]["reason"]) == ("refused", "source_gone")
    assert "Connect it again" in shown["refused"]["text"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"obstacles": (Obstacle.LINES,)}, [("source_lines", True)]),
        (
            {"obstacles": (Obstacle.METERED, Obstacle.INVOICED)},
            [("source_metered", True), ("source_invoiced", True)],
        ),
        ({"paused": True}, [("source_paused", True)]),
        ({"mark": "imp_other"}, [("source_marked", True)]),
        ({"price_minor": 1}, [("price_unmatched", True)]),
        ({"method": None}, [("source_card_missing", False), ("card_missing", True)]),
    ],
)
def test_each_row_says_in_words_why_it_cannot_be_moved(
    fields: dict[str, Any], found: list[tuple[str, bool]]
) -> None:
    moving = MovingShop()
    moving.subscribe(**fields)
    shop = Shop(moving.world)
    name = begun(shop)
    moving.world.tick()
    assert problems(moving, name) == found
    (row,) = shop.api.get(f"/v1/imports/{name}/rows").json["data"]
    texts = [each["text"] for each in row["problems"]]
    assert all(texts) and "This row can't be imported in this form." not in texts


class Odd(Source):
    """A source whose subscriptions have other cells."""

    def __init__(self, source: Source, **cells: str) -> None:
        super().__init__(source.clock, source.account, source.line)
        self.held, self._cells = source.held, cells

    def _read(self, held: Held) -> SourceSubscription:
        found = super()._read(held)
        return replace(found, cells={**found.cells, **self._cells})


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"currency": "CLP"}, "currency_unknown"),
        ({"period": "4 month"}, "period_unknown"),
        ({"quantity": "3"}, "quantity"),
        ({"email": ""}, "cell_missing"),
        ({"status": "past_due"}, "past_due"),
        ({"next_charge_at": "2026-01-01T00:00:00Z"}, "next_charge_past"),
        ({"name": "x" * 9_000}, "row_too_long"),
        ({"gateway_account": "acct_foreign"}, "account_unknown"),
    ],
)
def test_what_we_do_not_have_blocks_its_row_alone(cells: dict[str, str], reason: str) -> None:
    moving = MovingShop()
    moving.subscribe()
    moving.source = Odd(moving.source, **cells)
    name = begun(Shop(moving.world))
    moving.world.tick()
    assert [each for each, _ in problems(moving, name)] == [reason]
    assert (read(moving, name).state, read(moving, name).blocking) == (ImportState.CHECKED, 1)


def test_a_price_of_the_source_is_chosen_once_and_the_list_read_again() -> None:
    moving = MovingShop()
    moving.subscribe()
    moving.source = Odd(moving.source, price="5.00", source_price="price_1")
    from tests.console.agent import Agent

    agent = Agent.of(Shop(moving.world))
    sent = agent.send("/console/import/account", account="sandbox:sandbox")
    assert sent.status == 303
    here = str(sent.headers["location"])
    assert "0 subscriptions are read so far" in agent.look(here).text
    moving.world.tick()
    assert "price_1" in agent.look(here).text
    assert read(moving, here.rpartition("/")[2]).blocking == 1
    again = agent.send(f"{here}/check-again", quantity_confirmed="yes")
    assert again.status == 303
    moving.world.tick()
    found = read(moving, str(again.headers["location"]).rpartition("/")[2])
    assert (found.account, found.quantity_confirmed, found.rows) == ("sandbox", True, 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"gateway": "sandbox", "gateway_account": "acct_foreign"}, 422),
        ({"gateway": "stripe"}, 422),
        ({"gateway": "nonsense"}, 422),
        ({"gateway": 7}, 422),
        ({"gateway": "sandbox", "upload": "upl_1"}, 422),
        ({"gateway_account": "sandbox"}, 422),
    ],
)
def test_an_account_that_cannot_be_listed_is_refused(body: dict[str, Any], status: int) -> None:
    moving = MovingShop()
    shop = Shop(moving.world)
    answer = shop.api.post("/v1/imports", body)
    assert answer.status == status, answer.json
    assert shop.api.get("/v1/imports").json["data"] == []


def test_strangers_and_readers_begin_none_and_another_merchant_sees_none() -> None:
    moving = MovingShop()
    moving.subscribe()
    shop = Shop(moving.world)
    assert shop.stranger.post("/v1/imports", {"gateway": "sandbox"}).status == 401
    reader = shop.holding("acme", "sk_reader", "read")
    assert reader.post("/v1/imports", {"gateway": "sandbox"}).status == 403
    name = begun(shop)
    assert shop.other.get(f"/v1/imports/{name}").status == 404
    for _ in range(4):
        begun(shop)
    many = shop.api.post("/v1/imports", {"gateway": "sandbox"})
    assert (many.status, many.json["code"]) == (409, "too_many_imports")


def test_a_source_that_shows_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "ROWS_MOST", 120)
    moving = MovingShop()
    for _ in range(150):
        moving.subscribe()
    shop = Shop(moving.world)
    name = begun(shop)
    moving.world.tick()
    assert shop.api.get(f"/v1/imports/{name}").json["refused"]["reason"] == "source_too_many"
    assert read(moving, name).rows == 99


def test_a_page_without_rows_leads_on() -> None:
    moving = MovingShop()
    moving.subscribe()

    class Slow(Odd):
        def page(self, after: str | None, limit: int) -> SourcePage:
            return SourcePage((), "first") if after is None else super().page(None, limit)

    moving.source = Slow(moving.source)
    name = begun(Shop(moving.world))
    moving.world.tick()
    assert (read(moving, name).state, read(moving, name).rows) == (ImportState.CHECKED, 1)
    assert moving.row(read(moving, name)).state is RowState.NEW
