"""A gateway tells late, twice, out of order or never, and strangers tell lies: the end is the same
(W-1)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.checkout.checkouts import CheckoutState
from billing.checkout.flows import submit
from billing.gateway_events.flows import webhook
from billing.gateways.sandbox.events import SIGNATURE_HEADER
from billing.kernel.catalog import Initial
from billing.kernel.errors import Forged, Unavailable, Unreachable
from billing.kernel.gateways import SANDBOX, AccountRef, GatewayEvent
from billing.kernel.invoices import InvoiceState
from billing.kernel.ledger import trial_balance
from billing.kernel.merchants import GatewayAccount
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.refunds.flows import refund
from billing.refunds.refunds import RefundState
from billing.runtime import telemetry, wiring
from functions.webhook import app as webhook_app
from tests.coupons.couponing import coupon, uses
from tests.test_events import CONTEXT
from tests.test_events import event as fixture
from tests.world import MONTHLY, World

ACME = AccountRef("acme", SANDBOX, SANDBOX)

pytestmark = pytest.mark.spec("W-1")


@pytest.fixture
def world() -> World:
    return World(limits=False)


@pytest.fixture
def address(world: World) -> Iterator[World]:
    """The world behind the deployed handler."""
    wiring.install(world.ports)
    webhook_app.app.cache_clear()
    yield world
    wiring.install(None)


def events_of(world: World) -> list[GatewayEvent]:
    return list(world.sandbox.events_since(world.now.replace(year=2000)))


def take(world: World, event: GatewayEvent) -> str:
    (outcome,) = webhook.take(world.ports, world.merchant, ACME, event, now=world.now)
    return outcome


def request(event: GatewayEvent, world: World, **changes: Any) -> dict[str, Any]:
    body, headers = world.sandbox.signed(event)
    shape = fixture("stripe_webhook")
    shape["rawPath"] = shape["requestContext"]["http"]["path"] = "/webhooks/sandbox/acme"
    shape["headers"] |= headers
    return {**shape, "body": body.decode(), **changes}


def send(event: GatewayEvent, world: World, **changes: Any) -> int:
    return int(webhook_app.handler(request(event, world, **changes), CONTEXT)["statusCode"])


def lost_answer(world: World) -> None:
    """Loses the answer of the gateway's next call, which has its effect."""
    world.sandbox.faults.arm("timeout_after", 1)


def charged_unheard(world: World) -> None:
    """A month later: the renewal is charged, and the worker dies before it hears of it."""
    world.buy()
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **kwargs: Any) -> Any:
        confirm(*args, **kwargs)
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    assert world.work()["unknown"] == 1
    world.sandbox.confirm = confirm  # type: ignore[method-assign]


@pytest.mark.spec("C-4")
def test_a_webhook_finishes_a_purchase_whose_buyer_never_came_back(address: World) -> None:
    world = address
    product = world.product()
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(product.default_price_point, form)
    reference = waiting.invoice.gateway_ref
    assert reference is not None
    world.sandbox.authenticate(reference, succeeded=True)
    for _ in range(2):
        for event in events_of(world):
            assert send(event, world) == 200
    assert world.subscription().state is State.ACTIVE
    back = submit.resume(
        world.ports,
        product.default_price_point,
        form.attempt_key,
        now=world.now,
        return_url="https://pay.example.com/return",
    )
    assert back.state is CheckoutState.PAID
    assert [c["status"] for c in world.charges()] == ["succeeded"]
    assert len(world.orders()) == 1


