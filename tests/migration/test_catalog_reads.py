"""Imports read the price points that they name, and no whole catalog (M-6)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from billing.kernel.catalog import PriceTerms
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from billing.migration.flows import mappings, price_points
from billing.migration.flows.price_points import CATALOG_MOST
from billing.storage.store import ItemStore
from tests.migration.files import MONTHLY, ROW, reasons, selling, sent, table
from tests.migration.test_console_imports import choose, press, sent_on
from tests.web.shop import Shop, signed_in

pytestmark = pytest.mark.spec("M-6", "M-4")

UNKNOWN_PRICE = {"price": "77.77"}


class _Counted:
    """A store whose calls are counted by name."""

    def __init__(self, store: ItemStore, calls: Counter[str]) -> None:
        self._store, self._calls = store, calls

    def __getattr__(self, name: str) -> object:
        self._calls[name] += 1
        return getattr(self._store, name)


def stocked(count: int) -> Shop:
    """A shop that has sold at 29.99 for long, and has so many newer products."""
    shop = selling()
    shop.world.change_merchant(catalog_listed_at=shop.world.now)
    for n in range(count):
        shop.world.now += timedelta(seconds=1)
        shop.world.product(_at(100 + n), name=f"Course {n}")
    shop.world.now += timedelta(seconds=5)
    return shop


def _at(minor: int) -> PriceTerms:
    return replace(MONTHLY, price=Money(minor, Currency.USD))


def counted(shop: Shop) -> Counter[str]:
    calls: Counter[str] = Counter()
    shop.world.ports = replace(shop.world.ports, store=_Counted(shop.world.store, calls))
    again = Shop.__new__(Shop)
    again.world = shop.world
    return calls


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """The most products among which a price is looked for, so that tests need not have more."""
    monkeypatch.setattr(price_points, "CATALOG_MOST", 5)
    return 5


def test_rows_that_name_price_points_read_just_those() -> None:
    read: list[Counter[str]] = []
    for count in (3, 60):
        shop = stocked(count)
        named = shop.world.store.catalog("acme")[1][0].id
        calls: Counter[str] = Counter()
        lookup_ports = replace(shop.world.ports, store=_Counted(shop.world.store, calls))
        points = price_points.PricePoints(lookup_ports, shop.world.merchant)
        points.read([named, "acme.none", "rival.price", "x" * 3_000, named])
        assert points.named(named) is not None
        assert [points.named(each) for each in ("acme.none", "rival.price", "x" * 3_000)] == [
            None
        ] * 3
        read.append(calls)
    assert read[0] == read[1] == Counter(newest_price_points=1, products=1)


def test_a_price_is_looked_for_among_what_is_on_sale_in_bounded_reads(few: int) -> None:
    shop = stocked(few - 1)
    assert reasons(shop, table(ROW)) == [[]]
    shop.world.product(_at(5))
    shop.world.now += timedelta(seconds=5)
    (found,) = reasons(shop, table(ROW))
    assert found == ["price_among_too_many"]
    by_id = {**ROW, "price_point": shop.world.store.catalog("acme")[1][0].id}
    assert reasons(shop, table(by_id)) == [[]]


def test_an_import_reads_as_much_of_a_large_catalog_as_of_a_small_one() -> None:
    read = []
    for count in (CATALOG_MOST + 20, CATALOG_MOST + 60):
        shop, calls = stocked(count), Counter[str]()
        store, merchant = shop.world.store, shop.world.merchant
        ports = replace(shop.world.ports, store=_Counted(store, calls))
        points = price_points.PricePoints(ports, merchant)
        assert points.priced(lambda point: True) is None
        assert points.priced(lambda point: True) is None
        read.append(calls)
    assert read[0] == read[1] == Counter(products_made=1, newest_price_points=1)


def test_a_mapping_names_a_bounded_number_of_price_points() -> None:
    shop = selling()
    found = sent(shop, table({**ROW, **UNKNOWN_PRICE}))
    asked = shop.world.store.import_("acme", found["id"])
    assert asked is not None
    calls: Counter[str] = Counter()
    ports = replace(shop.world.ports, store=_Counted(shop.world.store, calls))
    many = {f"price {n}": f"acme.{n}" for n in range(mappings.PRICES_MOST + 1)}
    with pytest.raises(Invalid) as refused:
        mappings.save_prices(ports, shop.world.merchant, asked, many, now=shop.world.now)
    assert (refused.value.reason, refused.value.parameters) == ("too_many_entries", {"count": 500})
    assert calls == Counter()
    some = dict(list(many.items())[:3])
    with pytest.raises(Invalid, match="not_a_price_point"):
        mappings.save_prices(ports, shop.world.merchant, asked, some, now=shop.world.now)
    assert calls == Counter(newest_price_points=1)


def test_the_page_offers_the_newest_products_and_takes_the_id_of_any_other() -> None:
    shop = stocked(110)
    oldest = shop.world.store.catalog("acme")[1][0].id
    browser = signed_in(shop)
    rows = [{**ROW, **UNKNOWN_PRICE, "external_id": f"s{n}"} for n in range(2)]
    rows[1] |= {"price_point": "gold"}
    answer = choose(
        browser, table(*({"price_point": "silver", **each} for each in rows)), kind="canonical"
    )
    page = sent_on(browser, answer).body
    assert "Only price points of your newest products" in page
    assert page.count('<option value="acme.') == 2 * 100
    assert f'value="{oldest}"' not in page
    here = answer.headers["location"]
    wrong = press(browser, f"{here}/prices", here, **{"price-id-0": "acme.none"})
    assert wrong.status == 422
    again = press(browser, f"{here}/prices", here, **{"price-id-0": oldest, "price-id-1": oldest})
    assert again.status == 303
