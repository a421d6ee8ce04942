"""The console's figures: tiles, charts with tables, filters, rows, and wrong input (M-10)."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from billing.console.web import figure_form
from billing.console.web.figure_cohorts import PAGES
from billing.figures import chart
from billing.figures.flows import rebuild
from tests.web.calls import Client
from tests.web.shop import Shop, signed_in


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy()
    shop.world.advance(days=35)
    rebuild.begin(shop.world.ports, "acme", now=shop.world.now)
    shop.world.tick()
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    return signed_in(shop)


def shown(client: Client, path: str) -> str:
    answer = client.browse("GET", path)
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.spec("M-10", "M-4")
def test_the_overview_has_tiles_a_chart_and_its_table(client: Client) -> None:
    page = shown(client, "/console/figures?from=2026-01&to=2026-03")
    assert "$29.99" in page and "$359.88" in page
    assert page.count('class="bar') == 3
    assert 'role="img" aria-label="MRR by month.' in page
    assert "<script" not in page.split("<main")[1]
    assert "Not enough data" in page
    assert "Jan 2026 to Mar 2026" in page


@pytest.mark.spec("M-10")
def test_each_figure_has_its_page_with_a_formula_and_the_way_to_its_rows(client: Client) -> None:
    overview = shown(client, "/console/figures")
    names = re.findall(r'href="/console/figures/([a-z_]+)\?', overview)
    assert len(names) == 20
    names = [name for name in names if name not in PAGES]
    for name in names:
        page = shown(client, f"/console/figures/{name}?from=2026-01&to=2026-02")
        for path in re.findall(rf'href="(/console/figures/{name}/rows\?[^"]+)"', page):
            rows = shown(client, path.replace("&amp;", "&"))
            assert re.search(r"rows of [A-Z][a-z]{2} 2026", rows)


@pytest.mark.spec("M-10")
def test_rows_lead_to_their_orders_and_subscriptions(client: Client) -> None:
    assert "/console/orders/" in shown(client, "/console/figures/revenue/rows?period=2026-01")
    moved = shown(client, "/console/figures/mrr/rows?period=2026-01")
    assert "/console/subscriptions/sub_" in moved and "New" in moved


@pytest.mark.spec("M-10")
def test_figures_of_a_product_or_a_country_are_chosen_by_the_form(
    shop: Shop, client: Client
) -> None:
    product = shop.world.store.catalog("acme")[0][0].id
    span = "from=2026-01&to=2026-01"
    assert "$29.99" in shown(client, f"/console/figures/mrr?{span}&product={product}&country=US")
    assert "$29.99" not in shown(client, f"/console/figures/mrr?{span}&country=DE")
    overview = shown(client, f"/console/figures?{span}&country=DE")
    assert "/console/figures/mrr/rows?country=DE&amp;period=2026-" in overview
    assert "$29.99" not in shown(client, f"/console/figures/mrr?{span}&product=prod_other")


@pytest.mark.spec("M-10")
def test_a_form_that_lists_the_newest_products_alone_says_so(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = [each.id for each in shop.world.store.catalog("acme")[0]]
    new = shop.world.product().id
    words = "Only your newest 1 products are listed."
    assert words not in shown(client, "/console/figures")
    monkeypatch.setattr(figure_form, "PRODUCTS_MOST", 1)
    for path in ("/console/figures", "/console/figures/mrr", "/console/figures/trials"):
        page = shown(client, path)
        assert words in page
        assert f'<option value="{new}">' in page and f'value="{old}"' not in page
    assert f'<option value="{old}" selected>' in shown(client, f"/console/figures?product={old}")


@pytest.mark.spec("M-10")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/figures?from=x&to=2026-01", 422),
        ("/console/figures?from=2026-03&to=2026-01", 422),
        ("/console/figures?from=0001-01&to=2026-01", 422),
        ("/console/figures?from=2026-01&to=2026-02&country=<b>", 422),
        (f"/console/figures?from=2026-01&to=2026-02&product={'x' * 5_000}", 422),
        ("/console/figures/weather", 404),
        ("/console/figures/arpu/rows?period=2026-01", 404),
        ("/console/figures/mrr/rows?period=2026-02-31", 422),
        ("/console/figures/mrr/rows", 422),
        ("/console/figures/mrr/rows?period=2026-01&cursor=x", 422),
        ("/console/figures/file.csv?from=2026-03&to=2026-01", 422),
    ],
)
def test_wrong_input_is_refused_with_a_page(client: Client, path: str, status: int) -> None:
    answer = client.browse("GET", path)
    assert answer.status == status
    assert "<b>" not in answer.body


@pytest.mark.spec("M-10")
def test_figures_are_counted_again_once_however_often_it_is_asked(
    shop: Shop, client: Client
) -> None:
    page = shown(client, "/console/figures")
    (csrf,) = set(re.findall(r'name="csrf" value="([^"]+)"', page))
    assert client.browse("POST", "/console/figures/count", {}).status in {400, 403, 422}
    for _ in range(2):
        answer = client.browse("POST", "/console/figures/count", {"csrf": csrf})
        assert answer.status == 303
    assert "are being counted" in shown(client, "/console/figures")
    job = shop.world.store.job("acme", rebuild.JOB)
    assert job is not None and job.is_live


@pytest.mark.spec("M-10")
def test_the_file_has_the_months_that_are_shown(client: Client) -> None:
    answer = client.browse("GET", "/console/figures/file.csv?from=2026-01&to=2026-02")
    assert [line[:7] for line in answer.body.splitlines()] == ["period,", "2026-01", "2026-02"]


def test_bars_stand_on_zero_and_hang_below_it() -> None:
    drawn = chart.of([("a", 100), ("b", -100), ("c", 0)])
    up, down, flat = drawn.bars
    assert drawn.zero_y == chart.HEIGHT / 2
    assert (up.y, up.height) == (0, 100)
    assert (down.y, down.height, down.is_negative) == (100, 100, True)
    assert flat.height == 0
    assert chart.of([]).bars == ()
    assert [b.height for b in chart.of([("a", 0)]).bars] == [0]


@pytest.mark.parametrize(("labels", "shown"), [(["2026-01"] * 12, 6), ([*"0123456789", "10"], 11)])
def test_labels_of_a_chart_do_not_run_into_one_another(labels: list[str], shown: int) -> None:
    bars = chart.of([(label, 1) for label in labels]).bars
    assert sum(bool(bar.label) for bar in bars) == shown


@pytest.mark.spec("M-10")
def test_whoever_sold_before_figures_were_kept_is_asked_to_count_once() -> None:
    shop = Shop()
    assert "figures were kept" not in shown(signed_in(shop), "/console/figures")
    shop.world.buy()
    shop.world.now += timedelta(hours=1)
    assert "figures were kept are missing" in shown(signed_in(shop), "/console/figures")


@pytest.mark.spec("M-10", "M-4")
def test_the_home_page_shows_this_months_figures(client: Client) -> None:
    home = shown(client, "/console")
    assert "This month" in home and 'href="/console/figures"' in home
    assert "$29.99" in home.partition('id="this-month"')[2]


@pytest.mark.spec("M-8", "M-10")
def test_figures_hold_nothing_that_names_a_customer(shop: Shop) -> None:
    store = shop.world.store
    kept = [
        *store.movements("acme", date(2000, 1, 1), date(2100, 1, 1), limit=100, test=True),
        *store.figures_of_customers("acme", limit=100),
        *store.figure_spans("acme", "2000-01", "2100-01", test=True),
    ]
    assert len(kept) >= 3
    for personal in ("ann", "Ann", "example.com", "Springfield"):
        assert personal not in repr(kept)
