"""Cards of tests and real ones, beside one another in one wallet: neither pays for the other's
purchases (W-3, B-9, B-10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.kernel.catalog import PriceType
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import GatewayAccount
from billing.kernel.values import replace
from tests.portal.test_purchases import modules
from tests.portal.visitors import Shop
from tests.world import MONTHLY, World


class RealGateway(SandboxGateway):
    """A gateway that takes real money; its cards have the sandbox's names."""

    name, account = "stripe", "acct_real"
    capabilities = replace(SandboxGateway.capabilities, test=False)


class GoneLive(World):
    """A world whose merchant tried the sandbox first, and then gave a gateway's keys."""

    def __init__(self) -> None:
        super().__init__()
        self.real = RealGateway(MemoryLedger(), lambda: self.now, draw=lambda: "secret" * 8)
        self.ports = replace(self.ports, gateway=self._open)

    def _open(self, account: AccountRef) -> Gateway:
        return self.sandbox if account.gateway == "sandbox" else self.real

    def go_live(self) -> None:
        account = GatewayAccount(self.real.name, self.real.account)
        self.change_merchant(gateway_accounts=(account,))

    def buy_for_real(self, name: str = "Real", card: str = "pm_card_visa") -> None:
        self.now += timedelta(minutes=1)
        product = self.product(MONTHLY, name=name, gateways=("stripe",))
        self.buy(product, payment_method=card, confirm_repeat=True)


@pytest.fixture
def shop() -> Shop:
    """A shop where Ann tried a purchase in the sandbox, and bought for real later on."""
    world = GoneLive()
    shop = Shop(world)
    world.buy(world.product(MONTHLY, name="Tried"))
    world.go_live()
    world.buy_for_real()
    return shop


def paid_at(shop: Shop) -> dict[str, str]:
    """Returns the gateway that charges each subscription, by its product."""
    return {s.product_name: s.gateway for s in shop.world.history().subscriptions}


def method_at(shop: Shop, gateway: str) -> str:
    (found,) = [m for m in shop.world.history().methods if m.gateway == gateway]
    return found.id


APART = {"Tried": "sandbox", "Real": "stripe"}


@pytest.mark.spec("W-3", "B-10")
def test_a_test_card_as_the_default_pays_for_no_real_subscription(shop: Shop) -> None:
    visitor = shop.signed_in()
    card = method_at(shop, "sandbox")
    page = visitor.see(f"/cards/{card}/use")
    assert "Tried" in page.text and "Real" not in page.text
    visitor.follow(visitor.post(f"/cards/{card}/use"))
    assert paid_at(shop) == APART
    real = next(s for s in shop.world.history().subscriptions if s.product_name == "Real")
    visitor.post(f"/cards/{card}/use", chosen="true", **{f"covers_{real.id}": "true"})
    assert paid_at(shop) == APART
    shop.world.advance(days=32)
    assert isinstance(shop.world, GoneLive)
    assert len(shop.world.real.charges()) == 2, "the renewal is paid with real money"


@pytest.mark.spec("W-3", "B-10")
def test_a_real_card_as_the_default_pays_for_no_test(shop: Shop) -> None:
    visitor = shop.signed_in()
    card = method_at(shop, "stripe")
    visitor.follow(visitor.post(f"/cards/{card}/use"))
    assert paid_at(shop) == APART
    shop.world.advance(days=32)
    assert isinstance(shop.world, GoneLive)
    assert len(shop.world.real.charges()) == 2, "what is a test never becomes live"


@pytest.mark.spec("W-3", "B-9", "B-10")
def test_a_new_card_pays_for_the_real_subscriptions_alone(shop: Shop) -> None:
    visitor = shop.signed_in()
    visitor.follow(
        visitor.post("/cards/new", payment_method="pm_card_mastercard", attempt_key="attempt_1")
    )
    assert paid_at(shop) == APART
    cards = {m.id: m.last4 for m in shop.world.history().methods}
    paid_with = {
        s.product_name: cards[s.payment_method] for s in shop.world.history().subscriptions
    }
    assert paid_with == {"Tried": "4242", "Real": "4444"}


@pytest.mark.spec("W-3", "B-9")
def test_who_has_no_card_left_is_offered_no_test_card_of_a_live_shop() -> None:
    world = GoneLive()
    shop = Shop(world)
    world.go_live()
    once = replace(MONTHLY, type=PriceType.ONE_TIME, period=None)
    world.buy(world.product(once, gateways=("stripe",)))
    visitor = shop.signed_in()
    visitor.follow(visitor.post(f"/cards/{method_at(shop, 'stripe')}/remove"))
    visitor.follow(
        visitor.post("/cards/new", payment_method="pm_card_mastercard", attempt_key="attempt_1")
    )
    assert [m.gateway for m in shop.world.history().methods] == ["stripe"]


@pytest.mark.spec("W-3")
def test_who_bought_for_real_after_a_test_is_not_told_that_no_real_money_is_charged(
    shop: Shop,
) -> None:
    shop.world.work()
    visitor = shop.signed_in()
    page = visitor.see()
    assert "No real money is charged" not in page.text
    assert [("Test" in str(each)) for each in modules(visitor)] == [False, True]
    visitor.follow(visitor.post(f"/cards/{method_at(shop, 'stripe')}/use"))
    assert shop.mails()[-1] == "Your default card for Acme Courses was changed"
