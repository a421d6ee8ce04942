"""The console compares an import with its source, and reads a connected account."""

from __future__ import annotations

import pytest

from tests.console.agent import Agent
from tests.migration.files import many, selling, sent
from tests.migration.moving_shop import MovingShop
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-4", "M-6")

FILE = "external_id,charged_at,amount,currency\nsub_1,2026-02-20T15:00:00Z,19.99,USD\n"


def test_an_import_is_compared_with_its_source_in_the_browser() -> None:
    moving = MovingShop()
    held = moving.subscribe()
    imported, shop = moving.imported(), Shop(moving.world)
    moving.advance(days=35)
    here = f"/console/import/{imported.id}/shadow"
    agent = Agent.of(shop)
    assert "Compare with the source" in agent.look(f"/console/import/{imported.id}").text
    assert "Ask the source" in agent.look(here).text
    begun = agent.send(here)
    assert (begun.status, begun.headers["location"]) == (303, here)
    assert "0 subscriptions are compared so far" in agent.look(here).text
    moving.world.tick()
    assert "No differences" in agent.look(here).text
    held.bills[-1].amount_minor = 1999
    moving.advance(minutes=1)
    agent.send(here)
    moving.world.tick()
    page = agent.look(here).text
    assert "Its source charged another amount." in page
    assert "29.99 USD" in page and "19.99 USD" in page
    file = agent.client.browse("GET", f"{here}/differences.csv")
    assert (file.status, "19.99" in file.body) == (200, True)


def test_a_file_of_charges_is_compared_in_the_browser() -> None:
    shop = selling()
    found = sent(shop, many(2))
    shop.world.advance(days=25)
    agent = Agent.of(shop)
    here = f"/console/import/{found['id']}/shadow"
    assert "Ask the source" not in agent.look(here).text, "there is none"
    refused = agent.send(here)
    assert (refused.status, "Send a file" in refused.body) == (422, True)
    wrong = agent.send(f"{here}/charges.csv", charges="a,b\n1,2\n")
    assert (wrong.status, "external_id" in wrong.body) == (422, True)
    assert agent.send(f"{here}/charges.csv", charges="").status == 422
    assert agent.send("/console/import/imp_none/shadow/charges.csv", charges=FILE).status == 404
    done = agent.send(f"{here}/charges.csv", charges=FILE)
    assert (done.status, done.headers["location"]) == (303, here)
    page = agent.look(here).text
    assert "Its source charged another amount." in page
    assert "its source didn't charge it" in page


def test_an_account_that_is_not_theirs_is_refused_on_the_page() -> None:
    moving = MovingShop()
    moving.subscribe()
    agent = Agent.of(Shop(moving.world))
    assert "From a connected account" in agent.look("/console/import").text
    for account in ("", "nonsense", "sandbox:acct_foreign", "stripe:acct_1"):
        refused = agent.send("/console/import/account", account=account)
        assert refused.status == 422, account
    assert moving.world.store.imports("acme", limit=9) == []
    without = Agent.of(selling())
    assert "From a connected account" not in without.look("/console/import").text