@pytest.mark.spec("C-4", "C-8", "C-9")
def test_a_webhook_gives_back_trial_and_coupon_of_a_buyer_who_was_refused(address: World) -> None:
    world = address
    terms = replace(MONTHLY, initial=Initial(100, Span(14, Unit.DAY)), trial_guard=True)
    coupon(world, applies_to_initial=True, max_uses_per_customer=1)
    product = world.product(terms)
    waiting = world.buy(product, payment_method="pm_card_authenticationRequired", coupon="SPRING")
    assert waiting.invoice.gateway_ref is not None and uses(world) == 1
    world.sandbox.authenticate(waiting.invoice.gateway_ref, succeeded=False)
    assert {send(event, world) for event in events_of(world)} == {200}
    found = world.store.checkout("acme", waiting.key)
    assert found is not None and found.state is CheckoutState.DECLINED
    assert uses(world) == 0
    assert world.buy(product, coupon="SPRING").state is CheckoutState.PAID


@pytest.mark.spec("R-6")
def test_a_charge_under_way_is_settled_once_whoever_hears_of_it_first(world: World) -> None:
    charged_unheard(world)
    first, renewal = events_of(world)
    assert take(world, first) == "nothing_new"
    assert take(world, renewal) == "paid"
    assert take(world, renewal) == "repeated"
    paid = world.subscription()
    assert (paid.payments_made, paid.open_invoice) == (2, None)
    world.advance(minutes=20)
    assert world.subscription() == paid
    assert [o.kind for o in world.orders()] == ["sale", "rebill"]
    assert [c["status"] for c in world.charges()] == ["succeeded"] * 2


@pytest.mark.spec("R-6")
def test_the_worker_first_and_the_webhook_finds_it_done(world: World) -> None:
    charged_unheard(world)
    world.advance(minutes=20)
    done = world.history()
    for event in events_of(world):
        assert take(world, event) == "nothing_new"
    assert world.history() == done


@pytest.mark.spec("R-4")
def test_a_decline_heard_of_late_is_not_that_of_the_next_attempt(world: World) -> None:
    world.buy(payment_method="pm_card_chargeCustomerFail")
    assert take(world, events_of(world)[0]) == "nothing_new"


@pytest.mark.spec("B-7")
def test_a_refund_whose_answer_was_lost_is_booked_by_the_gateways_event(world: World) -> None:
    world.buy()
    (sale,) = world.orders()
    give_back = world.sandbox.refund

    def unheard(*args: Any, **kwargs: Any) -> Any:
        give_back(*args, **kwargs)
        raise Unreachable("nobody hears it")

    world.sandbox.refund = unheard  # type: ignore[method-assign]
    asked = refund.request(
        world.ports,
        refund.payment(world.ports, "acme", sale.id),
        amount_minor=500,
        source=Source.MERCHANT,
        now=world.now,
    )
    assert isinstance(asked, refund.UnderWay)
    world.sandbox.refund = give_back  # type: ignore[method-assign]
    assert world.history().refunds[0].state is RefundState.REQUESTED
    _, refunded = events_of(world)
    assert take(world, refunded) == "refund_succeeded"
    assert take(world, refunded) == "repeated"
    assert [o.kind for o in world.orders()] == ["sale", "refund"]
    world.advance(minutes=20)
    assert [c["refunded"] for c in world.charges()] == [500]


@pytest.mark.spec("W-6")
def test_an_event_about_a_payment_of_nobody_or_of_another_is_acknowledged(address: World) -> None:
    world = address
    world.buy()
    (event,) = events_of(world)
    stranger = AccountRef("globex", SANDBOX, SANDBOX)
    assert webhook.take(world.ports, world.merchant, stranger, event, now=world.now) == {
        "not_ours": 1
    }
    assert send(replace(event, reference="pi_unknown"), world) == 200
    assert send(replace(event, type="customer.created"), world) == 200
    nothing = replace(event, reference=None)
    assert take(world, nothing) == "ignored_payment"


