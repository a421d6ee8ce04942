"""Outbox events that are delivered late, and the mail that they become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from billing.kernel.catalog import Cancellation, PriceTerms
from billing.kernel.money import Currency, Money
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.values import replace
from billing.outbox.flows import deliver
from tests.world import MONTHLY, World

DELAYED = replace(MONTHLY, cancellation=Cancellation.DELAYED)
GOLD = replace(MONTHLY, price=Money(4900, Currency.USD))


@contextmanager
def untold() -> Iterator[None]:
    """Stops delivery of the outbox."""
    with pytest.MonkeyPatch.context() as still:
        still.setattr(deliver, "sweep", lambda *_, **__: Counter())
        yield


def told(world: World) -> list[tuple[str, str]]:
    """Delivers the outbox; returns subject and words of its mails, oldest first."""
    before = len(world.mailer.sent)
    deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))
    return [
        (str(m["Subject"]).removeprefix("[TEST] "), m.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        for m in world.mailer.sent[before:]
    ]


def subjects(world: World) -> list[str]:
    return [subject for subject, _ in told(world)]


def facts(world: World) -> list[OutboxEvent]:
    return [
        fact
        for shard in range(world.ports.operation.shards)
        for fact in world.store.undelivered(shard, world.now + timedelta(days=400), 100)
    ]


def bought(world: World, terms: PriceTerms = DELAYED, **fields: Any) -> str:
    """Returns a subscription whose buyer has had the mail about it."""
    world.buy(world.product(terms, GOLD, refund_days=30), **fields)
    world.work()
    return world.subscription().id
