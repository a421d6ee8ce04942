"""Measures which way each request takes: modules passed, store calls made.

    python -m dev.way_of_a_request

Sends the requests of ARCHITECTURE.md, section 2, to the functions' own handlers over a store in
memory, and prints a line for each. Then it prints the sizes of `dev.tree_sizes`. The budgets of
`tests/scenarios/test_budgets.py` count with the same code.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from billing.kernel.errors import Unreachable
from billing.kernel.merchants import SelfService
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.runtime import wiring
from dev import tree_sizes
from functions.cancel import app as cancel_app
from functions.checkout import app as checkout_app
from functions.portal import app as portal_app
from functions.rebill import app as rebill_app
from functions.webhook import app as webhook_app
from tests.portal.visitors import Shop, Visitor
from tests.web.calls import event
from tests.world import World

ROOT = Path(__file__).resolve().parent.parent
LAYER, FUNCTIONS = str(ROOT / "layers/common"), str(ROOT / "functions")
CONTEXT = SimpleNamespace(
    function_name="measured",
    function_version="1",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:measured",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)
WRITES = frozenset({"commit", "commit_each", "lease_each"})

Request = Callable[[], Any]
"""One request, ready to be sent once."""


@dataclass
class Way:
    """One request as it was counted.

    `modules` are those of billing and functions in the order in which they were reached, `changes`
    the calls from one of them to another. A transaction is one call of `store`.
    """

    modules: list[str] = field(default_factory=list)
    changes: int = 0
    store: Counter[str] = field(default_factory=Counter)
    ephemeral: Counter[str] = field(default_factory=Counter)
    audit: Counter[str] = field(default_factory=Counter)

    @property
    def reads(self) -> int:
        return self.store.total() - self.writes

    @property
    def writes(self) -> int:
        return sum(times for name, times in self.store.items() if name in WRITES)


class Counted:
    """A port that counts its calls by their names, and passes them on."""

    def __init__(self, port: Any, counts: Counter[str]) -> None:
        self._port = port
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)

        def counted(*args: Any, **named: Any) -> Any:
            self._counts[name] += 1
            return call(*args, **named)

        return counted


@contextmanager
def counting(world: World) -> Iterator[Way]:
    """Counts the calls of the world's ports while the block runs."""
    way, ports = Way(), world.ports
    world.ports = replace(
        ports,
        store=Counted(ports.store, way.store),
        ephemeral=Counted(ports.ephemeral, way.ephemeral),
        audit=Counted(ports.audit, way.audit),
    )
    _install(world)
    try:
        yield way
    finally:
        world.ports = ports
        _install(world)


def measured(world: World, request: Request) -> Way:
    """Sends a request and counts its calls, and the modules that it passes."""
    with counting(world) as way:
        stack: list[str] = []

        def profile(frame: FrameType, kind: str, _: Any) -> None:
            if kind not in {"call", "return"} or (name := module_of(frame)) is None:
                return
            if kind == "return":
                stack.pop()
                return
            way.changes += bool(stack) and stack[-1] != name
            stack.append(name)
            if name not in way.modules:
                way.modules.append(name)

        sys.setprofile(profile)
        try:
            request()
        finally:
            sys.setprofile(None)
    return way


def module_of(frame: FrameType) -> str | None:
    """Returns the module of a frame's code, None where it is not ours."""
    path = frame.f_code.co_filename
    if path.startswith(FUNCTIONS):
        return Path(path).relative_to(ROOT).with_suffix("").as_posix()
    if path.startswith(LAYER):
        return Path(path).relative_to(LAYER).with_suffix("").as_posix()
    return None


def _install(world: World) -> None:
    """Puts the functions' handlers over the world's present ports."""
    wiring.install(world.ports)
    for app in (checkout_app, portal_app, webhook_app):
        app.app.cache_clear()


def handled(handler: Any, made: Mapping[str, Any], *expected: int) -> Any:
    """Calls a handler as Lambda does, its logs set aside; an HTTP answer has an expected status."""
    with redirect_stdout(StringIO()):
        answer = handler(dict(made), CONTEXT)
    assert not expected or answer["statusCode"] in expected, answer
    return answer


# The requests: each prepares its world, and returns what is to be sent


