"""The forecast less what is expected to fail, from the merchant's own past (M-10, R-10)."""

from __future__ import annotations

import pytest

from billing.figures.flows import expected
from billing.kernel.money import Currency
from billing.kernel.values import replace
from tests.figures.test_cases import NO_MONEY, goes_bad
from tests.figures.watched import Watched
from tests.web.shop import Shop, signed_in

USD = (Currency.USD, True)


@pytest.fixture(scope="module")
def shop() -> Shop:
    """A merchant whose renewals all succeed but for one customer's, for seven months."""
    world = Watched()
    product = world.product()
    for number in range(8):
        world.buy(product, email=f"b{number}@example.com")
    world.observe()
    world.advance(days=35)
    goes_bad(world, NO_MONEY, "b0@example.com")
    world.advance(days=150)
    world.observe()
    return Shop(world)


@pytest.mark.spec("M-10", "R-10")
def test_the_rate_is_of_renewals_that_were_not_paid_in_closed_months(shop: Shop) -> None:
    world = shop.world
    rate = expected.rates(world.ports, world.merchant, [USD], now=world.now)[USD]
    assert (rate.first, rate.last) == ("2026-03", "2026-05")
    orders = [o for n in range(8) for o in world.orders(f"b{n}@example.com")]
    spans = {"2026-03", "2026-04", "2026-05"}
    renewed = sum(o.kind == "rebill" and f"{o.at:%Y-%m}" in spans for o in orders)
    lost = 1  # the first declined renewal of the one customer, whose subscription then ended
    assert rate.share is not None and renewed + lost >= expected.RENEWALS_LEAST
    assert f"{rate.share:f}" == f"{lost / (renewed + lost):.4f}"


@pytest.mark.spec("M-10", "R-10")
def test_the_page_takes_that_share_off_each_day(shop: Shop) -> None:
    page = signed_in(shop).browse("GET", "/console/forecast?days=90").body
    assert "Expected failures" in page and 'role="img"' in page
    assert "of the amounts of your renewals in USD failed" in page
    due = 7 * 2_999
    rate = expected.rates(shop.world.ports, shop.world.merchant, [USD], now=shop.world.now)[USD]
    assert rate.share is not None
    lost = round(float(due * rate.share))
    assert f"${(due - lost) / 100:,.2f}" in page


@pytest.mark.spec("M-10", "R-10")
def test_too_few_renewals_say_nothing() -> None:
    world = Watched()
    world.buy()
    world.advance(days=60)
    world.observe()
    rate = expected.rates(world.ports, world.merchant, [USD], now=world.now)[USD]
    assert rate.share is None
    page = signed_in(Shop(world)).browse("GET", "/console/forecast").body
    assert "too few renewals in USD" in page


@pytest.mark.spec("M-10")
def test_renewals_count_from_the_day_after_they_began_to_be_kept(shop: Shop) -> None:
    (book,) = shop.world.store.figure_books(["acme"])
    assert book is not None and book.cases_since is not None
    assert book.counts_renewals("2026-02-28") and not book.counts_renewals("2026-01-30")
    old = replace(book, cases_since=None)
    assert not old.counts_renewals("2026-02-28")
