"""The worlds that the rebill engine is measured in: N subscriptions due of M, one gateway.

Everything but the gateway's answers is the product's own, from the sweep to the settled invoice.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from billing.aws.sqs_queue import leases_of
from billing.kernel.customers import PurchaseBillTo
from billing.kernel.gateways import (
    Capabilities,
    ChargeOrder,
    Declined,
    Outcome,
    SavedMethod,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.merchants import GatewayAccount
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.rebill.flows import sweep, worker
from tests.world import START, World

SHARDS = 16
LEASES_AT_ONCE = 250
DUE_NOW = START + timedelta(days=29)
"""An instant shortly after the first renewal of a purchase at START is due."""
MUCH_LATER = DUE_NOW + timedelta(days=59)


ACCOUNT = "acct_0123456789abcdef"


class InstantGateway:
    """A gateway that says yes at once, and refuses to charge any payment twice."""

    name, account = "stripe", ACCOUNT
    capabilities = Capabilities(minimum_minor=1, test=True)

    def __init__(self) -> None:
        self.charged: set[str] = set()

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        return f"pi_{order.invoice[-24:]:0>24}"

    def confirm(self, reference: str, method: str, *, key: str, **_: Any) -> Outcome:
        assert reference not in self.charged, "charged twice"
        self.charged.add(reference)
        return Succeeded(f"ch{reference[2:]}")

    def lookup(self, reference: str, **_: Any) -> Outcome | Unconfirmed:
        return Succeeded(f"ch{reference[2:]}") if reference in self.charged else Unconfirmed()

    def save_method(self, token: str, **_: Any) -> SavedMethod | Declined:
        return SavedMethod(f"{token}:saved", "visa", "4242", "2034-12", "fp_4242")


@cache
def bought() -> tuple[Subscription, PurchaseBillTo]:
    """Returns the records of one checkout that a renewal reads; all others are copies of it.

    Ids and names are as long as in life (Stripe's are 27 characters).
    """
    world = World(shards=SHARDS)
    world.buy(email="firstname.lastname@example.com", name="Firstname Lastname")
    subscription = world.subscription("firstname.lastname@example.com")
    (bill_to,) = world.store.bill_tos([("acme", subscription.customer, subscription.id)])
    assert bill_to is not None
    as_long = replace(
        subscription,
        product="prod_0123456789abcdef",
        product_name="Course in Typography",
        price_point="acme.0123456789abcdef",
        payment_method="pm_0123456789abcdefghijklmn",
        gateway="stripe",
        gateway_account=ACCOUNT,
        test=False,
    )
    return as_long, bill_to


def copies(ports: Ports, number: int) -> tuple[Subscription, PurchaseBillTo]:
    """Returns the `number`-th subscription, due at DUE_NOW, and where its bills go."""
    _, bill_to = bought()
    mine = copy(ports, number)
    return mine, replace(bill_to, customer=mine.customer, purchase=mine.id)


def copy(ports: Ports, number: int, *, due: bool = True) -> Subscription:
    """Returns the `number`-th subscription, due at DUE_NOW or much later."""
    subscription, _ = bought()
    own = f"sub_{number:016d}"
    due_at = subscription.due_at if due else MUCH_LATER
    return replace(
        subscription,
        id=own,
        customer=f"cus_{number:016d}",
        shard=ports.shard_of(own),
        due_at=due_at,
    )


def world_of(total: int, due: int | None = None, **operation: Any) -> World:
    """Returns a merchant with `total` subscriptions in memory, the first `due` of them due."""
    world = World(**{"shards": SHARDS, "gateway_calls_per_second": 1_000_000, **operation})
    gateway: Any = InstantGateway()  # no more of a gateway than a renewal asks
    world.ports = replace(world.ports, gateway=lambda account: gateway)
    world.change_merchant(gateway_accounts=(GatewayAccount(gateway.name, gateway.account),))
    gc.disable()  # a collector that looks at every new million is no part of anything
    for number in range(total):
        if due is None or number < due:
            world.store.commit(*map(Insert, copies(world.ports, number)))
        else:
            world.store.commit(Insert(copy(world.ports, number, due=False)))
    gc.freeze()
    gc.enable()
    world.now = DUE_NOW
    return world


def renew(world: World, at_once: int = LEASES_AT_ONCE) -> Counter[str]:
    """Sweeps, queues, charges and settles until nothing is due."""
    tally: Counter[str] = Counter()
    while (swept := sweep.due(world.ports, now=world.now))["due"]:
        tally += swept
        leases = [lease for body in world.queue.bodies for lease in leases_of(body)]
        world.queue.bodies.clear()
        for start in range(0, len(leases), at_once):
            tally += worker.take(world.ports, leases[start : start + at_once], now=world.now)
    return tally


def checked(
    world: World,
    count: int,
    measure: Callable[[Callable[[], object]], float],
    at_once: int = LEASES_AT_ONCE,
) -> float:
    """Returns the seconds for renewing all, each of them paid once."""
    tallies: list[Counter[str]] = []
    seconds = measure(lambda: tallies.append(renew(world, at_once)))
    assert tallies[0]["paid"] == count, tallies[0]
    return seconds
