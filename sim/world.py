"""One simulated world: the real flows and handlers over ports that fail as a seed says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any, TypeVar

from billing.checkout.checkouts import Checkout
from billing.declarations.declarations import Declaration
from billing.gateways.sandbox.ledger import Row
from billing.helpdesk.tickets import Ticket
from billing.jobs.jobs import JobLine
from billing.kernel.errors import Unavailable
from billing.kernel.gateways import GatewayEvent
from billing.kernel.merchants import Merchant
from billing.kernel.operation import Operation
from billing.kernel.orders import order_id
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.notices.reminders import Reminder
from billing.refunds.refunds import Refund
from billing.runtime import wiring
from billing.runtime.ids import ALPHABET, SYMBOLS
from billing.runtime.passwords import Argon2Passwords
from billing.storage.addresses import Key
from billing.storage.audit_rows import MemoryAudit
from billing.storage.ephemeral_rows import value_place
from billing.storage.memory.ephemeral import MemoryEphemeral
from billing.storage.store import ItemStore
from billing.webhooks.deliveries import Delivery
from sim import plan
from sim.chance import Chance, digest
from sim.deployment import Deployment
from sim.documents import SimObjects
from sim.faults import Fault, Faults, Forced
from sim.figures import Changes
from sim.gateway import SimGateway
from sim.hurry import Broken, Hurry
from sim.invariants import Violation
from sim.items import Put, SimItems, Table
from sim.jobs import SimJobs
from sim.oracle import Oracle
from sim.receivers import SimReceivers
from sim.receivers import key as webhook_key
from sim.virtual_clock import DAY, Clockwork, Invocation, instant, microseconds
from sim.webhooks import Webhooks
from sim.wire import Log, Wire

T = TypeVar("T")
R = TypeVar("R")

SKEW_US = 5_000_000
TTL_LAG_US = 2 * DAY


class World:
    """The world of one seed. With `forced`, nothing goes wrong but that (and clocks agree)."""

    def __init__(
        self,
        seed: int,
        *,
        plan: plan.Plan,
        only: Collection[Fault] | None = None,
        forced: Forced | None = None,
        readable: bool = False,
        gateway: type[SimGateway] = SimGateway,
    ) -> None:
        self.seed = seed
        self.plan = plan
        self.faults = Faults(seed, only=only, forced=forced)
        self.log = Log(readable=readable)
        self.clockwork = Clockwork(microseconds(plan.starts_at), self._skew_us)
        self.clockwork.bug = self._bug
        self.wire = Wire(seed, self.clockwork, self.faults, self.log)
        self.oracle = Oracle(lambda: self.clockwork.now_us)
        self.oracle.retry_attempts = self._retry_attempts
        self.oracle.catch_up = self._catch_up
        self.oracle.invocation = lambda: self.clockwork.invocation.name
        self.table = Table(lambda: self.clockwork.now_us)
        self.table.committed = self._committed
        self.gateway = gateway(seed, self.wire)
        self.oracle.payments_lapse = gateway.capabilities.payments_lapse
        self.gateway.asked = self.oracle.asked
        self.gateway.books.booked = self.oracle.booked
        self.gateway.books.refunded = self.oracle.refunded
        self.webhooks = Webhooks(seed, self.wire, self.gateway, lambda: self.ports)
        self.webhooks.on = plan.hears or (self.webhooks.on and forced is None)
        self.gateway.books.told = self._report
        self.gateway.moves = self.oracle.moves
        self.gateway.charges = self.oracle.charges
        self.gateway.let_go = self.oracle.let_go.add
        operation = Operation(public_url="https://pay.example.com", shards=plan.shards)
        self.hurry = Hurry(seed, plan.looks, self.table, self.faults, plan.shards)
        self.webhooks.looks = plan.looks
        self.deployment = Deployment(seed, self.wire, self.table, operation, self.hurry)
        self.jobs = SimJobs(self)
        self.receivers = SimReceivers(self)
        self.mailer = SimMailer(self.wire, self.oracle, self.hurry)
        self.changes = Changes()
        self.ports = Ports(
            clock=self._clock,
            wall_clock=self._clock,
            new_id=self._new_id,
            store=ItemStore(SimItems(self.table, self.wire, self.hurry)),
            ephemeral=SimEphemeral(seed, self.wire),
            audit=MemoryAudit(),
            objects=SimObjects(self._clock, self.wire),
            gateway=lambda account: self.gateway,
            each=self._each,
            queue=self.deployment.queue,
            jobs=self.jobs.queue,
            mailer=self.mailer,
            passwords=Argon2Passwords(),
            consumers=wiring.consumers,
            operation=operation,
            receivers=self.receivers,
            webhook_workers=self.receivers,
            webhook_key=webhook_key,
        )

    def install(self) -> None:
        """Makes this the world that handlers find."""
        wiring.install(self.ports)

    def _report(self, payment: Row, event: GatewayEvent) -> None:
        if "invoice" not in payment:
            card = self.oracle.method(payment["id"])
            if card is not None:
                self.webhooks.happened(card.merchant, event)
            return
        invoice = self.oracle.invoices.get(payment["invoice"])
        if invoice is not None:
            self.webhooks.happened(invoice.merchant, event)

    def _clock(self) -> datetime:
        return instant(self.clockwork.now_us + self.clockwork.invocation.skew_us)

    def _skew_us(self, name: str) -> int:
        if not self.faults.on or not self.plan.skewed:
            return 0
        return Chance(self.seed, f"skew {name}").between(-SKEW_US, SKEW_US)

    def _new_id(self, kind: str) -> str:
        invocation = self.clockwork.invocation
        invocation.ids += 1
        drawn = digest(self.seed, f"id {invocation.name}", invocation.ids)
        if kind == "order":
            return order_id(int.from_bytes(drawn, "big"))
        symbols = "".join(ALPHABET[byte % len(ALPHABET)] for byte in drawn)
        return symbols * 2 if kind == "key" else f"{kind}_{symbols[:SYMBOLS]}"

    def _each(self, call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]:
        """Does one after the other, in any order: what is killed in between has done any subset of
        it.
        """
        if len(items) < 2:
            return wiring.one_by_one(call, items)
        invocation = self.clockwork.invocation
        chance = Chance(self.seed, f"each {invocation.name} {invocation.point}")
        order = chance.shuffled(range(len(items)))
        results = wiring.one_by_one(call, [items[place] for place in order])
        found = dict(zip(order, results, strict=True))
        return [found[place] for place in range(len(items))]

    def _bug(self, invocation: Invocation, bug: Exception) -> None:
        if isinstance(bug, Broken):
            return
        raise Violation("0", f"{invocation.name} broke: {bug!r}", *invocation.name.split()) from bug

    def _retry_attempts(self, merchant: str) -> int:
        return self.plan.merchants[merchant].settings.retry_schedule.attempts

    def _catch_up(self, merchant: str) -> timedelta:
        return timedelta(days=self.plan.merchants[merchant].settings.catch_up_days)

    def _committed(self, puts: list[Put]) -> None:
        now_us = self.clockwork.now_us
        for key, before, after in puts:
            about = partial(_put, before, after) if self.log.lines is not None else ""
            self.log.add(now_us, "table", f"{key.pk} {key.sk}", about)
            if isinstance(after, OF_SWEEPS):
                if after.due_at is not None and (before is None or before.due_at != after.due_at):
                    self.deployment.alarm_at(microseconds(after.due_at))
            elif isinstance(after, Reminder) and self.plan.announces:
                if after.due_at is not None and (before is None or before.due_at != after.due_at):
                    self.deployment.notice_at(microseconds(after.due_at))
            elif isinstance(after, Delivery):
                self.receivers.due_at(after)
            elif isinstance(after, JobLine):
                self.jobs.due_at(after)
            elif isinstance(after, OutboxEvent) and before is None:
                self.deployment.event_written(Key(*key), after)
            elif isinstance(after, Merchant):
                self.plan.merchants[after.id] = after
        self.changes.note(puts, instant(now_us))
        self.oracle.committed(puts)


OF_SWEEPS = (Subscription, Checkout, Refund, Ticket, Declaration)
"""The entities whose due dates the schedules look at."""


def _put(before: Any, after: Any) -> str:
    state = getattr(after, "state", "")
    return f"{type(after or before).__name__} {state}"


class SimMailer:
    """`ports.Mailer` over the wire; what arrives is counted by its Message-ID."""

    def __init__(self, wire: Wire, oracle: Oracle, hurry: Hurry) -> None:
        self._wire = wire
        self._oracle = oracle
        self._hurry = hurry
        self.returns: Callable[[EmailMessage, str], None] = lambda message, message_id: None

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        event = str(message["Message-ID"])
        (to,) = message["To"].addresses
        self._hurry.breaks(self._wire.clockwork.invocation, event)

        message_id = f"{event}#{self._oracle.mailed[event]}"

        def arrive() -> None:
            self._oracle.mails(event, to.addr_spec, message_id)
            self._oracle.mailed_once(event, self._wire)
            self._oracle.mailed_in_order(event, self._wire)
            if message["pdf"] is not None:
                self._oracle.served(message["pdf"])
            self.returns(message, message_id)

        self._wire.call("mail", "mail", arrive, event)
        return message_id


class SimEphemeral(MemoryEphemeral):
    """`ephemeral.Ephemeral` over the wire, for what simulated flows keep there: hits, and how far
    somebody looked.

    TTL takes a row away up to two days after it has expired.
    """

    def __init__(self, seed: int, wire: Wire) -> None:
        super().__init__()
        self._seed = seed
        self._wire = wire

    def hit(self, kind: str, key: str, **span: Any) -> int:
        count = partial(super().hit, kind, key, **span)
        return self._wire.call("read", "hit", count, kind)

    def get(self, kind: str, key: str, *, now: datetime) -> str | None:
        look = partial(super().get, kind, key, now=now)
        return self._wire.call("read", "look", look, kind)

    def replace(self, kind: str, key: str, value: str, *, expires_at: datetime) -> None:
        keep = partial(super().replace, kind, key, value, expires_at=expires_at)
        self._wire.call("write", "keep", keep, kind)
        chance = Chance(self._seed, f"ttl {key} {expires_at}")
        gone_us = microseconds(expires_at) + chance.between(0, TTL_LAG_US)
        self._wire.clockwork.at(gone_us, partial(self._expire, kind, key, value))

    def _expire(self, kind: str, key: str, value: str) -> None:
        place = value_place(kind, key)
        if self._values.get(place, ("", 0))[0] == value:
            del self._values[place]
