"""The life of a customer who pays with PayPal, from the approval to the end (W-2).

The world is in memory, the adapter is the real one, and PayPal is the loopback, over HTTP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from billing.cancel.flows.cancel import Result
from billing.catalog.flows import products
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import submit
from billing.gateway_events.flows import webhook
from billing.kernel.catalog import Cycle, PriceTerms, PriceType
from billing.kernel.errors import Invalid, Unreachable
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import GatewayAccount
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import Source, State, When
from billing.kernel.values import replace
from billing.refunds.flows import refund
from billing.runtime import wiring
from dev.paypal.books import Buyer
from dev.paypal.server import Loopback
from functions.webhook import app as webhook_app
from tests import paypal as on_loopback
from tests.test_events import CONTEXT
from tests.test_events import event as fixture
from tests.world import World

BACK = "https://pay.example.com/return"


class PayPalWorld(World):
    """A world whose merchant sells through PayPal."""

    def __init__(self, paypal: Loopback) -> None:
        super().__init__()
        self.paypal = paypal
        self.gateway = on_loopback.gateway(paypal, lambda: self.now)
        self.ports = replace(self.ports, gateway=self._open)
        self.change_merchant(gateway_accounts=(GatewayAccount("paypal", "merchant-1_test"),))

    def _open(self, account: AccountRef) -> Gateway:
        return self.gateway if account.gateway == "paypal" else self.sandbox

    def approved(self, buyer: str = "pays") -> str:
        """Approves on PayPal's page as a buyer; returns the token that it sends them back with."""
        key = f"page-{next(self._attempts)}"
        page = self.gateway.collect(key=key, return_url=BACK, cancel_url=BACK)
        return self.paypal.buyer(page, buyer).rpartition("=")[2]

    def buy_as(self, buyer: str = "pays", **fields: object) -> Checkout:
        product = self.product(gateways=("paypal",))
        return self.buy(product, payment_method=self.approved(buyer), **fields)

    def money(self) -> list[tuple[str, int]]:
        """Returns the money in PayPal's own books, oldest first."""
        return [(c["status"], c["refunded"]) for c in self.paypal.books.charges]

    def becomes(self, name: str, **fields: str) -> None:
        """A buyer's account changes its mind."""
        self.paypal.books.buyers[name] = Buyer(name, **fields)  # type: ignore[arg-type]


@pytest.fixture
def world() -> Iterator[PayPalWorld]:
    now = [World().now]
    with on_loopback.loopback(lambda: now[0]) as paypal:
        made = PayPalWorld(paypal)
        paypal.books.clock = paypal.clock = lambda: made.now
        yield made


@pytest.mark.spec("W-2", "R-1")
def test_a_year_of_months_is_thirteen_captures(world: PayPalWorld) -> None:
    assert world.buy_as().state is CheckoutState.PAID
    world.advance(days=365)
    assert world.money() == [("succeeded", 0)] * 13
    invoices = [charge["invoice"] for charge in world.paypal.books.charges]
    assert len(set(invoices)) == 13
    assert world.subscription().payments_made == 13
    kinds = [order.kind for order in world.orders()]
    assert kinds == [OrderKind.SALE] + [OrderKind.REBILL] * 12


@pytest.mark.spec("C-4", "W-2")
def test_a_declined_buyer_has_bought_nothing(world: PayPalWorld) -> None:
    bought = world.buy_as("declined")
    assert (bought.state, bought.decline_code) == (CheckoutState.DECLINED, "card_declined")
    assert world.money() == [("declined", 0)]


@pytest.mark.spec("C-4", "W-2")
def test_a_buyer_who_must_approve_the_payment_too_comes_back_and_has_bought_once(
    world: PayPalWorld,
) -> None:
    asked = world.buy_as("must-approve")
    assert asked.invoice.state is InvoiceState.ACTION_REQUIRED and asked.action_url
    world.now += timedelta(minutes=5)
    world.paypal.buyer(asked.action_url)
    for _ in range(2):
        bought = submit.resume(
            world.ports, asked.price_point, asked.key, now=world.now, return_url=BACK
        )
        assert bought.state is CheckoutState.PAID
    world.tick()
    assert world.money() == [("succeeded", 0)]


