"""Renewals that are open: as the release before left them, and under way without an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from billing.kernel import invoicing
from billing.kernel.errors import Unreachable
from billing.kernel.invoices import Invoice
from billing.kernel.taxes import BEFORE_TAX
from billing.rebill import charge_steps
from tests.world import World


def as_the_release_before(world: World) -> Invoice:
    """Opens the next invoice with nothing prepared, which took a transaction of its own."""
    subscription = world.subscription()
    key = (subscription.merchant, subscription.customer, subscription.id)
    (bill_to,) = world.store.bill_tos([key])
    assert bill_to is not None
    invoice = invoicing.following(
        subscription,
        bill_to.bill_to,
        order_id=world.ports.new_id("order"),
        download_key=world.ports.new_id("key"),
        now=world.now,
        minimum_minor=world.ports.minimum_minor(subscription),
        taxes=BEFORE_TAX,
    )
    world.store.commit(*charge_steps.open_invoice(subscription, invoice))
    return invoice


@contextmanager
def unconfirmed(world: World) -> Iterator[None]:
    """Lets no confirmation reach the gateway: what is opened stays under way."""
    confirm = world.sandbox.confirm

    def cut(*_: Any, **__: Any) -> Any:
        raise Unreachable("nothing reaches the gateway")

    world.sandbox.confirm = cut  # type: ignore[method-assign]
    yield
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