def checkout_form(world: World, **more: str) -> Request:
    """A buyer's first purchase, by the hosted form."""
    point = world.product().default_price_point
    form = {**BUYER, "attempt_key": "attempt-of-a-form", **more}
    form |= {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
    sent = {"content-type": "application/x-www-form-urlencoded"}
    made = event("POST", f"/checkout/{point}", urlencode(form), headers=sent)
    return lambda: handled(checkout_app.handler, made, 303)


def checkout_json(world: World) -> Request:
    """A buyer's first purchase, by a program."""
    point = world.product().default_price_point
    address = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
    body = {**BUYER, "attempt_key": "attempt-of-a-program", "address": address}
    sent = {"content-type": "application/json"}
    made = event("POST", f"/checkout/{point}", json.dumps(body), headers=sent)
    return lambda: handled(checkout_app.handler, made, 201)


def rebill(world: World) -> Request:
    """The charge of one renewal that the sweep has queued."""
    _renewal_due(world)
    (body,) = world.queue.bodies
    records = [{"messageId": "1", "body": body}]
    return lambda: handled(rebill_app.charge, {"Records": records})


def delayed_cancel(world: World) -> Request:
    """The run that ends one subscription whose period is over."""
    world.buy()
    world.cancel()
    world.now += timedelta(days=31)
    made = {"time": world.now.isoformat()}
    return lambda: handled(cancel_app.sweep, made)


def portal_cancel(world: World) -> Request:
    """A signed-in customer's cancellation at the end of the period."""
    shop = Shop(world)
    bought = world.buy()
    page = f"/portal/acme/subscriptions/{bought.purchase}/cancel"
    return _sent_from_portal(shop.signed_in(), page, reason="other")


def portal_refund(world: World, **more: str) -> Request:
    """A signed-in customer's refund of a payment."""
    shop = Shop(world)
    shop.set(self_refund=SelfService.AUTOMATIC)
    world.buy(world.product(refund_days=30))
    (order,) = shop.order_ids()
    return _sent_from_portal(shop.signed_in(), f"/portal/acme/orders/{order}/refund", **more)


def portal_undo(world: World) -> Request:
    """A signed-in customer's undoing of a cancellation that waits for the period's end."""
    shop = Shop(world)
    world.buy()
    world.cancel(When.PERIOD_END)
    return _sent_from_portal(shop.signed_in(), _page(world, "undo-cancel"))


def portal_freeze(world: World) -> Request:
    """A signed-in customer's freeze from the next period on."""
    return _sent_from_portal(_freezing(world), _page(world, "freeze"))


def portal_unfreeze(world: World) -> Request:
    """A signed-in customer's unfreezing before the freeze has begun."""
    visitor = _freezing(world)
    visitor.post(f"/subscriptions/{world.subscription().id}/freeze")
    return _sent_from_portal(visitor, _page(world, "unfreeze"))


def webhook(world: World) -> Request:
    """The event of a renewal's payment whose worker never heard of it."""
    _renewal_due(world)
    with _unheard(world):
        world.work()
    return sent_by_gateway(world)


def sent_by_gateway(world: World) -> Request:
    """The newest event of the gateway, as it sends it."""
    *_, told = world.sandbox.events_since(world.now)
    body, signed = world.sandbox.signed(told)
    made = event("POST", "/webhooks/sandbox/acme", body.decode(), headers=signed)
    return lambda: handled(webhook_app.handler, made, 200)


REQUESTS: dict[str, Callable[[World], Request]] = {
    "checkout submit (form)": checkout_form,
    "checkout submit (JSON)": checkout_json,
    "rebill of one": rebill,
    "delayed cancel": delayed_cancel,
    "portal cancel": portal_cancel,
    "portal refund": portal_refund,
    "webhook in": webhook,
}

BUYER = {"email": "ann@example.com", "name": "Ann Example", "payment_method": "pm_card_visa"}


def _renewal_due(world: World) -> None:
    world.buy()
    world.now += timedelta(days=28)
    world.sweep()


@contextmanager
def _unheard(world: World) -> Iterator[None]:
    """Loses the gateway's answer to each confirmation in the block; the money has moved."""
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **named: Any) -> Any:
        confirm(*args, **named)
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    try:
        yield
    finally:
        world.sandbox.confirm = confirm  # type: ignore[method-assign]


def _freezing(world: World) -> Visitor:
    """Signs a customer in to a portal where customers freeze by themselves."""
    shop = Shop(world)
    shop.set(self_freeze=True)
    world.buy()
    return shop.signed_in()


def _page(world: World, what: str) -> str:
    return f"/portal/acme/subscriptions/{world.subscription().id}/{what}"


def _sent_from_portal(visitor: Visitor, page: str, **fields: str) -> Request:
    form = urlencode({"csrf": visitor.csrf, **fields})
    sent = {"content-type": "application/x-www-form-urlencoded"}
    cookies = [f"{name}={value}" for name, value in visitor.cookies.items()]
    made = event("POST", page, form, headers=sent, cookies=cookies)
    return lambda: handled(portal_app.handler, made, 303)


def main() -> None:
    """Prints the way of each request, and the sizes of the tree."""
    try:
        for name, prepared in REQUESTS.items():
            for _ in ("warm", "counted"):  # the first loads modules, which is no part of the way
                world = World()
                way = measured(world, prepared(world))
            print(_described(name, way), end="\n\n")
    finally:
        wiring.install(None)
    print(tree_sizes.described())


def _described(name: str, way: Way) -> str:
    calls = f"{way.store.total()} store calls ({way.reads} reads, {way.writes} writes)"
    return "\n".join(
        (
            f"{name}: {len(way.modules)} modules, {way.changes} changes, {calls}",
            f"  store: {_each(way.store)}",
            f"  ephemeral: {_each(way.ephemeral)}; audit: {_each(way.audit)}",
            f"  way: {' '.join(module.removeprefix('billing/') for module in way.modules)}",
        )
    )


def _each(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counts.most_common()) or "none"


if __name__ == "__main__":
    main()
