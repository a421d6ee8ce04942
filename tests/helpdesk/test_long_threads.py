"""A long thread and many requests come in pages, on the pages and in the API (H-3, H-6)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from billing.api.flows import keys
from billing.helpdesk.flows import ticket
from billing.helpdesk.messages import Author, message
from billing.kernel.merchants import ApiKey
from billing.kernel.writes import Insert
from functions.merchant import app as merchant_app
from tests.helpdesk.tickets import asking
from tests.web.calls import Client
from tests.world import World

WRITTEN = 120


@pytest.fixture
def world() -> World:
    """A request with more messages than two pages."""
    world = World()
    order = asking.buy(world)
    asking.ask_support(world, order, None)
    found = asking.newest(world)
    for n in range(WRITTEN):
        at = world.now + timedelta(seconds=n + 1)
        said = message(found.id, "acme", f"msg_{n}", Author.AGENT, f"Words {n}", at)
        world.store.commit(Insert(said))
    world.now += timedelta(hours=1)
    return world


@pytest.mark.spec("H-3")
def test_each_message_of_a_long_thread_is_on_one_page(world: World) -> None:
    found = asking.newest(world)
    world.store.commit(Insert(ApiKey("key_1", keys.digest("sk_1"), "acme", world.now)))
    client = Client(merchant_app.build(world.ports), "sk_1")
    pages, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/v1/tickets/{found.id}?limit=50{cursor and f'&cursor={cursor}'}").json
        pages.append([each["text"] for each in answer["messages"]])
        cursor = answer["messages_next"]
    whole = world.store.thread("acme", found.id)
    assert whole is not None and len(whole.messages) >= WRITTEN
    said = [text for page in reversed(pages) for text in page]
    assert said == [each.text for each in whole.messages]
    assert [len(page) for page in pages[:2]] == [50, 50]


@pytest.mark.spec("H-3")
def test_a_message_that_is_sent_again_is_known_again_in_a_long_thread(world: World) -> None:
    found = asking.newest(world)
    for _ in range(2):
        ticket.answer(world.ports, "acme", found.id, "Done.", key="once", now=world.now)
        world.now += timedelta(minutes=1)
    whole = world.store.thread("acme", found.id)
    assert whole is not None
    assert [each.text for each in whole.messages].count("Done.") == 1
    assert re.fullmatch("Words 119", whole.messages[-2].text)
