"""The budgets of store calls that requests keep: what is loaded is passed on (ARCHITECTURE.md, 2).

Every call of the Store port counts, reads and writes alike; a transaction is one call. Requests go
through the functions' own handlers, as `python -m dev.way_of_a_request` sends and prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.api.flows import keys
from billing.kernel.merchants import ApiKey
from billing.kernel.subscription import State
from billing.kernel.writes import Insert
from billing.runtime import wiring
from dev import way_of_a_request as way
from dev.way_of_a_request import Request
from functions.merchant import app as merchant_app
from tests.web.calls import Client
from tests.world import World

CHECKOUT, REFUND, CANCEL, WEBHOOK = 12, 9, 6, 6
UNDO, FREEZE, UNFREEZE = 3, 4, 3
BY_API = {"pause": 4, "resume": 4, "freeze": 5, "unfreeze": 4, "undo-cancel": 5}


@pytest.fixture
def world() -> Iterator[World]:
    yield World()
    wiring.install(None)


def calls(world: World, prepare: Callable[[World], Request]) -> int:
    """The store calls of a request, after its preparation."""
    request = prepare(world)
    with way.counting(world) as counted:
        request()
    return counted.store.total()


@pytest.mark.spec("C-2")
@pytest.mark.parametrize("prepare", [way.checkout_form, way.checkout_json])
def test_a_first_purchase_keeps_the_budget_of_a_checkout(
    world: World, prepare: Callable[[World], Request]
) -> None:
    assert calls(world, prepare) <= CHECKOUT
    assert world.orders()


def bought_again(world: World) -> Request:
    """Another purchase by a customer who has a card with the seller."""
    world.buy()
    return way.checkout_form(world, confirm_repeat="true")


@pytest.mark.spec("C-2", "B-3")
def test_a_customers_next_purchase_keeps_the_budget_of_a_checkout(world: World) -> None:
    assert calls(world, bought_again) <= CHECKOUT
    assert len(world.history().subscriptions) == 2


def declined(world: World) -> Request:
    return way.checkout_form(world, payment_method="pm_card_chargeCustomerFail")


@pytest.mark.spec("C-4")
def test_a_declined_purchase_keeps_the_budget_of_a_checkout(world: World) -> None:
    assert calls(world, declined) <= CHECKOUT
    assert [charge["status"] for charge in world.charges()] == ["declined"]


@pytest.mark.spec("B-7")
def test_a_refund_in_the_portal_keeps_its_budget(world: World) -> None:
    assert calls(world, way.portal_refund) <= REFUND
    assert world.charges()[0]["refunded"] == 2999


@pytest.mark.spec("X-1")
def test_a_cancellation_in_the_portal_keeps_its_budget(world: World) -> None:
    assert calls(world, way.portal_cancel) <= CANCEL
    assert world.subscription().state is State.CANCELLED


@pytest.mark.spec("X-5")
def test_undoing_a_cancellation_in_the_portal_keeps_its_budget(world: World) -> None:
    assert calls(world, way.portal_undo) <= UNDO
    assert world.subscription().state is State.ACTIVE


@pytest.mark.spec("A-5")
def test_a_freeze_in_the_portal_keeps_its_budget(world: World) -> None:
    assert calls(world, way.portal_freeze) <= FREEZE
    assert world.subscription().freezes_at is not None


@pytest.mark.spec("A-5")
def test_an_unfreeze_in_the_portal_keeps_its_budget(world: World) -> None:
    assert calls(world, way.portal_unfreeze) <= UNFREEZE
    assert world.subscription().freezes_at is None


BEFORE = {"resume": ["pause"], "unfreeze": ["freeze"], "undo-cancel": ["cancel"]}
"""The requests that come before one that takes them back."""


@pytest.mark.spec("X-5", "X-11", "A-5")
@pytest.mark.parametrize("verb", BY_API)
def test_a_change_of_a_subscription_by_the_api_keeps_its_budget(world: World, verb: str) -> None:
    world.buy()

    def prepare(world: World) -> Request:
        *earlier, asked = (_by_api(world, name) for name in [*BEFORE.get(verb, []), verb])
        for request in earlier:
            request()
        return asked

    assert calls(world, prepare) <= BY_API[verb]


def _by_api(world: World, verb: str) -> Request:
    """A program's request about the subscription, with a key of the merchant's."""
    secret = "sk_budget"
    if world.store.api_key(keys.digest(secret)) is None:
        world.store.commit(Insert(ApiKey("key_1", keys.digest(secret), "acme", world.now)))
    address = f"/v1/subscriptions/{world.subscription().id}/{verb}"
    body = {"when": "period_end"} if verb == "cancel" else {}

    def send() -> None:
        answer = Client(merchant_app.build(world.ports), secret).post(address, body)
        assert answer.status == 200, answer.body

    return send


def renewal(world: World) -> Request:
    """The event of a renewal's payment."""
    return way.webhook(world)


def first_payment(world: World) -> Request:
    """The event of a stranger's payment."""
    return _waiting(world)


def customers_next(world: World) -> Request:
    """The same of somebody who has bought before."""
    world.buy()
    return _waiting(world, confirm_repeat=True)


def refund_elsewhere(world: World) -> Request:
    """The event of a refund that was made at the gateway, of a first payment."""
    reference = _paid(world)
    world.sandbox.refund_elsewhere(reference, 2999)
    return way.sent_by_gateway(world)


def dispute(world: World) -> Request:
    """The event of a chargeback of a first payment."""
    reference = _paid(world)
    world.sandbox.open_dispute(reference)
    return way.sent_by_gateway(world)


def _paid(world: World) -> str:
    """Returns the payment of a purchase of an hour ago."""
    reference = world.buy().invoice.gateway_ref
    assert reference is not None
    world.now += timedelta(hours=1)
    return reference


def _waiting(world: World, **fields: Any) -> Request:
    """The event of a first payment whose buyer has answered their bank, and never came back."""
    point = world.product().default_price_point
    form = world.submission(payment_method="pm_card_authenticationRequired", **fields)
    reference = world.submit(point, form).invoice.gateway_ref
    assert reference is not None
    world.now += timedelta(minutes=1)
    world.sandbox.authenticate(reference, succeeded=True)
    return way.sent_by_gateway(world)


@pytest.mark.spec("W-1")
@pytest.mark.parametrize(
    "prepare", [renewal, first_payment, customers_next, refund_elsewhere, dispute]
)
def test_a_webhook_that_settles_keeps_its_budget(
    world: World, prepare: Callable[[World], Request]
) -> None:
    request = prepare(world)
    facts = len(_event_ids(world))
    with way.counting(world) as counted:
        request()
    assert counted.store.total() <= WEBHOOK, counted.store
    assert len(_event_ids(world)) > facts


def _event_ids(world: World) -> list[str]:
    shards = range(world.ports.operation.shards)
    found = (world.store.undelivered(n, world.now + timedelta(days=1), 100) for n in shards)
    return [fact.id for facts in found for fact in facts]
