"""A customer's credit notes in the portal (B-12, M-7)."""

from __future__ import annotations

import pytest

from billing.kernel.merchants import SelfService
from billing.kernel.orders import OrderKind
from tests.portal.visitors import Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_refund=SelfService.AUTOMATIC)
    shop.world.buy(shop.world.product(refund_days=30))
    visitor = shop.signed_in()
    visitor.follow(visitor.post(f"/orders/{shop.order_ids()[-1]}/refund"))
    shop.world.tick()
    return shop


def refund_of(shop: Shop) -> str:
    (found,) = (o.id for o in shop.world.orders() if o.kind is OrderKind.REFUND)
    return found


@pytest.mark.spec("B-12", "M-7")
def test_a_refund_in_the_history_has_its_credit_note(shop: Shop) -> None:
    visitor = shop.signed_in()
    links = {str(a.attributes["href"]) for a in visitor.see().all("a")}
    address = f"/portal/acme/credit-notes/{refund_of(shop)}/credit-note.pdf"
    assert address in links
    answer = visitor.browse("GET", address)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert 'filename="credit-note.pdf"' in answer.headers["content-disposition"]


@pytest.mark.spec("B-12", "B-2")
def test_nobody_else_gets_it_and_it_is_of_a_refund_alone(shop: Shop) -> None:
    address = f"/portal/acme/credit-notes/{refund_of(shop)}/credit-note.pdf"
    sale = shop.order_ids()[-1]
    visitor = shop.signed_in()
    for wrong in (sale, "AAAA-BBBB-CCCC", "x", shop.world.subscription().id + ".0001"):
        assert (
            visitor.browse("GET", f"/portal/acme/credit-notes/{wrong}/credit-note.pdf").status
            == 404
        ), wrong
    shop.world.buy(email="bob@example.com")
    other = shop.signed_in("bob@example.com")
    assert other.browse("GET", address).status == 404
