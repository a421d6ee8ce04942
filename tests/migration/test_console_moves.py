"""The console moves an import and takes it back; what it cannot do is said on the page."""

from __future__ import annotations

import pytest

from billing.migration.flows import imports, uploads
from billing.migration.flows.imports import Wanted
from billing.migration.imports import ImportState
from tests.console.agent import Agent
from tests.migration.moving_shop import MovingShop
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-4", "M-6")


def test_an_import_is_moved_and_given_back_in_the_browser() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    agent, here = Agent.of(shop), f"/console/import/{imported.id}"
    assert "Move 1 subscription?" in agent.look(f"{here}/move").text
    begun = agent.send(f"{here}/move", mails="yes")
    assert (begun.status, begun.headers["location"]) == (303, here)
    moving.world.tick()
    page = agent.look(here)
    assert "Moved and charged here" not in page.text
    (row,) = (link for link in page.all("a") if link.text == "Moved")
    assert agent.look(str(row.attributes["href"])).one("h1")
    assert moving.world.subjects() == ["[TEST] Your subscription to Course has moved"]
    agent.look(f"{here}/undo")
    assert agent.send(f"{here}/undo").status == 303
    moving.advance(hours=1)
    agent = Agent.of(shop)
    assert "Back at its source" in agent.look(here).text
    refused = agent.send(f"{here}/move")
    assert refused.status == 422
    assert moving.import_(imported).state is ImportState.UNDONE


def test_what_cannot_be_moved_is_refused_on_the_page() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, agent = moving.imported(), Agent.of(Shop(moving.world))
    here = f"/console/import/{imported.id}"
    assert agent.send(f"{here}/undo").status == 422, "nothing was moved yet"
    assert agent.send(f"{here}/move", ended="imp_none").status == 404
    assert agent.send("/console/import/imp_none/move").status == 404
    assert moving.import_(imported).state is ImportState.CHECKED


def test_a_second_export_is_chosen_from_the_files_that_were_checked() -> None:
    moving = MovingShop()
    moving.subscribe()
    imported, agent = moving.imported(), Agent.of(Shop(moving.world))
    file = b"external_id,email\nsub_1,ann@example.com\n"
    upload = uploads.keep(moving.world.ports, "acme", file)
    wanted = Wanted(upload=upload, preset="canonical")
    again = imports.begin(
        moving.world.ports, moving.world.merchant, wanted, by="a", now=moving.world.now
    ).found
    page = agent.look(f"/console/import/{imported.id}/move")
    offered = [str(each.attributes["value"]) for each in page.all("option")]
    assert offered == ["", again.id]
    agent.send(f"/console/import/{imported.id}/move", ended=again.id)
    assert moving.import_(imported).ended == again.upload
