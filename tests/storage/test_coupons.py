"""Every store answers questions about coupons alike, and has their last use taken once (C-8)."""

from __future__ import annotations

import pytest

from billing.coupons.coupons import Coupon, CouponUse, Duration, taken
from billing.kernel.discounts import Discount
from billing.kernel.errors import Conflict
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.storage.conftest import Backend
from tests.storage.examples import MERCHANT, T0, subscription


def coupon(code: str) -> Coupon:
    return Coupon(MERCHANT, code, T0, Duration.ONCE, basis_points=2500, max_uses=1)


@pytest.mark.spec("C-8")
def test_coupons_are_listed_by_code_behind_one_of_them(backend: Backend) -> None:
    made = [coupon(code) for code in ("B", "A", "A-1", "C")]
    backend.store.commit_each([(Insert(each),) for each in made])
    store = backend.store
    assert [c.code for c in store.coupons(MERCHANT, limit=2)] == ["A", "A-1"]
    assert [c.code for c in store.coupons(MERCHANT, limit=2, after="A-1")] == ["B", "C"]
    assert store.coupons(MERCHANT, limit=2, after="C") == []
    assert store.coupon(MERCHANT, "B") == made[0]
    assert store.coupon(MERCHANT, "D") is None and store.coupons("other", limit=5) == []


@pytest.mark.spec("C-8")
def test_the_uses_of_a_person_are_found_by_what_they_are_known_by(backend: Backend) -> None:
    card, mail = CouponUse(MERCHANT, "A", "card", 1), CouponUse(MERCHANT, "B", "card", 2)
    backend.store.commit(Insert(card), Insert(mail))
    assert backend.store.coupon_uses(MERCHANT, "A", ["mail", "card"]) == [None, card]
    assert backend.store.coupon_uses_of(MERCHANT, "card", 10) == [card, mail]
    assert backend.store.coupon_uses_of(MERCHANT, "mail", 10) == []


@pytest.mark.spec("C-8")
def test_the_last_use_is_taken_once(backend: Backend) -> None:
    store = backend.store
    store.commit(Insert(coupon("A")))
    read = store.coupon(MERCHANT, "A")
    store.commit(*taken(read, MERCHANT, ()))
    with pytest.raises(Conflict):
        store.commit(*taken(read, MERCHANT, ()))
    ended = store.coupon(MERCHANT, "A")
    assert ended is not None and ended.uses == 1


@pytest.mark.spec("C-8")
def test_a_coupon_that_was_ended_meanwhile_is_not_taken(backend: Backend) -> None:
    store = backend.store
    store.commit(Insert(coupon("A")))
    read = store.coupon(MERCHANT, "A")
    assert read is not None
    store.commit(Change(read, replace(read, active=False)))
    with pytest.raises(Conflict):
        store.commit(*taken(read, MERCHANT, ()))


@pytest.mark.spec("C-8")
def test_a_subscription_keeps_and_loses_its_discount(backend: Backend) -> None:
    store, plain = backend.store, subscription()
    store.commit(Insert(plain))
    given = replace(plain, discount=Discount("A", amount_minor=500, charges_left=2))
    store.commit(Change(plain, given, expecting=("discount",)))
    owner = (given.merchant, given.customer, given.id)
    assert store.subscription(*owner) == given
    with pytest.raises(Conflict):
        store.commit(Change(plain, replace(plain, period=1), expecting=("discount",)))
    used = replace(given, discount=Discount("A", amount_minor=500, charges_left=1))
    store.commit(Change(given, used))
    store.commit(Change(used, plain))
    assert store.subscription(*owner) == plain
