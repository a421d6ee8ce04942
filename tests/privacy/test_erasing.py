"""Erasing: an account whose retention is over, and a customer who asked, whatever fails in between
(A-6, M-8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.cancel.flows import cancel
from billing.cards.flows import cards
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.helpdesk.flows import open_ticket, ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ownership, TicketState, TicketType
from billing.jobs import jobs
from billing.kernel.customers import ERASED
from billing.kernel.errors import Refused, Unavailable, Unreachable
from billing.kernel.gateways import AccountRef
from billing.kernel.storage import History
from billing.kernel.subscription import Source, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Write
from billing.privacy.flows import erase
from tests.accounts.platform import SELLER, Platform, leave, opened

FAN = "fan@example.com"
FAN_NAME = "Ann Example"
PERIOD_END = datetime(2026, 2, 28, 15, tzinfo=UTC)
DAY = timedelta(days=1)


class Remembering(SandboxGateway):
    """A sandbox that records the cards it was asked to let go."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(MemoryLedger(), clock, draw=lambda: "secret" * 8)
        self.forgotten: list[str] = []
        self.within_reach = True

    def forget(self, method: str) -> None:
        if not self.within_reach:
            raise Unreachable("It does not answer.")
        self.forgotten.append(method)


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A store that dies at one of its writes, before it or just after."""

    def __init__(self, store: Any, at: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, at, after

    def commit(self, *writes: Write) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        self._store.commit(*writes)
        if self._left == 0:
            raise Killed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Shop(Platform):
    """An account with a customer who has two cards, has removed a third, and wrote to the helpdesk;
    and a stranger who wrote, and one whose card was declined."""

    def __init__(self) -> None:
        super().__init__()
        self.gateway = Remembering(lambda: self.now)

        def at(ref: AccountRef) -> SandboxGateway:
            return self.gateway

        self.ports = replace(self.ports, gateway=at)
        self.sandbox = self.gateway
        opened(self)
        self.customer = self.fan().customer
        self.add_card("pm_card_mastercard")
        removed = self.add_card("pm_card_authenticationRequired")
        cards.use(self.ports, "annsart", self.customer, self.kept()[0], now=self.now)
        self.now += timedelta(minutes=1)
        cards.remove(self.ports, "annsart", self.customer, removed, now=self.now)
        self.gateway.forgotten.clear()
        seller = self.seller()
        for email, customer in ((FAN, self.customer), ("stranger@example.com", None)):
            asked = Request("billing", email, "A question", "Hello, I am here.", key="ask-" + email)
            made = open_ticket.open_one(
                self.ports,
                seller,
                asked,
                customer=customer,
                ownership=Ownership.PORTAL if customer else Ownership.LINK,
                now=self.now,
            )
            ticket.reply(
                self.ports,
                "annsart",
                made.id,
                "An answer.",
                author=Author.AGENT,
                key="reply-" + email,
                now=self.now,
            )
        declined = self.sells()
        self.buy(declined, email="poor@example.com", payment_method="pm_card_chargeDeclined")
        self.tick()

    def add_card(self, token: str) -> str:
        before = set(self.kept())
        self.now += timedelta(minutes=1)
        ref = AccountRef("annsart", "sandbox", "sandbox")
        cards.add(
            self.ports,
            "annsart",
            self.customer,
            account=ref,
            token=token,
            attempt_key=token,
            now=self.now,
        )
        (made,) = set(self.kept()) - before
        return made

    def kept(self) -> list[str]:
        return [method.id for method in self.of_fan().methods]

    def of_fan(self) -> History:
        return self.store.history("annsart", self.customer)

    def cancel_fan(self) -> None:
        """The fan's subscription ends at once, with words of their own."""
        cancel.request(
            self.ports,
            self.fan(),
            when=When.NOW,
            source=Source.CUSTOMER,
            now=self.now,
            comment="I am Ann Example and I moved.",
        )

    def everything(self) -> str:
        """All that is stored of the account, and is no invoice, as it was opened or issued."""
        partitions = self.store._items._partitions  # type: ignore[attr-defined]
        items = [entity for kept in partitions.values() for entity in kept.values()]
        mine = [each for each in items if "annsart" in repr(each)]
        stays = {"Invoice", "IssuedDocument", "OutboxEvent"}
        return "\n".join(repr(e) for e in mine if type(e).__name__ not in stays)

    def retained_out(self) -> None:
        """The end of the plan, and of all that it was kept for."""
        leave(self)
        self.advance(to=PERIOD_END + 90 * DAY + timedelta(hours=1))


def personal(text: str) -> list[str]:
    words = (
        FAN,
        "stranger@",
        "poor@",
        FAN_NAME,
        "Main Street",
        "192.0.2",
        "Hello, I am",
    )
    return [word for word in words if word in text]


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.spec("A-6")
def test_nothing_is_left_but_what_the_law_asks_for(shop: Shop) -> None:
    assert personal(shop.everything()), "there is something to erase"
    methods = {m.id for m in (*shop.of_fan().methods, *shop.of_fan().removed_methods)}
    shop.retained_out()
    shop.advance(days=2)
    assert personal(shop.everything()) == []
    assert set(shop.gateway.forgotten) >= methods and len(methods) == 3
    history = shop.of_fan()
    assert history.invoices and history.invoices[0].bill_to.email == FAN
    assert history.documents[0].buyer.email == FAN, "what was issued stays as it was"
    assert history.ledger and history.orders
    page = shop.store.tickets(
        "annsart", since=shop.seller().created_at, until=shop.now, limit=50, cursor=None
    )
    assert page.data == ()
    assert shop.store.tickets_of("annsart", shop.customer, limit=9).data == ()


