"""Stages what goes on around issued documents: files fail, sellers change, customers download."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from billing.invoices.flows import documents
from billing.kernel.invoices import Invoice
from billing.kernel.objects import ObjectKey, StoredObject
from billing.kernel.subscription import Subscription
from billing.storage.memory.objects import MemoryObjects
from sim.chance import Chance
from sim.invariants import I
from sim.virtual_clock import answered
from sim.wire import Wire

if TYPE_CHECKING:
    from sim.adversary import Adversary
    from sim.world import World

RENAMED = 3
"""The interval at which each seller gets another name and address on the web, which its documents
name from then on."""


class SimObjects(MemoryObjects):
    """`ports.objects` over the wire."""

    def __init__(self, clock: Callable[[], datetime], wire: Wire) -> None:
        super().__init__(clock)
        self._wire = wire

    def put(
        self,
        key: ObjectKey,
        content: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        put = partial(super().put, key, content, content_type=content_type, metadata=metadata)
        return self._wire.call("objects", "keep file", put, key.name)

    def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
        return self._wire.call("objects", "file", partial(super().get, key, at_most=at_most))


def rename_sellers(world: World, change: Callable[..., None]) -> None:
    """Plans new names of each seller; `change` changes a merchant."""
    for name in world.plan.merchants:
        chance = Chance(world.seed, f"renamed {name}")
        for number in range(RENAMED):
            if world.faults.planned(f"renamed {name}", number):
                fields = {"name": f"Seller {number}", "website": f"https://{number}.example"}
                at_us = chance.between(world.plan.start_us, world.plan.end_us)
                world.clockwork.at(at_us, partial(change, world, name, **fields))


def download(adversary: Adversary, target: Subscription) -> None:
    """Downloads one of the customer's invoices, now and then twice at once, by its mail's link."""
    world = adversary.world
    paid = [i for i in world.oracle.invoices.values() if _is_paid(i, target)]
    if not paid:
        return
    chance = Chance(world.seed, f"download {target.id} {world.clockwork.now_us}")
    invoice = chance.pick((paid[-1], paid[0]))

    def work() -> None:
        ports = world.ports
        seller = ports.store.merchant(invoice.merchant)
        assert seller is not None, "a merchant is never removed"
        reference = documents.link(ports, seller, invoice).split("/")[-2]
        world.oracle.served(documents.download(ports, invoice.merchant, reference))

    for _ in range(chance.pick((1, 1, 2))):
        name = f"download {invoice.id}"
        world.clockwork.spawn(name, work, world.clockwork.now_us, answered)


def _is_paid(invoice: Invoice, target: Subscription) -> bool:
    return invoice.subscription == target.id and invoice.state is I.PAID
