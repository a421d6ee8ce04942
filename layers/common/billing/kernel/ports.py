"""The outside services that flows use, as protocols; one contract suite tests every adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Protocol, TypeVar
from zlib import crc32

from billing.kernel.errors import NotFound
from billing.kernel.gateway_setup import NO_KEY_STORE, KeyStore, no_setup
from billing.kernel.gateways import AccountRef
from billing.kernel.import_presets import Presets, no_presets
from billing.kernel.lanes import ONE_LANE, Each, Lanes
from billing.kernel.live_sources import LiveSource, no_source
from billing.kernel.receivers import MasterKey, NoWorkers, Receivers, Workers, no_key, no_receiver
from billing.kernel.storage import Due
from billing.kernel.tax_ids import NO_REGISTER, TaxIdRegister
from billing.kernel.values import Value, replace

if TYPE_CHECKING:
    from billing.kernel import charge_eligibility
    from billing.kernel.audit import Audit
    from billing.kernel.ephemeral import Ephemeral
    from billing.kernel.gateway_port import Gateway
    from billing.kernel.gateway_setup import GatewaySetup, Keys
    from billing.kernel.gateways import AtGateway
    from billing.kernel.merchants import Merchant
    from billing.kernel.objects import Objects
    from billing.kernel.operation import BillingSwitch, Operation
    from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
    from billing.kernel.storage import Store
    from billing.kernel.subscription import Subscription


T = TypeVar("T")
R = TypeVar("R")


class Queue(Protocol):
    """A queue from a sweep to its workers; at least once, in any order."""

    def send(self, leases: Sequence[Due]) -> None: ...
    def waiting(self) -> int:
        """Returns about how many leases are not worked off yet, rather too many than too few."""
        ...


class Passwords(Protocol):
    """Hashes passwords and checks them."""

    def hash(self, password: str) -> str: ...
    def verify(self, password_hash: str | None, password: str) -> bool:
        """Checks a password against its hash; None never matches, and takes as long."""
        ...


class Mailer(Protocol):
    """Sends one mail; `message` is complete but for what the transport adds."""

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        """Returns the Message-ID that recipients see, without brackets; raises `Unavailable`.

        The transport may replace ours.
        """
        ...


class Handle(Protocol):
    """Does the work of one consumer for an outbox event; it may be run twice (R-8)."""

    def __call__(
        self, ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime
    ) -> LeftOut | None:
        """Returns why no mail was sent, None otherwise.

        Raises `Unavailable`, `Conflict`, and `PartlyDone` from either or an error of our own.
        """
        ...


class Prepare(Protocol):
    """Does at once for several events of a merchant what `Handle` would do for each of them.

    It may leave any of it undone, or fail: each event is handled all the same.
    """

    def __call__(
        self, ports: Ports, events: Sequence[OutboxEvent], merchant: Merchant, now: datetime
    ) -> None: ...


class PartlyDone(Exception):
    """A consumer's failure after a part of its work, which must not be done again.

    `done` are the names of its parts in the event's `done`, beside the names of consumers.
    """

    def __init__(self, done: tuple[str, ...], cause: Exception) -> None:
        super().__init__(str(cause))
        self.done = done
        self.cause = cause


class Consumer(Value):
    """One consumer of outbox events of some kinds, of all merchants or those that it `serves`.

    Its name is stored in events that it is done with, so it never changes. One that `notes_itself`
    writes that name to the claimed event in the transaction of its own work, which is then done
    once whatever happens.
    """

    name: str
    kinds: frozenset[EventKind]
    handle: Handle
    notes_itself: bool = False
    serves: Callable[[Merchant], bool] = lambda merchant: True
    prepare: Prepare | None = None

    def takes(self, event: OutboxEvent, merchant: Merchant) -> bool:
        """Tests whether an event is to be handed to it, and it is not done with it."""
        wanted = event.kind in self.kinds and self.serves(merchant)
        return wanted and self.name not in event.done


class Ports(Value):
    """All outside services, as one argument of every flow.

    `wall_clock` is the real time, with which receivers of webhooks compare a signature's: it
    differs from `clock` only where that of `make run` was moved on.
    `new_id(kind)` draws an unguessable id: "order" gives an Order ID, any other kind `<kind>_<16
    symbols>`. `queue` is that of charges, `jobs` that of background jobs; `tax_ids` is asked only
    where a merchant wants it. `gateway_setup` asks a gateway about keys of test or live mode, and
    `key_store` keeps them. `source` opens an account to move subscriptions from, None where its
    gateway has no such API. `webhook_key` is what secrets of endpoints are
    derived from. `import_presets` say how exports of gateways' companies are read, by name.
    """

    clock: Callable[[], datetime]
    wall_clock: Callable[[], datetime]
    new_id: Callable[[str], str]
    store: Store
    ephemeral: Ephemeral
    audit: Audit
    objects: Objects
    gateway: Callable[[AccountRef], Gateway]
    each: Each
    queue: Queue
    jobs: Queue
    mailer: Mailer
    operation: Operation
    passwords: Passwords
    consumers: Callable[[], Sequence[Consumer]]
    lanes: Lanes = ONE_LANE
    tax_ids: TaxIdRegister = NO_REGISTER
    gateway_setup: Callable[[str, bool, Keys], GatewaySetup] = no_setup
    key_store: KeyStore = NO_KEY_STORE
    receivers: Receivers = no_receiver
    webhook_workers: Workers = NoWorkers()
    webhook_key: MasterKey = no_key
    source: Callable[[AccountRef], LiveSource | None] = no_source
    import_presets: Presets = no_presets

    def gateway_of(self, held: AtGateway) -> Gateway:
        """Returns the gateway of an invoice, card or the like; raises `NotFound` if its account is
        gone (W-6)."""
        return self.gateway(AccountRef(held.merchant, held.gateway, held.gateway_account))

    def minimum_minor(self, subscription: Subscription) -> int:
        """Returns the smallest amount that a subscription's gateway can charge, in minor units.

        It is 1 where the gateway account is gone, for then nothing is charged (W-6).
        """
        currency = subscription.terms.price.currency
        try:
            gateway = self.gateway_of(subscription)
        except NotFound:
            return 1
        return gateway.capabilities.minimum_in(currency)

    def stopped(self, merchant: Merchant) -> charge_eligibility.Hold | None:
        """Returns why a merchant must not charge here and now, or None."""
        from billing.kernel import charge_eligibility

        return charge_eligibility.selling_stopped(
            merchant,
            billing_paused=self.operation.billing_paused,
            environment=self.operation.environment,
        )

    def hold(
        self, subscription: Subscription, merchant: Merchant
    ) -> charge_eligibility.Hold | None:
        """Returns why a subscription must not be charged here and now, or None (R-3)."""
        from billing.kernel import charge_eligibility

        return charge_eligibility.hold(
            subscription,
            merchant,
            billing_paused=self.operation.billing_paused,
            environment=self.operation.environment,
        )

    def as_switched(self) -> Ports:
        """Returns the ports with the operator's billing switch as it is now (R-3); read before each
        charge.

        A pause set by the deployment itself stays, whatever the switch says.
        """
        if self.operation.billing_paused:
            return self
        return self.switched(self.store.billing_switch())

    def switched(self, switch: BillingSwitch | None) -> Ports:
        """Returns the ports with the operator's billing switch as it was read."""
        if switch is None or not switch.paused:
            return self
        return replace(self, operation=replace(self.operation, billing_paused=True))

    def shard_of(self, key: str) -> int:
        """Returns the shard of due dates and outbox events for `key`."""
        return crc32(key.encode()) % self.operation.shards