@pytest.mark.spec("C-4")
def test_a_buyer_who_never_comes_back_is_not_charged(world: PayPalWorld) -> None:
    asked = world.buy_as("must-approve")
    world.advance(hours=3)
    left = world.store.checkout("acme", asked.key)
    assert left is not None and left.state is CheckoutState.ABANDONED
    world.advance(days=2)
    assert world.money() == []


@pytest.mark.spec("R-4", "W-2")
def test_a_decline_is_tried_again_in_three_days_by_an_order_of_its_own(world: PayPalWorld) -> None:
    world.buy_as()
    world.becomes("pays", issue="INSTRUMENT_DECLINED")
    world.advance(days=29)
    assert world.subscription().state is State.PAST_DUE
    world.becomes("pays")
    world.advance(days=3)
    assert world.subscription().state is State.ACTIVE
    assert [status for status, _ in world.money()] == ["succeeded", "declined", "succeeded"]
    tried, paid = world.paypal.books.charges[1:]
    assert tried["invoice"] == paid["invoice"] and tried["order"] != paid["order"]
    anchor_kept = world.subscription().period_at
    assert anchor_kept is not None and anchor_kept.day == 31


@pytest.mark.spec("R-4", "W-2")
def test_four_declines_end_it(world: PayPalWorld) -> None:
    world.buy_as()
    world.becomes("pays", issue="TRANSACTION_REFUSED")
    world.advance(days=60)
    assert world.subscription().state is State.CANCELLED
    assert [status for status, _ in world.money()] == ["succeeded"] + ["declined"] * 4


@pytest.mark.spec("R-4", "R-6", "W-2")
def test_what_paypal_does_not_allow_its_seller_is_no_decline(world: PayPalWorld) -> None:
    world.buy_as()
    _capture_goes_wrong(world, "forbidden", bought=True)
    world.advance(hours=2)
    assert [order.kind for order in world.orders()] == [OrderKind.SALE, OrderKind.REBILL]
    assert world.money() == [("succeeded", 0)] * 2


@pytest.mark.spec("R-4", "W-2")
def test_an_agreement_that_was_ended_at_paypal_is_not_tried_again(world: PayPalWorld) -> None:
    world.buy_as()
    world.gateway.forget(world.subscription().payment_method)
    world.advance(days=60)
    assert world.subscription().state is State.CANCELLED
    failed = [order for order in world.orders() if order.kind is OrderKind.FAILED]
    assert [order.code for order in failed] == ["payment_method_missing"]
    assert world.money() == [("succeeded", 0)]


@pytest.mark.spec("R-4", "W-2")
def test_an_unanswered_approval_is_followed_by_an_order_of_its_own(world: PayPalWorld) -> None:
    world.buy_as()
    world.becomes("pays", issue="PAYER_ACTION_REQUIRED")
    world.advance(days=29)
    (waiting,) = [i for i in world.history().invoices if i.state is InvoiceState.ACTION_REQUIRED]
    world.becomes("pays")
    world.advance(days=4)
    assert world.subscription().state is State.ACTIVE
    assert [status for status, _ in world.money()] == ["succeeded", "succeeded"]
    paid = world.store.invoice("acme", waiting.customer, waiting.id)
    assert paid is not None and paid.state is InvoiceState.PAID
    assert paid.gateway_ref != waiting.gateway_ref


@pytest.mark.spec("B-7", "W-2")
def test_a_payment_goes_back_once_even_when_the_answer_was_lost(world: PayPalWorld) -> None:
    world.buy_as()
    (sale,) = world.orders()
    world.paypal.fail("timeout_after", 2)  # the look at the order goes unanswered too
    ask = {"amount_minor": None, "source": Source.MERCHANT, "name": "once"}
    for _ in range(2):
        with suppress(Unreachable):
            refund.request(
                world.ports, refund.payment(world.ports, "acme", sale.id), now=world.now, **ask
            )  # type: ignore[arg-type]
    world.advance(hours=1)
    assert world.money() == [("refunded", 2999)]
    assert [o.kind for o in world.orders()] == [OrderKind.SALE, OrderKind.REFUND]


