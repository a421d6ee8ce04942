"""Scenes: every request that changes something, with what comes before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from billing.accounts.flows import account, email_change
from billing.checkout.checkouts import Checkout
from billing.helpdesk.tickets import TicketType
from billing.invoices.flows import documents
from billing.kernel.catalog import Initial
from billing.kernel.invoices import InvoiceState
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from functions.account import app as account_app
from functions.checkout import app as checkout_app
from functions.portal import app as portal_app
from tests.accounts.platform import PASSWORD, SELLER, Platform, linked
from tests.helpdesk.tickets.asking import ask_support
from tests.plans.changing import GOLD
from tests.scenarios.outages import Line
from tests.scenarios.stage import JSON, Act, Stage
from tests.web.calls import Client
from tests.web.shop import PRODUCT
from tests.world import MONTHLY, World


def sold(stage: Stage, *terms: Any, **fields: Any) -> str:
    """The Order ID of something that was bought; a refund is open for 30 days."""
    stage.world.buy(stage.world.product(*(terms or (MONTHLY, GOLD)), refund_days=30), **fields)
    return stage.world.orders()[0].id


def past_due(stage: Stage) -> None:
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    sold(stage, trial, payment_method="pm_card_chargeCustomerFail")
    stage.world.advance(days=15)


def frozen(stage: Stage) -> None:
    sold(stage)
    stage.api().post(f"{stage.subscription}/freeze")
    stage.world.advance(days=40)


def under_way(stage: Stage) -> None:
    """A renewal whose answer was lost."""
    sold(stage)
    stage.world.now += timedelta(days=28)
    stage.world.sweep()
    confirm = stage.world.sandbox.confirm
    stage.world.sandbox.confirm = _lost  # type: ignore[method-assign]
    stage.world.work()
    stage.world.sandbox.confirm = confirm  # type: ignore[method-assign]


def _lost(*args: Any, **named: Any) -> Any:
    from billing.kernel.errors import Unreachable

    raise Unreachable("lost")


def asked(stage: Stage, wish: TicketType) -> str:
    order = sold(stage)
    return f"/v1/tickets/{ask_support(stage.world, order, wish).id}"


def other_plan(stage: Stage, when: str) -> Act:
    sold(stage)
    stage.world.advance(days=14)
    product = stage.world.subscription().product
    found = stage.world.store.product("acme", product)
    assert found is not None
    body = {"price_point": found.price_points[1], "when": when}
    return stage.post(f"{stage.subscription}/change-plan", body)


def buying(stage: Stage, **more: Any) -> Act:
    point = stage.world.product(MONTHLY).default_price_point
    visitor = Client(checkout_app.build(stage.world.ports))
    body = {
        "attempt_key": "attempt-1",
        "email": "ann@example.com",
        "name": "Ann",
        "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
        "payment_method": "pm_card_visa",
        **more,
    }
    return lambda: visitor.post(f"/checkout/{point}", body)


def two_cards(stage: Stage) -> str:
    """The first of two cards, which is not the default."""
    sold(stage)
    card = {"payment_method": "pm_card_mastercard", "attempt_key": "attempt-9"}
    assert stage.portal("/cards/new", **card)().status == 303
    return stage.world.history().methods[0].id


def pending(stage: Stage) -> None:
    sold(stage)
    stage.world.cancel(When.PERIOD_END)


def paused(stage: Stage) -> None:
    sold(stage)
    stage.api().post(f"{stage.subscription}/pause")


def waiting(stage: Stage) -> None:
    """A payment that was missed for so long that its merchant decides."""
    sold(stage)
    stage.world.now += timedelta(days=60)
    found = stage.world.subscription()
    stage.world.store.commit(Change(found, found.waiting(stage.world.now)))


ADDRESS = {
    "name": "Ann",
    "line1": "2 Main Street",
    "city": "Springfield",
    "postal_code": "12345",
    "state": "IL",
    "country": "US",
}


def back_from_the_bank(stage: Stage) -> Act:
    """A buyer who has authenticated comes back to the checkout."""
    asked = buying(stage, payment_method="pm_card_authenticationRequired")()
    assert asked.status == 202
    (attempt,) = (a for a in _all(stage.world) if isinstance(a, Checkout))
    stage.world.sandbox.authenticate(str(attempt.invoice.gateway_ref), succeeded=True)
    buyer = Client(checkout_app.build(stage.world.ports))
    address = f"/checkout/{attempt.price_point}/return?attempt={attempt.key}"
    return lambda: buyer.browse("GET", address, accept=JSON)


def _all(world: World) -> list[Any]:
    items: Any = world.store._items
    return [each for part in items._partitions.values() for each in part.values()]


def waiting_for_its_buyer(stage: Stage) -> tuple[Client, str]:
    """The page of a payment that waits for its buyer at the bank."""
    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    sold(stage, trial, payment_method="pm_card_authenticationRequired")
    stage.world.advance(days=15)
    invoice = stage.world.history().invoices[-1]
    assert invoice.state is InvoiceState.ACTION_REQUIRED
    link = documents.payment_link(stage.world.ports, stage.world.merchant, invoice)
    path = link.removeprefix("https://pay.example.com")
    return Client(portal_app.build(stage.world.ports)), path


def back_at_the_payment(stage: Stage, page: tuple[Client, str]) -> Act:
    browser, path = page
    reference = stage.world.history().invoices[-1].gateway_ref
    stage.world.sandbox.authenticate(str(reference), succeeded=True)
    return lambda: browser.browse("GET", f"{path}?returned=true", accept=JSON)


def platform(line: Line) -> Stage:
    """The platform, with an account that has bought its plan."""
    stage = Stage.of(line, Platform())
    assert isinstance(stage.world, Platform)
    stage.world.sign_up()
    stage.world.buy(stage.world.plan, email=SELLER)
    stage.world.tick()
    return stage


def leaving(line: Line) -> Act:
    stage = platform(line)
    other = stage.world.product(MONTHLY, name="More")
    stage.world.buy(other, email=SELLER)
    more = stage.world.history(SELLER).subscriptions[-1].id
    return stage.account("/billing/cancel", confirm="true", **{f"also_{more}": "true"})


def resetting(line: Line) -> Act:
    stage = Stage.of(line, Platform())
    assert isinstance(stage.world, Platform)
    stage.world.asks_for_account()
    token = linked(stage.world)
    browser = Client(account_app.build(stage.world.ports))
    form = {"password": PASSWORD}
    return lambda: browser.browse("POST", f"/account/reset/{token}", form, accept=JSON)


def signing_up(line: Line) -> Act:
    stage = Stage.of(line, Platform())
    browser = Client(account_app.build(stage.world.ports))
    form = {"username": "annsart", "name": "Ann", "email": SELLER}
    return lambda: browser.browse("POST", "/account/sign-up", form, accept=JSON)


def confirming(line: Line) -> Act:
    stage = platform(line)
    world = stage.world
    found = account.by_email(world.ports, SELLER)
    assert found is not None
    email_change.ask(world.ports, found, "new@example.com", now=world.now)
    old, new = linked(world), linked(world, "new@example.com")
    browser = Client(account_app.build(world.ports))
    assert browser.browse("POST", f"/account/email/{old}", {}).status == 200
    return lambda: browser.browse("POST", f"/account/email/{new}", {}, accept=JSON)


Scene = Callable[[Line], Act]


def on(prepare: Callable[[Stage], Any], act: Callable[[Stage, Any], Act]) -> Scene:
    """Returns a scene: its beginning, and the request made in it."""

    def scene(line: Line) -> Act:
        stage = Stage.of(line)
        return act(stage, prepare(stage))

    return scene


def nothing(stage: Stage) -> None:
    """A scene that begins with an empty shop."""


REFUND = {"amount": 1000}
NEW_TICKET = {"department": "billing", "email": "zoe@example.com", "subject": "Hi", "text": "Help"}
SCENES: dict[str, Scene] = {
    "refund": on(sold, lambda s, o: s.post(f"/v1/orders/{o}/refund", REFUND)),
    "refund, named": on(
        sold, lambda s, o: s.post(f"/v1/orders/{o}/refund", REFUND, idempotency_key="k")
    ),
    "cancel now": on(sold, lambda s, _: s.post(f"{s.subscription}/cancel", {"when": "now"})),
    "cancel later": on(
        sold, lambda s, _: s.post(f"{s.subscription}/cancel", {"when": "period_end"})
    ),
    "cancel meets a charge": on(
        under_way, lambda s, _: s.post(f"{s.subscription}/cancel", {"when": "now"})
    ),
    "undo": on(pending, lambda s, _: s.post(f"{s.subscription}/undo-cancel")),
    "resume": on(paused, lambda s, _: s.post(f"{s.subscription}/resume")),
    "charge": on(waiting, lambda s, _: s.post(f"{s.subscription}/retry")),
    "skip": on(waiting, lambda s, _: s.post(f"{s.subscription}/skip")),
    "pause": on(sold, lambda s, _: s.post(f"{s.subscription}/pause")),
    "freeze": on(sold, lambda s, _: s.post(f"{s.subscription}/freeze")),
    "unfreeze": on(frozen, lambda s, _: s.post(f"{s.subscription}/unfreeze")),
    "retry": on(past_due, lambda s, _: s.post(f"{s.subscription}/retry")),
    "change plan now": on(nothing, lambda s, _: other_plan(s, "now")),
    "change plan later": on(nothing, lambda s, _: other_plan(s, "next_rebill")),
    "approve a refund": on(
        lambda s: asked(s, TicketType.REFUND), lambda s, t: s.post(f"{t}/approve", {"cancel": True})
    ),
    "approve a cancel": on(
        lambda s: asked(s, TicketType.CANCEL), lambda s, t: s.post(f"{t}/approve")
    ),
    "decline": on(lambda s: asked(s, TicketType.CANCEL), lambda s, t: s.post(f"{t}/decline")),
    "reply": on(
        lambda s: asked(s, TicketType.CANCEL), lambda s, t: s.post(f"{t}/reply", {"text": "Hello"})
    ),
    "open a ticket": on(nothing, lambda s, _: s.post("/v1/tickets", NEW_TICKET)),
    "make a product": on(nothing, lambda s, _: s.post("/v1/products", PRODUCT)),
    "make a product, named": on(
        nothing, lambda s, _: s.post("/v1/products", PRODUCT, idempotency_key="k")
    ),
    "make a key": on(nothing, lambda s, _: s.post("/v1/keys", {})),
    "replace a key": on(nothing, lambda s, _: s.post("/v1/keys/key_1/replace")),
    "revoke a key": on(
        lambda s: s.api().post("/v1/keys", {}).json["id"],
        lambda s, key: partial(s.api().call, "DELETE", f"/v1/keys/{key}"),
    ),
    "erase": on(
        lambda s: (sold(s), s.world.cancel(When.NOW)),
        lambda s, _: s.post(f"/v1/customers/{s.world.subscription().customer}/erase"),
    ),
    "buy": on(nothing, lambda s, _: buying(s)),
    "back from the bank": on(nothing, lambda s, _: back_from_the_bank(s)),
    "back at a payment": on(waiting_for_its_buyer, back_at_the_payment),
    "on to the bank": on(
        waiting_for_its_buyer,
        lambda s, page: partial(page[0].browse, "POST", page[1], {}, accept=JSON),
    ),
    "portal: cancel": on(
        sold, lambda s, _: s.portal(f"/subscriptions/{s.world.subscription().id}/cancel")
    ),
    "portal: refund": on(sold, lambda s, o: s.portal(f"/orders/{o}/refund")),
    "portal: refund and cancel": on(
        sold, lambda s, o: s.portal(f"/orders/{o}/refund", cancel="true")
    ),
    "portal: pay": on(
        past_due, lambda s, _: s.portal(f"/subscriptions/{s.world.subscription().id}/pay")
    ),
    "portal: freeze": on(
        sold, lambda s, _: s.portal(f"/subscriptions/{s.world.subscription().id}/freeze")
    ),
    "portal: unfreeze": on(
        frozen, lambda s, _: s.portal(f"/subscriptions/{s.world.subscription().id}/unfreeze")
    ),
    "portal: card": on(
        sold,
        lambda s, _: s.portal(
            "/cards/new", payment_method="pm_card_mastercard", attempt_key="attempt-9"
        ),
    ),
    "portal: undo": on(
        pending, lambda s, _: s.portal(f"/subscriptions/{s.world.subscription().id}/undo-cancel")
    ),
    "portal: address": on(
        sold,
        lambda s, _: s.portal(f"/subscriptions/{s.world.subscription().id}/address", **ADDRESS),
    ),
    "portal: use a card": on(two_cards, lambda s, card: s.portal(f"/cards/{card}/use")),
    "portal: remove a card": on(two_cards, lambda s, card: s.portal(f"/cards/{card}/remove")),
    "console: refund and cancel": on(
        sold,
        lambda s, o: s.console(f"/orders/{o}/refund", amount="10.00", attempt="a-1", cancel="true"),
    ),
    "console: cancel": on(
        sold,
        lambda s, _: s.console(f"/subscriptions/{s.world.subscription().id}/cancel", when="now"),
    ),
    "console: approve": on(
        lambda s: asked(s, TicketType.REFUND),
        lambda s, t: s.console(f"/tickets/{t.rpartition('/')[2]}/approve", cancel="true"),
    ),
    "console: reply": on(
        lambda s: asked(s, TicketType.CANCEL),
        lambda s, t: s.console(
            f"/tickets/{t.rpartition('/')[2]}/reply", text="Hi", act="reply", attempt="attempt-1"
        ),
    ),
    "helpdesk: ask": on(
        sold,
        lambda s, o: s.helpdesk(
            "/new/billing", email="ann@example.com", subject="Hi", text="x", attempt="attempt-1"
        ),
    ),
    "account: leave": leaving,
    "account: sign up": signing_up,
    "account: new password": resetting,
    "account: confirm an email": confirming,
}


LOOKS = frozenset({"back from the bank", "back at a payment", "on to the bank"})
"""The requests that show how something stands, and may find nothing new."""
