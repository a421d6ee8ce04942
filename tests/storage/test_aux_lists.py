"""Lists by the aux index, over each store: filters, pages, cursors, and what is older than it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from billing.kernel.customers import ERASED, Customer
from billing.kernel.errors import Invalid
from billing.kernel.list_rows import SubscriptionFilter, of_customer, of_subscription
from billing.kernel.lists import Page
from billing.kernel.search_words import Search
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.storage.dynamo.writes import item_of
from tests.storage.conftest import Backend
from tests.storage.examples import DAY, MERCHANT, T0, customer, subscription

ACTIVE = SubscriptionFilter(State.ACTIVE)
ON_ONE = SubscriptionFilter(product="prod_1")
LATER = T0 + 900 * DAY


def sold(count: int, **fields: object) -> list[Subscription]:
    """Returns subscriptions that began one after the other."""
    return [
        replace(subscription(n, at=T0 + n * timedelta(hours=1)), **fields)  # type: ignore[arg-type]
        for n in range(count)
    ]


def keep(backend: Backend, subscriptions: list[Subscription], *, rows: bool = True) -> None:
    found = (
        (Insert(each), *(map(Insert, of_subscription(each)) if rows else ()))
        for each in subscriptions
    )
    backend.store.commit_each(list(found))


def page(
    backend: Backend, where: SubscriptionFilter, limit: int = 50, cursor: str | None = None
) -> Page[Subscription]:
    return backend.store.subscriptions_where(MERCHANT, where, now=T0, limit=limit, cursor=cursor)


def pages(backend: Backend, where: SubscriptionFilter, limit: int) -> Iterator[list[Subscription]]:
    cursor: str | None = None
    while True:
        found = page(backend, where, limit, cursor)
        yield list(found.data)
        if found.next is None:
            return
        cursor = found.next


def ids(found: list[Subscription]) -> list[str]:
    return [each.id for each in found]


@pytest.mark.spec("M-1")
def test_each_filter_finds_its_own_newest_first(backend: Backend) -> None:
    first, second = sold(4), sold(2, product="prod_2", price_point="mer_1.pp2")
    second = [replace(each, id=f"sub_b{n}") for n, each in enumerate(second)]
    keep(backend, [*first, *second])
    backend.store.commit(Change(first[1], replace(first[1], state=State.PAUSED)))
    assert ids(list(page(backend, ACTIVE).data)) == ["sub_3", "sub_2", "sub_b1", "sub_b0", "sub_0"]
    assert ids(list(page(backend, SubscriptionFilter(State.PAUSED)).data)) == ["sub_1"]
    assert ids(list(page(backend, ON_ONE).data)) == ["sub_3", "sub_2", "sub_1", "sub_0"]
    priced = SubscriptionFilter(price_point="mer_1.pp2")
    assert ids(list(page(backend, priced).data)) == ["sub_b1", "sub_b0"]
    both = SubscriptionFilter(State.PAUSED, product="prod_1")
    assert ids(list(page(backend, both).data)) == ["sub_1"]
    assert page(backend, SubscriptionFilter(State.PAUSED, product="prod_2")).data == ()


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
def test_pages_are_the_list(backend: Backend, limit: int) -> None:
    keep(backend, sold(12))
    for where in (ACTIVE, ON_ONE):
        found = list(pages(backend, where, limit))
        assert [each for part in found for each in part] == list(reversed(sold(12)))
        assert all(len(part) == limit for part, _ in pairwise(found))


def test_a_page_goes_on_behind_what_has_left_the_list_meanwhile(backend: Backend) -> None:
    kept = sold(6)
    keep(backend, kept)
    first = page(backend, ACTIVE, 2)
    for gone in (kept[4], kept[3]):  # the last that was shown, and the next to come
        backend.store.commit(Change(gone, replace(gone, state=State.PAUSED)))
    assert ids(list(page(backend, ACTIVE, 2, first.next).data)) == ["sub_2", "sub_1"]


def test_a_row_of_a_plan_that_was_left_is_not_shown(backend: Backend) -> None:
    (kept,) = sold(1)
    keep(backend, [kept])
    backend.store.commit(Change(kept, replace(kept, product="prod_2")))
    assert page(backend, ON_ONE).data == ()


@pytest.mark.spec("X-4")
def test_what_has_ended_by_now_is_in_no_list_of_what_is_to_end(backend: Backend) -> None:
    from billing.kernel.cancel_requests import CancelRequest, Source, When

    asked = CancelRequest(When.PERIOD_END, Source.CUSTOMER, T0, "ORD-1")
    pending = sold(1, state=State.CANCEL_PENDING, ends_at=T0 + DAY, cancelling=asked)
    keep(backend, pending)
    where = SubscriptionFilter(State.CANCEL_PENDING)
    assert ids(list(page(backend, where).data)) == ["sub_0"]
    later = backend.store.subscriptions_where(MERCHANT, where, now=LATER, limit=50)
    assert later.data == ()


@pytest.mark.parametrize("cursor", ["x", "é", "AAAA", "c29tZXRoaW5nIGxvbmdlcg==", "=" * 40])
def test_a_broken_cursor_is_refused(backend: Backend, cursor: str) -> None:
    keep(backend, sold(1))
    with pytest.raises(Invalid) as refused:
        page(backend, ACTIVE, 2, cursor)
    assert refused.value.reason == "cursor_unknown"


def test_a_cursor_of_another_list_is_refused(backend: Backend) -> None:
    keep(backend, sold(3))
    given = page(backend, ACTIVE, 1).next
    assert given is not None
    for where in (ON_ONE, SubscriptionFilter(State.PAUSED), replace(ACTIVE, product="prod_1")):
        with pytest.raises(Invalid):
            page(backend, where, 1, given)
    with pytest.raises(Invalid):
        backend.store.subscriptions_where("mer_2", ACTIVE, now=T0, limit=1, cursor=given)


def test_another_merchant_finds_nothing(backend: Backend) -> None:
    keep(backend, sold(3))
    for where in (ACTIVE, ON_ONE, SubscriptionFilter(price_point="mer_1.pp1")):
        found = backend.store.subscriptions_where("mer_2", where, now=T0, limit=5)
        assert found == Page((), None)


def test_an_item_older_than_the_index_is_listed_from_its_next_state_on(dynamodb: Backend) -> None:
    """A version before the aux index wrote it, or writes it during a deployment."""
    (old,) = sold(1)
    item = item_of(old, "op")
    dynamodb.call("PutItem", Item={n: v for n, v in item.items() if not n.startswith("aux_")})
    assert page(dynamodb, ACTIVE).data == ()
    dynamodb.store.commit(Change(old, replace(old, seq=1)))
    assert page(dynamodb, ACTIVE).data == ()
    paused = replace(old, seq=1, state=State.PAUSED)
    dynamodb.store.commit(Change(replace(old, seq=1), paused))
    assert page(dynamodb, SubscriptionFilter(State.PAUSED)).data == (paused,)


@pytest.mark.parametrize("where", [ACTIVE, ON_ONE], ids=["state", "product"])
def test_a_page_costs_one_query_and_one_read_of_many(
    dynamodb: Backend, where: SubscriptionFilter, calls: Counter[str]
) -> None:
    keep(dynamodb, sold(30))
    cursor: str | None = None
    for _ in range(3):
        calls.clear()
        found = page(dynamodb, where, 10, cursor)
        assert calls == {"Query": 1, "BatchGetItem": 1}
        cursor = found.next


def test_a_filter_that_leaves_all_out_ends_after_a_bounded_number_of_reads(
    dynamodb: Backend, calls: Counter[str]
) -> None:
    keep(dynamodb, sold(45))
    calls.clear()
    none = SubscriptionFilter(State.PAUSED, product="prod_1")
    found = page(dynamodb, none, 5)
    assert found == Page((), None)
    assert calls == {"Query": 2, "BatchGetItem": 2}


def people(backend: Backend, *named: tuple[str, str]) -> list[Customer]:
    """Keeps customers with these names and emails, one after the other, with their rows."""
    made = [
        replace(customer(f"cus_{n}"), name=name, email=email, created_at=T0 + n * DAY)
        for n, (name, email) in enumerate(named)
    ]
    backend.store.commit_each([(Insert(each), *map(Insert, of_customer(each))) for each in made])
    return made


def found(backend: Backend, typed: str, limit: int = 50) -> list[str]:
    """Returns the ids that a search finds, page by page."""
    search, ids, cursor = Search.of(typed), [], None
    assert search is not None
    while True:
        part = backend.store.customers_found(MERCHANT, search, limit=limit, cursor=cursor)
        ids += [each.id for each in part.data]
        if part.next is None:
            return ids
        cursor = part.next


@pytest.mark.spec("M-1")
def test_customers_are_listed_newest_first_until_they_are_erased(backend: Backend) -> None:
    made = people(backend, *((f"Name {n}", f"n{n}@example.com") for n in range(5)))
    gone = replace(made[2], name=ERASED, email=ERASED)
    backend.store.commit(Change(made[2], gone))
    first = backend.store.customers(MERCHANT, limit=3)
    assert [each.id for each in first.data] == ["cus_4", "cus_3", "cus_1"]
    rest = backend.store.customers(MERCHANT, limit=3, cursor=first.next)
    assert ([each.id for each in rest.data], rest.next) == (["cus_0"], None)
    assert backend.store.customers("mer_2", limit=3) == Page((), None)


@pytest.mark.spec("M-1")
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_customers_are_found_by_beginnings_each_once(backend: Backend, limit: int) -> None:
    people(
        backend,
        ("Anna Annette Smith", "anna@example.com"),
        ("Zoë Anders", "zoe@shop.test"),
        ("Bob Smith", "an.na@example.com"),
        ("田中 太郎", "taro@example.jp"),
    )
    assert found(backend, "an", limit) == ["cus_2", "cus_1", "cus_0"]
    assert found(backend, "ann", limit) == ["cus_0"]
    assert found(backend, "ZOE", limit) == ["cus_1"]
    assert found(backend, "smith an", limit) == ["cus_0", "cus_2"]
    assert found(backend, "smi bob", limit) == ["cus_2"]
    assert found(backend, "an.na@exam", limit) == ["cus_2"]
    assert found(backend, "田中", limit) == ["cus_3"]
    assert found(backend, "nobody", limit) == []


def test_a_row_of_a_word_that_is_theirs_no_more_finds_nobody(backend: Backend) -> None:
    (ann,) = people(backend, ("Ann Smith", "a@example.com"))
    backend.store.commit(Change(ann, replace(ann, name="Ann Jones")))
    assert found(backend, "smith") == []


def test_a_search_of_another_merchant_finds_nobody_and_takes_no_cursor(backend: Backend) -> None:
    people(backend, ("Ann Smith", "a@example.com"), ("Ann Jones", "b@example.com"))
    search = Search.of("ann")
    assert search is not None
    assert backend.store.customers_found("mer_2", search, limit=1) == Page((), None)
    given = backend.store.customers_found(MERCHANT, search, limit=1).next
    for merchant, typed in (("mer_2", "ann"), (MERCHANT, "an"), (MERCHANT, "ann s")):
        other = Search.of(typed)
        assert other is not None
        with pytest.raises(Invalid):
            backend.store.customers_found(merchant, other, limit=1, cursor=given)


def test_a_page_of_a_search_costs_one_query_and_one_read_of_many(
    dynamodb: Backend, calls: Counter[str]
) -> None:
    people(dynamodb, *((f"Ann Smith{n:03d}", f"n{n}@example.com") for n in range(30)))
    search = Search.of("smith")
    assert search is not None
    calls.clear()
    dynamodb.store.customers_found(MERCHANT, search, limit=10)
    dynamodb.store.customers(MERCHANT, limit=10)
    assert calls == {"Query": 2, "BatchGetItem": 2}
