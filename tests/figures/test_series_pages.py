"""The console's cohorts, trials, recovery and reasons: tables, rows, files, wrong input (M-10)."""

from __future__ import annotations

import re

import pytest

from billing.kernel.subscription import When
from tests.figures.test_cases import MONTHLY, NO_MONEY, TRIAL, goes_bad, replace
from tests.figures.watched import Watched
from tests.web.calls import Client
from tests.web.shop import Shop, signed_in

PAGES = ("cohorts", "trials", "recovery", "reasons")
SPAN = "from=2026-01&to=2026-03"


@pytest.fixture(scope="module")
def shop() -> Shop:
    world = Watched()
    shop = Shop(world)
    product = world.product()
    for name in ("ann", "ben", "cem"):
        world.buy(product, email=f"{name}@example.com")
    world.buy(world.product(replace(MONTHLY, initial=TRIAL)), email="dee@example.com")
    goes_bad(world, NO_MONEY, "ben@example.com")
    world.cancel(When.PERIOD_END, email="cem@example.com", reason="quality")
    world.advance(days=40)
    world.observe()
    return shop


@pytest.fixture(scope="module")
def client(shop: Shop) -> Client:
    return signed_in(shop)


def shown(client: Client, path: str) -> str:
    answer = client.browse("GET", path)
    assert answer.status == 200, answer.body
    return answer.body


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_formula_a_chart_tables_and_the_period_before(
    client: Client, name: str
) -> None:
    page = shown(client, f"/console/figures/{name}?{SPAN}")
    assert 'role="img"' in page and '<th scope="row">' in page and "Period before:" in page
    assert f"/console/figures/{name}/file.csv?" in page
    assert "<script" not in page.split("<main")[1]


@pytest.mark.spec("M-10")
def test_the_pages_say_what_became_of_everybody(client: Client) -> None:
    assert "66.7 %" in shown(client, f"/console/figures/cohorts?{SPAN}")
    assert "100.0 %" in shown(client, f"/console/figures/trials?{SPAN}")
    recovery = shown(client, f"/console/figures/recovery?{SPAN}")
    assert "By decline code" in recovery and "Final" in recovery
    reasons = shown(client, f"/console/figures/reasons?{SPAN}")
    assert "Quality" in reasons and "$29.99" in reasons


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("name", PAGES)
def test_each_number_leads_to_its_rows(client: Client, name: str) -> None:
    page = shown(client, f"/console/figures/{name}?{SPAN}")
    paths = re.findall(rf'href="(/console/figures/{name}/rows\?[^"]+)"', page)
    assert paths
    rows = [shown(client, path.replace("&amp;", "&")) for path in dict.fromkeys(paths)]
    assert any("/console/subscriptions/sub_" in each for each in rows)


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("name", PAGES)
def test_files_have_the_tables_that_are_shown(client: Client, name: str) -> None:
    answer = client.browse("GET", f"/console/figures/{name}/file.csv?{SPAN}")
    assert answer.status == 200
    assert re.search(r"^2026-01,", answer.body, re.MULTILINE), answer.body


@pytest.mark.spec("M-10")
def test_a_product_and_a_country_are_chosen_by_the_form(shop: Shop, client: Client) -> None:
    products = [product.id for product in shop.world.store.catalog("acme")[0]]
    pages = [shown(client, f"/console/figures/cohorts?{SPAN}&product={p}") for p in products]
    assert ["66.7 %" in page for page in pages].count(True) == 1
    assert "66.7 %" in shown(client, f"/console/figures/cohorts?{SPAN}&country=US")
    assert "66.7 %" not in shown(client, f"/console/figures/cohorts?{SPAN}&country=DE")


@pytest.mark.spec("M-10")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("cohorts?from=x&to=2026-01", 422),
        ("trials?from=2026-03&to=2026-01", 422),
        ("recovery?from=1970-01&to=2026-01", 422),
        (f"reasons?{SPAN}&product={'x' * 5_000}", 422),
        (f"reasons?{SPAN}&country=<b>", 422),
        ("cohorts/rows", 422),
        ("cohorts/rows?from=2026-02&to=2026-01", 422),
        ("cohorts/rows?from=2026-01&to=2026-01&cohort=<b>", 422),
        ("recovery/rows?from=2026-01&to=2026-01&label=<b>", 422),
        ("trials/rows?from=2026-01&to=2026-01&cursor=x", 422),
        ("reasons/file.csv?from=2026-03&to=2026-01", 422),
        ("weather/rows?from=2026-01&to=2026-01", 404),
        ("weather/file.csv", 404),
    ],
)
def test_wrong_input_is_refused_with_a_page(client: Client, path: str, status: int) -> None:
    answer = client.browse("GET", f"/console/figures/{path}")
    assert answer.status == status
    assert "<b>" not in answer.body
