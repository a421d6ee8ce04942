"""The platform with its plan, somebody who sells there, and a customer of theirs (A-1)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from billing.accounts.accounts import Account
from billing.accounts.flows import account, account_life
from billing.accounts.flows.account import SignUp
from billing.jobs.flows import sweep as jobs_sweep
from billing.kernel.account_standings import Standing
from billing.kernel.catalog import Cancellation, PricePoint, PriceTerms, Product
from billing.kernel.merchants import Merchant, Settings
from billing.kernel.subscription import Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from tests.world import MONTHLY, World

PASSWORD = "correct horse battery"


SELLER = "ann@example.com"


DAY = timedelta(days=1)


PLAN = replace(MONTHLY, cancellation=Cancellation.DELAYED)


class Plain:
    """Passwords that are quick to check; Argon2 has a test of its own."""

    def hash(self, password: str) -> str:
        return f"hashed {password}"

    def verify(self, password_hash: str | None, password: str) -> bool:
        return password_hash == f"hashed {password}"


class Platform(World):
    """The world's merchant is the platform: its product is the plan of an account."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(platform="acme")
        self.ports = replace(self.ports, passwords=Plain())
        self.change_merchant(settings=Settings(**settings))
        self.plan = self.product(PLAN, name="Pro", grants=("account",), refund_days=30)

    def tick(self) -> Counter[str]:
        tally = super().tick()
        return tally + self.sweep_accounts() + self.work()

    def sweep_accounts(self) -> Counter[str]:
        """One tick of the accounts' sweep; the jobs that it starts are queued."""
        tally = account_life.sweep(self.ports, now=self.now)
        return tally + jobs_sweep.sweep(self.ports, now=self.now)

    def sign_up(self, username: str = "annsart", email: str = SELLER) -> None:
        """An account whose owner has followed the mailed link."""
        self.asks_for_account(username, email)
        self.sets_password(email)

    def sets_password(self, email: str = SELLER) -> None:
        """As by the mailed link."""
        found = account.by_email(self.ports, email)
        assert found is not None
        token = account.reset_link(self.ports, found, now=self.now).rpartition("/")[2]
        assert account.reset(self.ports, token, PASSWORD, now=self.now) is not None

    def asks_for_account(self, username: str = "annsart", email: str = SELLER) -> None:
        """The form alone."""
        form = SignUp(username, email, "Ann's Art")
        account.sign_up(self.ports, form, ip="192.0.2.1", now=self.now)

    def sign_in(self, email: str = SELLER, password: str = PASSWORD) -> Account | None:
        return account.sign_in(self.ports, email, password, ip="192.0.2.1", now=self.now)

    def standing(self, email: str = SELLER) -> Standing:
        found = account.by_email(self.ports, email)
        assert found is not None
        return account.standing_of(self.ports, found, self.now).state

    def seller(self, username: str = "annsart") -> Merchant:
        found = self.store.merchant(username)
        assert found is not None
        return found

    def sells(self, username: str = "annsart", terms: PriceTerms = PLAN) -> Product:
        """Creates a product that an account sells."""
        number = next(self._attempts)
        point = PricePoint(f"{username}.p{number}", username, f"prod_{number}", terms, self.now)
        product = Product(
            id=point.product,
            merchant=username,
            name="Prints",
            created_at=self.now,
            gateways=("sandbox",),
            grants=("prints",),
            price_points=(point.id,),
            default_price_point=point.id,
        )
        self.store.commit(Insert(product), Insert(point))
        return product

    def fan(self, username: str = "annsart", email: str = "fan@example.com") -> Subscription:
        """The one subscription of a customer of an account."""
        customer = self.store.customer_by_email(username, email)
        assert customer is not None
        (found,) = self.store.history(username, customer).subscriptions
        return found

    def charges_of(self, username: str = "annsart") -> int:
        owners = {i.id for i in self.store.history(username, self.fan(username).customer).invoices}
        return len([charge for charge in self.charges() if charge["invoice"] in owners])


def opened(world: Platform) -> None:
    """An account with its plan, one product, and one customer who has just subscribed."""
    world.sign_up()
    world.buy(world.plan, email=SELLER)
    world.tick()
    world.buy(world.sells(), email="fan@example.com")
    world.tick()


def leave(world: Platform, when: When = When.PERIOD_END) -> None:
    world.cancel(when, SELLER)
    world.tick()


def linked(world: Platform, to: str = SELLER) -> str:
    """The token of the link in the last mail to somebody."""
    world.now += timedelta(minutes=1)
    world.work()
    sent = [m for m in world.mailer.sent if str(m["To"]) == to]
    body = sent[-1].get_body(("plain",))
    assert body is not None
    (url,) = (word for word in str(body.get_content()).split() if "/account/" in word)
    return url.rpartition("/")[2]