@pytest.mark.spec("A-6")
def test_the_owner_is_erased_as_a_customer_too_but_not_who_came_back(shop: Shop) -> None:
    shop.retained_out()
    owner = shop.store.customer_by_email("acme", SELLER)
    assert owner is not None
    shop.advance(days=2)
    assert shop.store.customer_by_email("acme", SELLER) is None
    history = shop.store.history("acme", owner)
    assert history.customer is not None and history.customer.name == ERASED
    assert history.invoices[0].bill_to.email == SELLER and not history.methods
    again = Shop()
    leave(again)
    again.advance(to=PERIOD_END + 90 * DAY - timedelta(hours=1))
    again.now += timedelta(hours=2)
    again.sign_up("ann-again")
    again.buy(again.plan, email=SELLER)
    again.tick()
    again.advance(days=3)
    assert again.store.customer_by_email("acme", SELLER) is not None
    assert again.store.account("annsart").erased_at is not None  # type: ignore[union-attr]


def erases(shop: Shop) -> None:
    """A tick of the accounts' sweep, and the slices of the job that it starts."""
    shop.sweep_accounts()
    shop.work_jobs()


@pytest.mark.spec("A-6", "R-1")
@pytest.mark.parametrize(
    "after", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["before", "after"]
)
def test_killed_at_any_write_it_is_found_and_finished(after: bool) -> None:
    at = 0
    while True:
        at += 1
        shop = Shop()
        shop.retained_out()
        shop.now += DAY + timedelta(minutes=2)
        alive = shop.ports
        shop.ports = replace(alive, store=Mortal(alive.store, at, after=after))
        try:
            erases(shop)
        except Killed:
            shop.ports = alive
            for _ in range(2):  # the due date, and the lease of the slice that died
                shop.now += jobs.LEASE
                erases(shop)
            assert personal(shop.everything()) == [], at
            assert shop.store.account("annsart").erased_at is not None  # type: ignore[union-attr]
            assert len(set(shop.gateway.forgotten)) >= 3
            continue
        break
    assert at > 12, "it was killed at every one of them"


@pytest.mark.spec("A-6")
def test_a_card_that_its_gateway_does_not_let_go_is_tried_again(shop: Shop) -> None:
    shop.retained_out()
    shop.gateway.within_reach = False
    shop.now += DAY + timedelta(minutes=2)
    for _ in range(2):
        erases(shop)
        shop.now += timedelta(minutes=1)
    history = shop.of_fan()
    assert history.customer is not None and history.customer.name != ERASED
    assert history.methods, "what is not let go is still known"
    shop.gateway.within_reach = True
    shop.now += timedelta(minutes=1)
    erases(shop)
    assert shop.store.account("annsart").erased_at is not None  # type: ignore[union-attr]
    assert personal(shop.everything()) == []


@pytest.mark.spec("M-8")
def test_a_customer_who_asks_is_erased_once_nothing_of_theirs_runs(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        erase.one(shop.ports, "annsart", shop.customer, now=shop.now)
    assert refused.value.code == "still_live"
    assert personal(repr(shop.of_fan()))
    shop.cancel_fan()
    shop.gateway.within_reach = False
    with pytest.raises(Unavailable):
        erase.one(shop.ports, "annsart", shop.customer, now=shop.now)
    shop.gateway.within_reach = True
    sent = len(shop.mailer.sent)
    for _ in range(2):
        assert erase.one(shop.ports, "annsart", shop.customer, now=shop.now).name == ERASED
    history = replace(shop.of_fan(), invoices=(), documents=())
    assert personal(repr(history)) == []
    shop.now += timedelta(minutes=5)
    shop.work()
    shop.advance(days=40)
    assert FAN not in [str(m["To"]) for m in shop.mailer.sent[sent:]], "nor is told any more"
    assert shop.store.customer_by_email("annsart", FAN) is None


@pytest.mark.spec("M-8")
def test_what_an_agent_is_still_to_carry_out_is_waited_for(shop: Shop) -> None:
    shop.cancel_fan()
    paid = shop.of_fan().orders[0]
    made = open_ticket.open_one(
        shop.ports,
        shop.seller(),
        Request("billing", FAN, "Back", "Please", "back", order=paid.id, wish=TicketType.REFUND),
        customer=shop.customer,
        ownership=Ownership.PORTAL,
        now=shop.now,
    )
    under_way = replace(made, state=TicketState.APPROVED)
    shop.store.commit(Change(made, under_way))
    with pytest.raises(Refused) as refused:
        erase.one(shop.ports, "annsart", shop.customer, now=shop.now)
    assert refused.value.code == "still_live"
    assert shop.kept()