@pytest.mark.parametrize(
    "changes",
    [
        {"body": ""},
        {"body": None},
        {"body": "{}"},
        {"body": "\ud800"},
        {"body": "%%%", "isBase64Encoded": True},
        {"body": b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True},
        {"body": "x" * (256 * 1024 + 1)},
        {"body": b64encode(b"x" * (256 * 1024 + 1)).decode(), "isBase64Encoded": True},
        {"headers": {"content-type": "application/json"}},
        {"headers": {"content-type": "application/json", SIGNATURE_HEADER: "t=1,v1=0"}},
        {"rawPath": "/webhooks/sandbox/globex"},
        {"rawPath": "/webhooks/stripe/acme"},
        {"rawPath": "/webhooks/nobody/acme"},
    ],
)
def test_what_nobody_signed_is_a_400_and_changes_nothing(
    address: World, changes: dict[str, Any]
) -> None:
    world = address
    charged_unheard(world)
    before = world.history()
    event = events_of(world)[-1]
    shape = request(event, world, **changes)
    if "rawPath" in changes:
        shape["requestContext"]["http"]["path"] = changes["rawPath"]
    answer = webhook_app.handler(shape, CONTEXT)
    assert answer["statusCode"] == 400, answer["body"]
    assert "problem+json" in answer["headers"]["Content-Type"]
    assert world.history() == before