@pytest.mark.spec("X-6", "R-6", "W-2")
def test_a_cancel_that_meets_a_capture_that_never_arrived_ends_without_a_charge(
    world: PayPalWorld,
) -> None:
    _capture_goes_wrong(world, "timeout_before")
    ending = world.cancel(When.NOW)
    assert ending.result is Result.CHARGE_UNDER_WAY
    world.advance(minutes=20)
    assert world.subscription().state is not State.CANCELLED  # a capture could be on its way
    world.advance(hours=1)
    assert world.subscription().state is State.CANCELLED
    world.advance(days=90)
    assert world.money() == [("succeeded", 0)]


@pytest.mark.spec("X-6", "R-6", "W-2")
def test_a_cancel_that_meets_a_capture_that_did_arrive_comes_after_it(world: PayPalWorld) -> None:
    _capture_goes_wrong(world, "timeout_after")
    assert world.cancel(When.NOW).result is Result.CHARGE_UNDER_WAY
    world.advance(hours=1)
    assert world.subscription().state is State.CANCELLED
    world.advance(days=90)
    assert world.money() == [("succeeded", 0)] * 2
    assert OrderKind.REBILL in {order.kind for order in world.orders()}


@pytest.mark.spec("R-6", "W-2")
@pytest.mark.parametrize("hours", [0.2, 0.7, 5, 30])
def test_an_outage_of_any_length_charges_once(world: PayPalWorld, hours: float) -> None:
    _capture_goes_wrong(world, "timeout_before")
    world.paypal.fail("broken", 10_000)
    world.advance(hours=hours)
    world.paypal.faults.clear()
    world.advance(days=1)
    assert world.money() == [("succeeded", 0)] * 2
    assert world.subscription().payments_made == 2
    assert world.subscription().state is State.ACTIVE


@pytest.mark.spec("W-1", "W-2", "R-6")
@pytest.mark.parametrize("after_a_decline", [True, False])
def test_an_event_settles_a_capture_whose_answer_was_lost(
    world: PayPalWorld, after_a_decline: bool
) -> None:
    if after_a_decline:
        world.buy_as()
        world.becomes("pays", issue="INSTRUMENT_DECLINED")
        world.advance(days=29)
        world.becomes("pays")
    _capture_goes_wrong(world, "timeout_after", bought=after_a_decline)
    told = world.paypal.books.events[-1]
    assert told["event_type"] == "PAYMENT.CAPTURE.COMPLETED"
    body, headers = world.paypal.deliver(told)
    tallies = [
        webhook.receive(world.ports, world.merchant, "paypal", body, headers, now=world.now)
        for _ in range(2)
    ]
    assert [list(tally) for tally in tallies] == [["paid"], ["repeated"]]
    world.advance(hours=2)
    assert [status for status, _ in world.money()].count("succeeded") == 2
    assert world.subscription().state is State.ACTIVE


def _capture_goes_wrong(world: PayPalWorld, fault: str, *, bought: bool = False) -> None:
    """The month's order is made, and its capture goes unanswered."""
    if not bought:
        world.buy_as()
    due = world.subscription().due_at
    assert due is not None
    world.now = due
    real = world.gateway.confirm

    def unlucky(*args: object, **kwargs: object) -> object:
        world.paypal.fail(fault, 2)
        world.gateway.confirm = real  # type: ignore[method-assign]
        return real(*args, **kwargs)  # type: ignore[arg-type]

    world.gateway.confirm = unlucky  # type: ignore[method-assign, assignment]
    world.tick()
    (invoice,) = [i for i in world.history().invoices if i.state is InvoiceState.CONFIRMING]
    assert invoice.gateway_ref is not None


