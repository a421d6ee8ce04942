"""The table's stream in the simulated deployment: records in batches, those that come together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from billing.kernel.outbox_events import OutboxEvent
from billing.storage.addresses import Key
from sim.virtual_clock import SECOND, Clockwork

TOGETHER_US, AT_MOST = 5 * SECOND, 25
"""The time within which records share a batch, and the most of a batch (template.yaml)."""

Tell = Callable[[str, list[Any]], None]


class Coming:
    """A record that no batch had yet."""

    __slots__ = ("at_us", "name", "record")

    def __init__(self, at_us: int, name: str, key: Key[OutboxEvent]) -> None:
        self.at_us = at_us
        self.name = name
        self.record = {"dynamodb": {"Keys": {"pk": {"S": key.pk}, "sk": {"S": key.sk}}}}


class Stream:
    """Hands outbox events to their function; `tell` runs it, under the name of the first one."""

    def __init__(self, clockwork: Clockwork, tell: Tell) -> None:
        self._clockwork = clockwork
        self._tell = tell
        self._coming: list[Coming] = []

    def brings(self, key: Key[OutboxEvent], event: str, at_us: int) -> None:
        """Plans a record for an instant, unless a batch shortly before takes it along."""
        coming = Coming(at_us, f"tell {event}", key)
        self._coming.append(coming)
        self._clockwork.at(at_us, partial(self._hand_out, coming))

    def _hand_out(self, first: Coming) -> None:
        if first not in self._coming:
            return
        until_us = self._clockwork.now_us + TOGETHER_US
        near = [each for each in self._coming if each is not first and each.at_us <= until_us]
        batch = [first, *near][:AT_MOST]
        self._coming = [each for each in self._coming if each not in batch]
        self._tell(first.name, [each.record for each in batch])