@pytest.mark.parametrize(
    ("signed", "reason"),
    [
        ("t={now},v1=" + "0" * 64, "signature_wrong"),
        ("t=1,v1=" + "0" * 64, "signature_too_old"),
        ("", "signature_missing"),
    ],
)
def test_a_refused_event_says_whose_it_was_and_why(
    address: World,
    signed: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong secret shows in the log and rings an alarm; what has no signature only shows."""
    written: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        telemetry, "happened", lambda what, **fields: written.append((what, fields))
    )
    world = address
    charged_unheard(world)
    shape = request(events_of(world)[-1], world)
    shape["headers"][SIGNATURE_HEADER] = signed.format(now=int(world.now.timestamp()))
    answer = webhook_app.handler(shape, CONTEXT)
    assert json.loads(answer["body"])["reason"] == reason
    ((what, fields),) = written
    assert what == "webhook refused"
    assert {name: fields[name] for name in ("merchant", "gateway", "reason")} == {
        "merchant": "acme",
        "gateway": SANDBOX,
        "reason": reason,
    }
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    alarmed = {name: line[name] for line in counted for name in line if name == "GatewayTrouble"}
    assert bool(alarmed) is (reason != "signature_missing")


def test_a_refused_event_of_several_accounts_gives_the_reason_that_says_most(
    world: World,
) -> None:
    """The live account's secret fits a thin event; the old account's does not (W-6)."""
    live, old = AccountRef("acme", "stripe", "acct_live"), AccountRef("acme", "stripe", "acct_old")
    accounts = tuple(GatewayAccount(each.gateway, each.account) for each in (old, live))
    seller = replace(world.merchant, gateway_accounts=accounts)
    ports = replace(world.ports, gateway=lambda account: Refusing(account == live))
    with pytest.raises(Forged, match="event_thin"):
        webhook.receive(ports, seller, "stripe", b"", {}, now=world.now)


class Refusing:
    def __init__(self, fits: bool) -> None:
        self.fits = fits

    def parse_event(self, *_: Any, **__: Any) -> GatewayEvent:
        raise Forged("event_thin" if self.fits else "signature_wrong")


@pytest.mark.spec("W-6")
@pytest.mark.parametrize("keys", ["keys_refused", "no_keys"])
def test_an_account_whose_keys_do_not_work_any_more_holds_up_no_event_of_another(
    world: World, keys: str
) -> None:
    """PayPal is asked whether it sent an event with the keys of the account; those of an old one
    may be revoked long before its last payment can be refunded no more."""
    charged_unheard(world)
    seller = replace(
        world.merchant,
        gateway_accounts=(GatewayAccount("stripe", "acct_old"), GatewayAccount("stripe", "acct")),
    )
    old = Unanswering(Unavailable("Its keys are revoked.", code=keys))
    new = world.sandbox

    def gateway(account: AccountRef) -> Any:
        return old if account.account == "acct_old" else new

    ports = replace(world.ports, gateway=gateway)
    body, headers = new.signed(events_of(world)[-1])
    assert webhook.receive(ports, seller, "stripe", body, headers, now=world.now) == {
        "not_ours": 1  # what was paid is at another account of this test's
    }
    # It may be the old one's own: the gateway sends it again, and another look may tell.
    with pytest.raises(Unavailable, match="revoked"):
        webhook.receive(ports, seller, "stripe", body + b" ", headers, now=world.now)


class Unanswering:
    def __init__(self, error: Unavailable) -> None:
        self.error = error

    def parse_event(self, *_: Any, **__: Any) -> GatewayEvent:
        raise self.error


def test_a_body_is_verified_as_it_was_before_the_gateway_wrapped_it(address: World) -> None:
    world = address
    charged_unheard(world)
    event = events_of(world)[-1]
    body, _ = world.sandbox.signed(event)
    wrapped = {"body": b64encode(body).decode(), "isBase64Encoded": True}
    assert send(event, world, **wrapped) == 200
    assert world.subscription().payments_made == 2


def test_what_cannot_be_read_now_is_to_be_sent_again(address: World) -> None:
    world = address
    charged_unheard(world)
    event = events_of(world)[-1]
    world.sandbox.faults.arm("unavailable", 1)
    assert send(event, world) == 503
    assert send(event, world) == 200
    assert world.subscription().payments_made == 2


def test_what_a_payload_says_of_the_payment_counts_for_nothing(world: World) -> None:
    """A decline that an event reports as a success, signed with a stolen secret, stays a
    decline.
    """
    world.buy(email="bob@example.com")
    world.buy(payment_method="pm_card_chargeDeclined", email="ann@example.com")
    event = events_of(world)[-1]
    lie = replace(event, type="payment_intent.succeeded", id="evt_lie")
    assert take(world, lie) == "nothing_new"
    assert json.dumps(world.charges()).count("succeeded") == 1


BUYERS = {"ann@example.com": "pm_card_visa", "bob@example.com": "pm_card_authenticationRequired"}


def life(deliver: Callable[[World, bool], None]) -> World:
    """Lives two buyers, a renewal whose answers get lost, and a refund each.

    `deliver` delivers events in between, at first only some of them.
    """
    world = World(limits=False)
    product = world.product()
    for email, card in BUYERS.items():
        bought = world.submit(
            product.default_price_point, world.submission(email, payment_method=card)
        )
        if bought.invoice.state is InvoiceState.ACTION_REQUIRED:
            world.sandbox.authenticate(str(bought.invoice.gateway_ref), succeeded=True)
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    deliver(world, False)
    lost_answer(world)
    world.work()
    deliver(world, True)
    world.advance(hours=2)
    for email in BUYERS:
        (sale, *_) = world.orders(email)
        refund.request(
            world.ports,
            refund.payment(world.ports, "acme", sale.id),
            amount_minor=None,
            source=Source.SYSTEM,
            now=world.now,
        )
    deliver(world, True)
    return world


def end(world: World) -> list[Any]:
    """Returns the end state of orders, subscriptions, invoices and ledger, whoever brought it
    about.
    """
    return [
        (
            [(o.kind, o.amount, o.refunded_minor) for o in history.orders],
            [(s.state, s.payments_made, s.due_at) for s in history.subscriptions],
            [(i.state, i.refunded_minor) for i in history.invoices],
            trial_balance(history.ledger),
        )
        for history in map(world.history, BUYERS)
    ]


@given(st.data())
def test_any_order_and_any_number_of_deliveries_come_to_the_same_end(data: st.DataObject) -> None:
    def deliver(world: World, everything: bool) -> None:
        some = st.lists(st.sampled_from(events_of(world)), max_size=8)
        for event in data.draw(st.permutations(events_of(world) * 2) if everything else some):
            take(world, event)

    told_of, alone = life(deliver), life(lambda world, everything: None)
    assert end(told_of) == end(alone)
    assert [c["amount"] for c in told_of.charges()] == [c["amount"] for c in alone.charges()]