def _draft(kind: PriceType, currency: Currency = Currency.USD) -> products.Draft:
    sets = {"installments": 3, "cycle": Cycle("1y")}
    more = sets if kind is PriceType.RECURRING_INSTALLMENT else {}
    terms = PriceTerms(kind, Money(2999, currency), Period.MONTHLY, **more)  # type: ignore[arg-type]
    return products.Draft("Course", False, 0, ("paypal",), None, (terms,))


@pytest.mark.spec("P-17")
def test_recurring_installments_are_refused(world: PayPalWorld) -> None:
    draft = _draft(PriceType.RECURRING_INSTALLMENT)
    with pytest.raises(Invalid, match=r"gateway_lacks_type .*gateway=paypal"):
        products.create(world.ports, world.merchant, draft, now=world.now)
    allowed = products.create(
        world.ports, world.merchant, _draft(PriceType.RECURRING), now=world.now
    )
    with pytest.raises(Invalid, match=r"gateway_lacks_type .*gateway=paypal"):
        products.add_price_point(
            world.ports, world.merchant, allowed[0].id, draft.terms[0], now=world.now
        )


@pytest.mark.spec("P-17", "P-20")
def test_a_currency_that_paypal_does_not_take_is_refused(world: PayPalWorld) -> None:
    world.change_merchant(settings=replace(world.merchant.settings, currency=Currency.INR))
    with pytest.raises(Invalid, match=r"gateway_lacks_currency .*currency=INR"):
        products.create(
            world.ports, world.merchant, _draft(PriceType.RECURRING, Currency.INR), now=world.now
        )


@pytest.mark.spec("W-1", "W-2", "B-7")
def test_what_is_refunded_on_paypals_pages_is_booked_and_what_comes_back_is_too(
    world: PayPalWorld,
) -> None:
    world.buy_as()
    (sale,) = world.orders()
    mine = {"amount_minor": 1000, "source": Source.MERCHANT, "now": world.now}
    refund.request(world.ports, refund.payment(world.ports, "acme", sale.id), **mine)  # type: ignore[arg-type]
    (invoice,) = world.history().invoices
    theirs = world.paypal.refund_elsewhere(str(invoice.gateway_ref), 500)
    assert _deliver(world) == Counter(nothing_new=2, refund_made_elsewhere=1)
    assert _deliver(world) == Counter(nothing_new=2, repeated=1)
    assert world.history().invoices[0].refunded_minor == 1500
    world.paypal.send_back(str(invoice.gateway_ref), theirs)
    assert _deliver(world)["refund_returned"] == 1
    assert world.money() == [("succeeded", 1000)]
    assert world.history().invoices[0].refunded_minor == 1000
    amounts = sorted(
        (o.amount.amount_minor, o.withdrawn) for o in world.orders() if o.kind is OrderKind.REFUND
    )
    assert amounts == [(500, True), (1000, False)]


@pytest.mark.spec("W-1", "W-2", "R-6")
def test_a_signed_event_settles_a_capture_through_the_handler(world: PayPalWorld) -> None:
    _capture_goes_wrong(world, "timeout_after")
    body, headers = world.paypal.deliver(world.paypal.books.events[-1])
    shape = fixture("paypal_webhook")
    shape["rawPath"] = shape["requestContext"]["http"]["path"] = "/webhooks/paypal/acme"
    shape |= {"headers": shape["headers"] | headers, "body": body.decode()}
    wiring.install(world.ports)
    webhook_app.app.cache_clear()
    try:
        for _ in range(2):
            assert webhook_app.handler(shape, CONTEXT)["statusCode"] == 200
        assert webhook_app.handler({**shape, "body": "{}"}, CONTEXT)["statusCode"] == 400
    finally:
        wiring.install(None)
    assert world.subscription().payments_made == 2
    assert world.money() == [("succeeded", 0)] * 2


def _deliver(world: PayPalWorld) -> Counter[str]:
    """Every event of the loopback, signed and delivered."""
    tally: Counter[str] = Counter()
    for event in world.paypal.books.events:
        if event["event_type"].startswith("PAYMENT."):
            body, headers = world.paypal.deliver(event)
            tally += webhook.receive(
                world.ports, world.merchant, "paypal", body, headers, now=world.now
            )
    return tally
