"""Stories from the sources: customers who try, leave and want their money back (A-2, B-7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billing.kernel.catalog import Cancellation, Initial
from billing.kernel.errors import Refused
from billing.kernel.merchants import SelfService
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State
from billing.kernel.values import replace
from tests.portal.visitors import Shop
from tests.world import MONTHLY

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
TRIAL = replace(DELAYED, initial=Initial(100, Span(14, Unit.DAY)), trial_guard=True)


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.set(self_refund=SelfService.MANUAL)
    return shop


@pytest.mark.spec("A-2", "C-9", "X-4")
def test_a_dollar_trial_cancelled_on_day_13_charges_nothing_more_and_is_not_had_again(
    shop: Shop,
) -> None:
    product = shop.world.product(TRIAL)
    shop.world.buy(product)
    shop.world.advance(days=13)
    visitor = shop.signed_in()
    page = f"/subscriptions/{shop.world.subscription().id}/cancel"
    assert "until February 14, 2026" in visitor.see(page).text
    visitor.follow(visitor.post(page))
    shop.world.advance(days=30)
    assert shop.world.subscription().state is State.CANCELLED
    assert [charge["amount"]["amount"] for charge in shop.world.charges()] == [100]
    with pytest.raises(Refused) as refusal:
        shop.world.buy(product)
    assert refusal.value.code == "trial_used"


@pytest.mark.spec("A-2", "B-7", "H-2")
@pytest.mark.parametrize(("day", "claimed"), [(30, True), (31, False)])
def test_a_guarantee_of_30_days_is_claimed_by_ticket_until_the_end_of_day_30(
    shop: Shop, day: int, claimed: bool
) -> None:
    shop.world.buy(shop.world.product(DELAYED, refund_days=30))
    # Bought on January 31; the 30th local day after is March 2, to its last minute.
    last = datetime(2026, 3, 3, 4, 59, tzinfo=UTC)
    shop.world.advance(to=last if day == 30 else last.replace(hour=5, minute=0))
    visitor, order = shop.signed_in(), shop.order_ids()[0]
    page = f"/orders/{order}/refund"
    if claimed:
        visitor.see(page)
        assert visitor.post(page).status == 303
    else:
        assert "refunded has ended" in visitor.see(page, 409).text
        assert visitor.post(page).status == 409
    mailed = [subject for subject in shop.mails("hello@acme.example") if "Refund" in subject]
    assert len(mailed) == claimed
    assert not shop.order_ids(kind=OrderKind.REFUND), "a person decides"
