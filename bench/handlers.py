"""Handlers when they are warm: CPU per request in process, over the in-memory store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import process_time
from typing import Any

from bench.figures import Figure, Report, percentile
from billing.kernel.errors import Unreachable
from billing.kernel.values import replace
from billing.render import invoice_pdf
from billing.runtime import telemetry
from functions.checkout import app as checkout_app
from functions.portal import app as portal_app
from functions.webhook import app as webhook_app
from tests.portal.visitors import OPEN, Visitor
from tests.web.calls import Answer, Client, event
from tests.web.shop import MONTHLY, START, Shop
from tests.world import World

REQUESTS = 200
PAYMENTS = 20
WARM_UP = 10


def warm(report: Report) -> None:
    """Measures p50 and p99 of each kind of request."""
    for name, request in _requests():
        times = _times(request)
        report.add(
            Figure(f"{name}, p50", percentile(times, 0.5), "ms CPU"),
            Figure(f"{name}, p99", percentile(times, 0.99), "ms CPU"),
        )


def _requests() -> list[tuple[str, Callable[[int], Answer]]]:
    world = World(limits=False)
    product = world.product(public_listing=True)
    till = Client(checkout_app.build(world.ports))
    address = f"/checkout/{product.default_price_point}"

    def submit(number: int) -> Answer:
        return till.post(
            address,
            {
                "attempt_key": f"bench-attempt-{number:06d}",
                "email": f"buyer{number}@example.com",
                "name": "Ann Example",
                "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
                "payment_method": "pm_card_visa",
            },
        )

    visitor = _customer_of_long_standing()
    shop = Shop(World(limits=False))
    for number in range(50):
        shop.world.buy(email=f"ann{number}@example.com")
    preview = {"price_point": MONTHLY, **START, "count": 24}
    return [
        ("checkout page", lambda _: till.browse("GET", address)),
        ("checkout submit", submit),
        (f"portal page, {PAYMENTS} payments", lambda _: visitor.browse("GET", visitor.base)),
        ("preview of 24 charges", lambda _: shop.api.post("/v1/preview", preview)),
        ("orders list of 50", lambda _: shop.api.get("/v1/orders")),
        ("webhook that settles a renewal", _webhooks()),
        ("webhook of what is known", _webhooks(again=True)),
    ]


def _webhooks(*, again: bool = False) -> Callable[[int], Answer]:
    """Returns a request with signed events of renewals whose charge nobody heard of, one by one.

    With `again`, it sends the first of them again and again.
    """
    world = World(limits=False)
    confirm, product = world.sandbox.confirm, world.product()
    for number in range(1 if again else WARM_UP + REQUESTS):
        world.buy(product, email=f"ann{number}@example.com")
    world.now += timedelta(days=28)

    def unheard(*args: Any, **named: Any) -> Any:
        confirm(*args, **named)
        raise Unreachable("nobody hears it")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    world.sweep()
    world.work()
    gateway = Client(webhook_app.build(world.ports))
    events = world.sandbox.events_since(world.now)

    def told(number: int) -> Answer:
        telemetry.metrics().clear_metrics()  # a hundred of them would be printed
        body, headers = world.sandbox.signed(events[0 if again else number])
        return gateway.send(event("POST", "/webhooks/sandbox/acme", body.decode(), headers=headers))

    return told


def _customer_of_long_standing() -> Visitor:
    world = World(limits=False)
    world.change_merchant(settings=OPEN)
    world.buy()
    world.advance(days=31 * PAYMENTS)
    visitor = Visitor(portal_app.build(world.ports))
    entered = visitor.log_in(world.orders()[0].id, "ann@example.com")
    assert entered.status == 303, entered
    return visitor


def _times(request: Callable[[int], Answer]) -> list[float]:
    times = []
    for number in range(WARM_UP + REQUESTS):
        began = process_time()
        answer = request(number)
        times.append((process_time() - began) * 1e3)
        assert answer.status in {200, 201}, (answer.status, answer.body[:400])
    return sorted(times[WARM_UP:])


def invoices(report: Report) -> None:
    """Measures PDFs of one invoice after the other."""
    world = World()
    world.buy()
    world.work()
    (issued,) = world.history().documents
    invoice_pdf.render(issued)
    count = 60
    # No two alike: typst remembers what it has set.
    documents = [replace(issued, number=f"INV-{n:06d}", file=str(n)) for n in range(count)]
    began = process_time()
    for each in documents:
        assert invoice_pdf.render(each)
    seconds = (process_time() - began) / count
    report.add(Figure("invoice PDFs", 60 / seconds, "a minute of CPU", 1000))
    pdf = invoice_pdf.render(issued)
    report.counted["attached_bytes"] = len(pdf) * 4 / 3  # base64
