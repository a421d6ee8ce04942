"""The public directory is read a page at a time, and kept for a minute (P-14)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from billing.catalog.flows import directory
from billing.catalog.flows.directory import PAGE_LENGTH, Directory
from billing.kernel.catalog import Product
from billing.kernel.errors import Invalid
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from dev.way_of_a_request import Counted
from functions.checkout import app
from tests.web.calls import Client
from tests.world import World


@pytest.fixture
def world() -> World:
    return World()


def sold(world: World, count: int, merchant: str = "acme") -> None:
    """Puts so many products of a merchant on public sale, all at one price."""
    first = world.product(public_listing=True, name=f"{merchant} 0000")
    point = world.store.price_point(first.default_price_point)
    assert point is not None
    for n in range(1, count):
        made: Product = replace(first, id=f"{first.id}x{n:04d}", name=f"{merchant} {n:04d}")
        world.store.commit(Insert(made))


def of_another(world: World, count: int) -> None:
    """The same of a merchant before this one in the index, who sells nothing now."""
    aaa = replace(world.merchant, id="aaa", name="Aaa", stopped=True)
    world.store.commit(Insert(aaa))
    product = world.product(public_listing=True)
    for n in range(count):
        world.store.commit(Insert(replace(product, id=f"prod_a{n}", merchant="aaa")))
    world.store.commit(Change(product, replace(product, public_listing=False)))


@pytest.mark.spec("P-14")
def test_products_of_those_who_sell_nothing_now_take_nobodys_place(world: World) -> None:
    of_another(world, PAGE_LENGTH + 20)
    sold(world, 3)
    page = directory.listings(world.ports, now=world.now)
    assert [each.product_name for each in page.data] == ["acme 0000", "acme 0001", "acme 0002"]
    assert page.next is None


@pytest.mark.spec("P-14")
def test_what_does_not_fit_on_a_page_is_on_the_next(world: World) -> None:
    sold(world, PAGE_LENGTH + 30)
    client = Client(app.build(world.ports))
    first = client.get("/directory.json").json
    second = client.get(f"/directory.json?cursor={first['next']}").json
    assert [len(first["data"]), len(second["data"]), second["next"]] == [PAGE_LENGTH, 30, None]
    names = [each["product"] for page in (first, second) for each in page["data"]]
    assert len(set(names)) == PAGE_LENGTH + 30
    shown = client.browse("GET", "/directory").body
    assert f"/directory?cursor={first['next'].replace('=', '%3D')}" in shown
    assert "First page" in client.browse("GET", f"/directory?cursor={first['next']}").body
    assert client.get("/directory.json?cursor=made-up").status == 422
    assert client.browse("GET", "/directory?cursor=made-up").status == 303


@pytest.mark.spec("P-14")
def test_a_page_is_read_once_a_minute(world: World) -> None:
    sold(world, 3)
    asked: Counter[str] = Counter()
    store: Any = Counted(world.store, asked)
    shown = Directory(replace(world.ports, store=store))
    assert len(shown.page(None, now=world.now).data) == 3
    assert asked.total() == 3
    sold(world, 1, "late")
    assert len(shown.page(None, now=world.now + timedelta(seconds=59)).data) == 3
    assert asked.total() == 3
    assert len(shown.page(None, now=world.now + timedelta(seconds=60)).data) == 4
    with pytest.raises(Invalid, match="cursor_unknown"):
        shown.page("made-up", now=world.now)
