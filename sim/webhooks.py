"""Webhooks of the simulated gateway: late, twice, out of order, never; and forged ones (14)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from billing.gateway_events.flows import lost_events, webhook
from billing.kernel.errors import Forged
from billing.kernel.gateways import SANDBOX, GatewayEvent
from billing.kernel.ports import Ports
from sim.chance import Chance, stretched
from sim.gateway import SimGateway
from sim.invariants import Violation
from sim.virtual_clock import DAY, HOUR, MINUTE, SECOND, Clockwork, instant
from sim.wire import Wire

PROMPT_US = (500, 5 * SECOND)
LATE_US = (MINUTE, 5 * DAY)
AGAIN_US = (MINUTE, 8 * HOUR)
TRIES_AT_MOST = 12
LOOKS_EVERY_US = 3 * DAY


class Webhooks:
    """Delivers each event in the gateway's books, as reliably as a gateway does."""

    def __init__(self, seed: int, wire: Wire, gateway: SimGateway, ports: Callable[[], Ports]):
        self.looks: int | None = None
        self.on = Chance(seed, "webhooks").happens(0.7)
        self._seed = seed
        self._wire = wire
        self._clockwork: Clockwork = wire.clockwork
        self._gateway = gateway
        self._ports = ports

    def happened(self, merchant: str, event: GatewayEvent) -> None:
        """Delivers, mostly, an event that is in the books."""
        if not self.on:
            return
        faults, now_us = self._wire.faults, self._clockwork.now_us
        if faults.around("webhook_lost", event.id) is None:
            late = faults.around("webhook_late", event.id)
            at = Chance(self._seed, f"webhook {event.id}").share()
            span, at = (PROMPT_US, at) if late is None else (LATE_US, late)
            self._deliver(merchant, event, now_us + int(stretched(*span, at)), 1)
        twice = faults.around("webhook_twice", event.id)
        if twice is not None:
            self._deliver(merchant, event, now_us + int(stretched(*LATE_US, twice)), 1)
        forged = faults.around("webhook_forged", event.id)
        if forged is not None:
            at_us = now_us + int(stretched(*LATE_US, forged))
            self._clockwork.at(at_us, partial(self._forge, merchant, event))

    def look(self) -> None:
        """Runs the sweep that finds lost events, every few days."""
        if not self.on:
            return

        now_us = self._clockwork.now_us
        chance = Chance(self._seed, f"events {now_us}")
        room = None if self.looks is None else iter(range(chance.pick((2, 20, 200))))

        def work() -> None:
            ports = self._ports()
            keep_going = lambda: room is None or next(room, None) is not None  # noqa: E731
            lost_events.catch_up(ports, now=ports.clock(), keep_going=keep_going)

        self._clockwork.spawn(f"events {instant(now_us):%m-%d}", work, now_us, lambda error: None)
        every_us = LOOKS_EVERY_US if self.looks is None else DAY
        self._clockwork.at(now_us + every_us, self.look)

    def _deliver(self, merchant: str, event: GatewayEvent, at_us: int, tries: int) -> None:
        def work() -> None:
            ports = self._ports()
            body, headers = self._gateway.sandbox.signed(event)
            seller = ports.store.merchant(merchant)
            webhook.receive(ports, seller, SANDBOX, body, headers, now=ports.clock())

        def ended(error: BaseException | None) -> None:
            if error is not None and tries < TRIES_AT_MOST:
                chance = Chance(self._seed, f"webhook {event.id} again {tries}")
                again_us = self._clockwork.now_us + int(chance.stretched(*AGAIN_US))
                self._deliver(merchant, event, again_us, tries + 1)

        self._clockwork.spawn(f"webhook {event.id}", work, at_us, ended)

    def _forge(self, merchant: str, event: GatewayEvent) -> None:
        """Sends a forged event, as a stranger would who has seen one: it would pay for another
        invoice.
        """
        body, headers = self._gateway.sandbox.signed(event)
        lie = body.replace(b"payment_failed", b"succeeded") + b" "

        def work() -> None:
            ports = self._ports()
            seller = ports.store.merchant(merchant)
            try:
                webhook.receive(ports, seller, SANDBOX, lie, headers, now=ports.clock())
            except Forged:
                return
            raise Violation("14", f"a forged {event.id} was believed", event.id)

        name = f"forged {event.id}"
        self._clockwork.spawn(name, work, self._clockwork.now_us, lambda error: None)
