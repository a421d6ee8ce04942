"""Taxed purchases: bought, renewed, changed, refunded, to the cent in lines and ledger (C-7,
C-10)."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.kernel.catalog import TaxBehavior
from billing.kernel.customers import Address
from billing.kernel.discounts import Discount
from billing.kernel.errors import Invalid
from billing.kernel.gateways import Capabilities, RefundFailed
from billing.kernel.invoices import Invoice
from billing.kernel.issued_documents import DocumentKind
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, left
from billing.plans.plan_change import When
from billing.refunds import booking, refunds, value
from billing.render.invoice_pdf import render
from billing.tax.rates import DatedRate, TaxPlace
from billing.tax.registrations import TaxSetup
from tests.plans.changing import HALF, ask, bought, change
from tests.tax.taxing import (
    BERLIN,
    BUDAPEST,
    CALIFORNIA,
    LOS_ANGELES,
    OSS,
    booked,
    collecting,
    newest,
    returned,
    usd,
)
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=Money(5998, Currency.USD))
INCLUSIVE = replace(MONTHLY, price=Money(11900, Currency.USD), tax=TaxBehavior.INCLUSIVE)
INCLUSIVE_GOLD = replace(INCLUSIVE, price=Money(23800, Currency.USD))
OREGON = replace(BERLIN, country="US", state="OR", postal_code="97201")
"""Nothing is taxed there."""


def lines(invoice: Invoice) -> list[tuple[str, int]]:
    return [(line.text, line.amount.amount_minor) for line in invoice.lines]


def moved(world: World, address: Address) -> None:
    subscription = world.subscription()
    (kept,) = world.store.bill_tos([("acme", subscription.customer, subscription.id)])
    assert kept is not None
    after = replace(kept, bill_to=replace(kept.bill_to, address=address))
    world.store.commit(Change(kept, after))


@pytest.mark.spec("C-7")
def test_a_sale_with_nexus_has_state_and_local_tax_as_lines_of_their_own() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    assert lines(newest(world)) == [
        ("Course", 2999),
        ("California", 180),
        ("Los Angeles County", 7),
        ("Los Angeles", 67),
    ]
    assert newest(world).total == usd(2999 + 180 + 7 + 67)
    assert [charge["amount"]["amount"] for charge in world.charges()] == [3253]
    assert booked(world) == {"revenue:sales": 2999, "liabilities:tax:US-CA": 254}


@pytest.mark.spec("C-7")
def test_where_there_is_no_nexus_there_is_no_tax() -> None:
    world = collecting(World())
    world.buy()
    assert lines(newest(world)) == [("Course", 2999)]


@pytest.mark.spec("C-7")
def test_a_merchant_without_registrations_reads_nothing_about_taxes() -> None:
    world = World()
    world.buy(address=BERLIN)
    assert lines(newest(world)) == [("Course", 2999)]
    assert world.store.tax_setup("acme") is None


@pytest.mark.spec("C-10")
@pytest.mark.parametrize(
    ("address", "field"),
    [
        (replace(LOS_ANGELES, state=None), "address.state"),
        (replace(LOS_ANGELES, state="Kalifornien"), "address.state"),
        (replace(LOS_ANGELES, postal_code=None), "address.postal_code"),
    ],
)
def test_an_address_without_what_the_tax_depends_on_is_asked_for_it(
    address: Address, field: str
) -> None:
    world = collecting(World())
    with pytest.raises(Invalid) as refused:
        world.buy(address=address)
    assert refused.value.field == field
    assert world.charges() == []


@pytest.mark.spec("C-7")
def test_a_state_may_be_written_in_words() -> None:
    world = collecting(World())
    world.buy(address=replace(LOS_ANGELES, state=" california "))
    assert newest(world).total == usd(3253)


@pytest.mark.spec("C-10")
@pytest.mark.parametrize("state", ["AE", "AP", "aa", "Armed Forces Europe", "Guam", "VI"])
def test_who_serves_abroad_or_lives_on_an_island_of_the_united_states_can_buy(state: str) -> None:
    """Their address has one of the codes of the postal service, and no other state to name."""
    world = collecting(World())
    world.buy(address=replace(OREGON, state=state, postal_code="09012"))
    assert lines(newest(world)) == [("Course", 2999)]


@pytest.mark.spec("C-7", "C-10")
def test_a_renewal_is_taxed_at_the_rates_of_its_day_and_a_retry_at_those_it_opened_with() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    dearer = DatedRate("California", 70_000, HALF.date())
    (state,) = (p for p in world.store.tax_table("acme", 1, 9) if p.postal_code is None)
    world.store.commit(Change(state, state.with_rate(dearer)))
    world.advance(days=40)
    assert dict(lines(newest(world)))["California"] == 210
    assert booked(world)["liabilities:tax:US-CA"] == 254 + 210 + 7 + 67


@pytest.mark.spec("C-7", "P-18")
def test_a_price_with_its_tax_stays_the_price() -> None:
    world = collecting(World())
    world.buy(world.product(INCLUSIVE), address=BERLIN)
    world.advance(days=40)
    for invoice in world.history().invoices:
        assert lines(invoice) == [("Course", 10000), ("VAT", 1900)]
        assert invoice.total == usd(11900)
    assert booked(world) == {"revenue:sales": 20000, "liabilities:tax:DE": 3800}


@pytest.mark.spec("A-4", "C-10")
def test_unused_time_takes_off_its_tax_and_is_worth_what_was_paid_for_it() -> None:
    world = collecting(World())
    product = bought(world, MONTHLY, GOLD, address=BERLIN)
    quoted = ask(world, product.price_points[1])
    # half of 59.98 less half of 29.99 (rounded half up) and 19 % on the difference
    assert [(line.kind, line.amount.amount_minor) for line in quoted.lines] == [
        ("rest", 2999),
        ("unused", -1500),
        ("DE", 285),
    ]
    assert quoted.due_now == usd(1499 + 285)
    assert quoted.next_charge == usd(5998 + 1140)
    change(world, product.price_points[1], token=quoted.token)
    assert booked(world) == {"revenue:sales": 2999 + 1499, "liabilities:tax:DE": 570 + 285}


@pytest.mark.spec("A-4", "C-10")
def test_who_moved_is_given_back_the_tax_that_the_unused_time_was_paid_with() -> None:
    world = collecting(World())
    product = bought(world, MONTHLY, GOLD, address=BERLIN)
    moved(world, BUDAPEST)
    quoted = ask(world, product.price_points[1])
    assert [(line.kind, line.amount.amount_minor) for line in quoted.lines] == [
        ("rest", 2999),
        ("unused", -1500),
        ("HU", 810),
        ("DE", -285),
    ]
    change(world, product.price_points[1], token=quoted.token)
    assert booked(world)["liabilities:tax:DE"] == 570 - 285


@pytest.mark.spec("A-4", "C-10")
def test_a_change_between_prices_with_their_tax_charges_the_difference_of_the_prices() -> None:
    world = collecting(World())
    product = bought(world, INCLUSIVE, INCLUSIVE_GOLD, address=BERLIN)
    quoted = ask(world, product.price_points[1])
    assert quoted.due_now == usd(5950)
    assert [(line.kind, line.amount.amount_minor) for line in quoted.lines] == [
        ("rest", 10000),
        ("unused", -5000),
        ("DE", 950),
    ]


@pytest.mark.spec("A-4", "C-10")
def test_kept_credit_takes_its_net_and_its_tax_off_the_next_invoice() -> None:
    world = collecting(World())
    product = bought(world, GOLD, MONTHLY, address=BERLIN)
    change(world, product.price_points[1])
    assert world.subscription().credit_minor == 1499  # 29.99 unused less 15.00 of the rest
    world.advance(days=20)
    assert lines(newest(world)) == [("Course", 2999), ("Course", -1499), ("VAT", 285)]
    assert newest(world).total == usd(1500 + 285)
    assert sum(booked(world).values()) == sum(c["amount"]["amount"] for c in world.charges())


@pytest.mark.spec("A-4", "C-10")
def test_credit_that_was_taxed_higher_than_the_price_is_now_is_used_up_all_the_same() -> None:
    """Its buyer moved to where nothing is taxed: so much is used as pays the price with its tax."""
    world = collecting(World())
    product = world.product(INCLUSIVE_GOLD, MONTHLY)
    world.buy(product, address=BERLIN)
    change(world, product.price_points[1])
    assert world.subscription().credit_minor == 20000 - 2999
    moved(world, OREGON)
    world.advance(days=30)
    assert lines(newest(world)) == [("Course", 2999), ("Course", -2520), ("VAT", -479)]
    assert (newest(world).total, world.subscription().credit_minor) == (usd(0), 17001 - 2520)
    sold, owed = 20000 + 2999 - 2520, 3800 - 479
    assert booked(world) == {"revenue:sales": sold, "liabilities:tax:DE": owed}, "no money moved"
    world.advance(days=365)
    assert world.subscription().credit_minor == 0
    assert sum(booked(world).values()) == sum(c["amount"]["amount"] for c in world.charges())


@pytest.mark.spec("A-4", "C-8", "C-10")
def test_credit_taxed_higher_than_what_a_coupon_leaves_makes_no_negative_invoice() -> None:
    """34 cents are too little to charge, and no credit with its tax is exactly 34 cents."""
    world = collecting(World())
    world.sandbox.capabilities = Capabilities(minimum_minor=50, test=True)  # type: ignore[misc]
    product = world.product(GOLD, replace(MONTHLY, price=usd(3400)))
    world.buy(product, address=BERLIN)
    change(world, product.price_points[1])
    before = world.subscription()
    most = replace(before, discount=Discount("MOST", 9900))
    world.store.commit(Change(before, most))
    moved(world, OREGON)
    world.advance(days=30)
    assert (newest(world).period, newest(world).total) == (1, usd(0))
    assert world.subscription().payments_made == 2
    assert world.subscription().credit_minor == 5998 - 3400 - 34


@pytest.mark.spec("B-7", "C-10", "M-7")
def test_refunds_return_tax_in_proportion_and_the_last_one_the_rest() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    paid = newest(world)
    for amount in (1000, 1000, 1000):
        returned(world, newest(world), amount)
    returned(world, newest(world))
    went = world.history().refunds
    assert [r.amount.amount_minor for r in went] == [1000, 1000, 1000, 253]
    assert [sum(r.taxes[place] for r in went) for place in range(3)] == [180, 7, 67]
    assert newest(world).taxes_left == (0, 0, 0)
    assert booked(world) == {}
    assert paid.total == usd(3253)


@pytest.mark.spec("B-7", "C-10")
def test_a_refund_that_failed_gives_its_tax_back_to_what_is_left() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    paid, (order,) = newest(world), world.orders()
    reserved, writes = refunds.reserve(
        paid,
        usd(1000),
        None,
        None,
        name=None,
        source=Source.MERCHANT,
        order_id="o",
        reason=None,
        now=world.now,
        due_at=world.now,
        shard=0,
    )
    held = left(paid, writes)
    assert reserved.taxes == (55, 2, 21)
    assert held.taxes_left == (125, 5, 46)
    _, failed = booking.settle(
        reserved, RefundFailed("expired_card"), held, order, (), world.now, None, others=()
    )
    assert left(held, failed) == replace(paid, refunds=1)


@pytest.mark.spec("C-7")
def test_the_same_names_closest_place_counts_and_other_names_are_owed_together() -> None:
    world = collecting(World(), CALIFORNIA, OSS)
    setup = world.store.tax_setup("acme")
    assert isinstance(setup, TaxSetup)
    own = TaxPlace("acme", 1, "US", "CA", "9001", (DatedRate("California", 10_000),))
    world.store.commit(Insert(own))
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    assert dict(lines(newest(world)))["California"] == 30


@pytest.mark.spec("C-7", "C-10")
@pytest.mark.parametrize("postal_code", [None, "10117"])
def test_a_rate_of_nothing_takes_the_built_in_vat_away(postal_code: str | None) -> None:
    world = collecting(World())
    free = TaxPlace("acme", 1, "DE", None, postal_code, (DatedRate("VAT", 0),))
    world.store.commit(Insert(free))
    world.buy(world.product(MONTHLY), address=BERLIN)
    assert lines(newest(world)) == [("Course", 2999)]


@pytest.mark.spec("M-7", "C-10")
@pytest.mark.typeset
def test_a_credit_note_has_the_taxes_that_go_back() -> None:
    world = collecting(World())
    world.buy(world.product(MONTHLY), address=LOS_ANGELES)
    world.work()
    returned(world, newest(world), 1000)
    world.work()
    (note,) = [d for d in world.history().documents if d.kind is DocumentKind.CREDIT_NOTE]
    assert [(line.text, line.amount.amount_minor) for line in note.lines] == [
        ("Course", -922),
        ("California", -55),
        ("Los Angeles County", -2),
        ("Los Angeles", -21),
    ]
    assert sum(line.amount.amount_minor for line in note.lines) == -note.total.amount_minor
    shown = "\n".join(page.extract_text() for page in PdfReader(BytesIO(render(note))).pages)
    assert "California 6%" in shown
    assert "−$0.55" in shown


@pytest.mark.spec("C-10")
def test_a_renewal_whose_address_lacks_the_state_is_charged_without_tax_and_counted() -> None:
    world = World()
    world.buy(world.product(MONTHLY), address=replace(LOS_ANGELES, state=None))
    collecting(world)
    world.advance(days=40)
    assert lines(newest(world)) == [("Course", 2999)]
    assert len(world.charges()) == 2


@pytest.mark.spec("A-4", "C-10")
def test_a_change_that_costs_nothing_is_not_invoiced_and_leaves_no_taxes_behind() -> None:
    world = collecting(World())
    product = bought(world, MONTHLY, MONTHLY, address=BERLIN)
    quoted = ask(world, product.price_points[1])
    assert quoted.due_now == usd(0)
    assert not any(line.is_tax for line in quoted.lines)
    before = len(world.history().invoices)
    change(world, product.price_points[1])
    assert len(world.history().invoices) == before
    world.advance(days=32)
    assert lines(newest(world)) == [("Course", 2999), ("VAT", 570)]


@pytest.mark.spec("A-4", "C-10")
def test_a_change_that_differs_by_its_taxes_alone_is_neither_charged_nor_given_back() -> None:
    world = collecting(World())
    product = bought(world, MONTHLY, MONTHLY, address=BERLIN)
    for address in (BUDAPEST, LOS_ANGELES):
        moved(world, address)
        quoted = ask(world, product.price_points[1])
        assert quoted.due_now == usd(0), address
        assert not any(line.is_tax for line in quoted.lines)


@pytest.mark.spec("A-4", "C-10")
def test_credit_goes_back_with_its_taxes_and_never_a_cent_more_of_it_than_there_is() -> None:
    world = collecting(World())
    world.buy(address=LOS_ANGELES)
    paid = newest(world)
    for reserved in (0, 1, 1645, 3000, 3252, 3253):
        taxes = value.taxes_in(paid, usd(reserved))
        partly = paid.reserving(reserved, taxes)
        for net in range(0, 3000, 7):
            gross = value.with_tax(partly, net)
            net_left = 3253 - reserved - sum(partly.taxes_left)
            assert value.before_tax(partly, gross) == min(net, net_left), "no cent is left behind"
            assert gross.amount_minor <= 3253 - reserved
            share = net * (3253 - reserved) / max(1, net_left)
            assert net > net_left or abs(gross.amount_minor - share) <= len(partly.tax_lines) + 1.5


@pytest.mark.spec("A-4", "C-10")
@pytest.mark.parametrize("taxed_first", [True, False])
def test_unused_time_that_credit_paid_for_has_the_taxes_of_its_renewal(taxed_first: bool) -> None:
    """Its invoice took those of the credit off already; taken off again they are nobody's."""
    world = collecting(World())
    dear, cheap = replace(MONTHLY, price=usd(9000)), replace(MONTHLY, price=usd(3000))
    product = world.product(dear, cheap, replace(dear))
    first, then = (BERLIN, OREGON) if taxed_first else (OREGON, BERLIN)
    world.buy(product, address=first)
    change(world, product.price_points[1])
    assert world.subscription().credit_minor == 6000
    change(world, product.price_points[2], When.NEXT_REBILL)
    moved(world, then)
    world.advance(to=world.subscription().payment_at(1))
    assert world.subscription().credit_minor == 0
    taken_off = dict(lines(newest(world)))["VAT"]
    assert taken_off == (-1140 if taxed_first else 1710)
    change(world, product.price_points[1])
    world.advance(days=80)
    # Each period is taxed once, where it was used: 30.00 where they lived first, the rest after.
    used_after = booked(world)["revenue:sales"] - 3000 - world.subscription().credit_minor
    taxed = 3000 if taxed_first else used_after
    assert abs(booked(world)["liabilities:tax:DE"] - taxed * 19 // 100) <= 2


@pytest.mark.spec("A-4", "C-10")
@pytest.mark.parametrize(("moves_in", "then"), [(1, 1000), (2, 9000), (2, 1000), (1, 9000)])
def test_whoever_moves_is_taxed_once_whatever_plans_they_change_to(
    moves_in: int, then: int
) -> None:
    """They change for more, which is charged, or for less, which leaves credit of both taxes."""
    world = collecting(World())
    product = world.product(*(replace(MONTHLY, price=usd(price)) for price in (9000, 3000, then)))
    world.buy(product, address=BERLIN)
    change(world, product.price_points[1])
    world.advance(to=world.subscription().payment_at(moves_in - 1))
    assert not any(share.retaxed for share in world.subscription().money.shares)
    moved(world, OREGON)
    world.advance(to=world.subscription().payment_at(moves_in))
    change(world, product.price_points[2])
    if then == 9000:  # paid now: with what the credit was worth, and taxed here
        world.now += timedelta(seconds=1)
        change(world, product.price_points[1])
    world.advance(days=400)
    assert world.subscription().credit_minor == 0
    assert abs(booked(world)["liabilities:tax:DE"] - moves_in * 570) <= 2
    assert sum(booked(world).values()) == sum(c["amount"]["amount"] for c in world.charges())
