"""The rows that lists are found by follow from the items alone, and a renewal writes none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.customers.flows import customers
from billing.kernel import list_rows
from billing.kernel.customers import Customer
from billing.kernel.flows import list_rows as keeping
from billing.kernel.list_rows import PlanRow, RowOf, WordRow
from billing.kernel.money import Currency, Money
from billing.kernel.plans import Plan
from billing.kernel.subscription import Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Write
from billing.plans.flows import change_plan
from billing.plans.plan_change import When as Takes
from billing.privacy.flows import erase
from billing.storage.index_places import places_of
from tests.world import MONTHLY, World

DEARER = replace(MONTHLY, price=Money(4999, Currency.USD))


@pytest.fixture
def world() -> World:
    return World()


def rows(world: World, subscription: Subscription) -> set[tuple[RowOf, str]]:
    """Returns what the kept rows of a subscription are of."""
    kept = world.store.list_rows(subscription.merchant, subscription.customer)
    return {(row.of, row.plan) for row in kept if isinstance(row, PlanRow)}


def on(product: str, price_point: str) -> set[tuple[RowOf, str]]:
    return {(RowOf.PRODUCT, product), (RowOf.PRICE_POINT, price_point)}


@pytest.mark.spec("M-1")
def test_a_purchase_is_given_the_rows_of_its_plan_once_it_is_told(world: World) -> None:
    bought = world.buy()
    world.work()
    assert rows(world, world.subscription()) == on(bought.product, bought.price_point)


@pytest.mark.spec("M-1", "A-4")
def test_a_plan_to_come_has_its_rows_before_the_renewal_that_begins_it(world: World) -> None:
    cheap, dear = world.product(), world.product(DEARER)
    world.buy(cheap)
    world.work()
    found = world.subscription()
    change_plan.change(
        world.ports,
        found,
        dear.default_price_point,
        Takes.NEXT_REBILL,
        now=world.now,
    )
    world.work()
    both = on(cheap.id, cheap.default_price_point) | on(dear.id, dear.default_price_point)
    assert rows(world, found) == both
    world.advance(days=31)
    assert world.subscription().product == dear.id
    assert rows(world, found) == both, "no renewal writes rows; lists look at the subscription"
    keeping.keep_plans(world.ports, "acme", found.customer, found.id)
    assert rows(world, found) == on(dear.id, dear.default_price_point)


def test_rows_are_kept_twice_as_well_as_once(world: World) -> None:
    world.buy()
    world.work()
    found = world.subscription()
    before = world.store.list_rows("acme", found.customer)
    keeping.keep_plans(world.ports, "acme", found.customer, found.id)
    assert world.store.list_rows("acme", found.customer) == before


def test_rows_of_a_plan_that_another_write_changed_meanwhile_are_looked_at_again(
    world: World,
) -> None:
    """A consumer that read the subscription before a change leaves what stands after it."""
    world.buy()
    found = world.subscription()
    plan = Plan("acme.other", 1, MONTHLY, "other", "Other", ())
    read, pending = world.store.list_rows, [replace(found, next_plan=plan)]

    def as_it_changes(merchant: str, customer: str) -> list[list_rows.ListRow]:
        if pending:
            world.store.commit(Change(found, pending.pop()))
        return read(merchant, customer)

    world.store.list_rows = as_it_changes  # type: ignore[method-assign]
    keeping.keep_plans(world.ports, "acme", found.customer, found.id)
    kept = on(found.product, found.price_point) | on("other", "acme.other")
    assert rows(world, found) == kept


def test_a_renewal_changes_no_place_in_the_aux_index(world: World) -> None:
    world.buy()
    world.work()
    before = world.subscription()
    world.now += timedelta(days=28)
    world.sweep()
    world.work()
    after = world.subscription()
    assert after.payments_made == before.payments_made + 1
    assert places_of(after)["aux"] == places_of(before)["aux"]


def words_kept(world: World, customer: str) -> set[str]:
    return {row.word for row in world.store.list_rows("acme", customer) if isinstance(row, WordRow)}


ANNS = {"ann", "example", "com"}


@pytest.mark.spec("M-1")
def test_a_customer_has_rows_of_their_words_once_the_purchase_is_told(world: World) -> None:
    bought = world.buy()
    assert words_kept(world, bought.customer) == set()
    world.work()
    assert words_kept(world, bought.customer) == ANNS


@pytest.mark.spec("M-1", "B-12")
def test_rows_follow_a_new_name_at_once_and_a_new_email_with_its_event(world: World) -> None:
    customer = world.buy().customer
    world.work()

    def change(**changes: str) -> set[str]:
        customers.change(world.ports, "acme", customer, changes, now=world.now)
        return words_kept(world, customer)

    assert change(name="Zoë Example") == ANNS | {"zoe"}
    assert change(email="zed@shop.test") == ANNS | {"zoe"}
    world.work()
    assert words_kept(world, customer) == {"zoe", "example", "zed", "shop", "test"}
    assert change(name="Zed", email="zoe@shop.test") != {"zed", "zoe", "shop", "test"}
    world.work()
    assert words_kept(world, customer) == {"zed", "zoe", "shop", "test"}


@pytest.mark.spec("M-8")
def test_an_erased_customer_keeps_no_row_whatever_comes_late(world: World) -> None:
    bought = world.buy()
    world.cancel(When.NOW)
    erase.one(world.ports, "acme", bought.customer, now=world.now)  # before anything was told
    world.work()
    assert words_kept(world, bought.customer) == set()


@pytest.mark.spec("M-8")
def test_a_row_that_was_written_while_a_customer_was_erased_goes_too(world: World) -> None:
    bought = world.buy()
    world.work()
    world.cancel(When.NOW)
    world.work()
    commit, waiting = world.store.commit, [Insert(WordRow("acme", bought.customer, "late"))]

    def meeting(*writes: Write) -> None:
        if waiting and any(isinstance(w, Change) and isinstance(w.after, Customer) for w in writes):
            commit(waiting.pop())
        commit(*writes)

    world.store.commit = meeting  # type: ignore[method-assign]
    erase.one(world.ports, "acme", bought.customer, now=world.now)
    assert not waiting and words_kept(world, bought.customer) == set()


@pytest.mark.spec("M-8")
def test_an_erasure_that_died_before_the_rows_were_gone_goes_on(world: World) -> None:
    bought = world.buy()
    world.cancel(When.NOW)
    world.work()
    erase.one(world.ports, "acme", bought.customer, now=world.now)
    world.store.commit(Insert(WordRow("acme", bought.customer, "ann")))
    erase.one(world.ports, "acme", bought.customer, now=world.now)
    assert words_kept(world, bought.customer) == set()


@pytest.mark.spec("M-8")
def test_rows_that_are_told_of_an_erased_customer_are_refused_by_their_check(world: World) -> None:
    """A consumer read the customer, then they were erased, then it writes."""
    bought = world.buy()
    world.cancel(When.NOW)
    read, pending = world.store.list_rows, [1]

    def as_it_is_erased(merchant: str, customer: str) -> list[list_rows.ListRow]:
        if pending:
            pending.pop()
            erase.one(world.ports, merchant, customer, now=world.now)
        return read(merchant, customer)

    world.store.list_rows = as_it_is_erased  # type: ignore[method-assign]
    keeping.keep_words(world.ports, "acme", bought.customer)
    assert words_kept(world, bought.customer) == set()
