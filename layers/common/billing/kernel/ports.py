"""What flows need of the world, as protocols; adapters fulfil them, one contract suite holds each
to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Protocol, TypeVar
from zlib import crc32

from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.gateways import AccountRef
from billing.kernel.storage import Due

if TYPE_CHECKING:
    from billing.kernel import policy
    from billing.kernel.gateways import (
        AtGateway,
        Capabilities,
        ChargeOrder,
        Collection,
        Declined,
        Dispute,
        GatewayEvent,
        GatewayRefund,
        Outcome,
        PaymentStatus,
        RefundFailed,
        RefundSucceeded,
        SavedMethod,
    )
    from billing.kernel.merchants import Merchant
    from billing.kernel.money import Money
    from billing.kernel.operation import Operation
    from billing.kernel.outbox_events import LeftOut, OutboxEvent
    from billing.kernel.storage import Audit, Ephemeral, Store
    from billing.kernel.subscription import Subscription


T = TypeVar("T")
R = TypeVar("R")


class Gateway(Protocol):
    """A payment gateway. A decline is a value; `errors.Unreachable` says that nothing is known
    (R-6)."""

    name: str
    account: str
    capabilities: Capabilities

    def collection(self) -> Collection:
        """How a buyer gives a payment method here (C-1)."""
        ...

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        """The gateway's own page on which a buyer gives a payment method; same key, same page.

        They come back to `return_url` with `payment_method=<token>` added to its query. Raises
        `Refused` (no_page) at a gateway that has none.
        """
        ...

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        """Keep a payment method for later use off session; same key, same answer.

        `verify` asks the bank now; without it the charge that follows does. `beside` is a method
        that is kept for the same owner already, so that any of them can pay any invoice. Raises
        `Invalid` for a token that names no payment method.
        """
        ...

    def find_method(self, method: str) -> SavedMethod | None:
        """A saved method as the gateway has it now; None for one that it has no more (W-7)."""
        ...

    def forget(self, method: str) -> None:
        """Let a saved method go for good; what it paid can still be refunded. Twice is once."""
        ...

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        """An unconfirmed payment for one invoice; its reference. Same key, same reference."""
        ...

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        """Move the money. Same key, same answer; a payment can succeed only once, ever.

        `return_url` is where the buyer comes back to from authenticating, None off session. An
        off-session attempt that asked for its buyer is confirmed again under its key once they are
        there. `Canceled` also says that this payment can never be made with this method.
        """
        ...

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        """How a payment stands now, `attempt_key` naming the attempt that is asked about.

        A decline of an earlier attempt is `Unconfirmed` for this one.
        """
        ...

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        """Give money of a payment back, once per key; the key is kept with the refund."""
        ...

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        """The refund that was made under a key, among all of the payment; None if none was."""
        ...

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        """All refunds of one payment as they stand now, oldest first, each named by the one of our
        keys, `ours`, that it was made under."""
        ...

    def cancel(self, reference: str) -> PaymentStatus:
        """Withdraw a payment for good; answers how it stands after that (it may have succeeded)."""
        ...

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        """What a signed request tells; `body` as it was sent, `headers` with names in lower case.

        Raises `errors.Forged` for whatever this account's gateway did not sign around `now`.
        """
        ...

    def events_since(self, since: datetime) -> Sequence[GatewayEvent]:
        """What happened from `since` on, oldest first, told or not: the net under lost webhooks.

        May hold what is known already, and leave out what is about no payment, dispute or saved
        method.
        """
        ...

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """The chargebacks of one payment as they stand now, oldest first (W-4)."""
        ...


class Each(Protocol):
    """Runs independent calls, side by side where that helps; results in order of the items.

    An `errors.Unavailable` is a result too: one call's outage is no other's.
    """

    def __call__(self, call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]: ...


Batch = Callable[[Sequence[Due]], Counter[str]]


def in_turn(work: Batch, batches: Sequence[Sequence[Due]]) -> list[Counter[str]]:
    """One batch after the other."""
    return [work(batch) for batch in batches]


@dataclass(frozen=True, slots=True)
class Lanes:
    """How many batches a worker has under way at a time, and what runs them side by side.

    At a gateway's pace it is two: while the last answers to one are awaited, the other calls.
    """

    count: int = 1
    run: Callable[[Batch, Sequence[Sequence[Due]]], list[Counter[str]]] = in_turn


class Queue(Protocol):
    """From the sweep to the workers; at least once, in any order."""

    def send(self, leases: Sequence[Due]) -> None: ...
    def waiting(self) -> int:
        """About how many leases are not worked off yet, rather too many than too few."""
        ...


class Passwords(Protocol):
    """Keeps passwords so that they can be checked, and not read."""

    def hash(self, password: str) -> str: ...
    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is this password; None is nobody's, and takes as long."""
        ...


class Mailer(Protocol):
    """Sends one mail. `message` is complete but for what the transport adds."""

    def send(self, message: EmailMessage, *, now: datetime) -> None: ...


class Handle(Protocol):
    """Does what an outbox event is for: its mails, and what follows from it (R-8)."""

    def __call__(
        self, ports: Ports, fact: OutboxEvent, merchant: Merchant, now: datetime
    ) -> LeftOut | None:
        """Why no mail went out, if none did; raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The world, as one argument of every flow.

    `new_id(kind)` draws an unguessable id: "order" gives an Order ID, any other kind `<kind>_<16
    symbols>`.
    """

    clock: Callable[[], datetime]
    new_id: Callable[[str], str]
    store: Store
    ephemeral: Ephemeral
    audit: Audit
    gateway: Callable[[AccountRef], Gateway]
    each: Each
    queue: Queue
    mailer: Mailer
    operation: Operation
    passwords: Passwords
    handle: Handle
    lanes: Lanes = Lanes()

    def gateway_of(self, held: AtGateway) -> Gateway:
        """The gateway that something lives at; raises `NotFound` when it is gone (W-6)."""
        return self.gateway(AccountRef(held.merchant, held.gateway, held.gateway_account))

    def minimum_minor(self, subscription: Subscription) -> int:
        """The least that can be charged for a subscription where it is paid, in minor units; 1
        where its account is gone, for then nothing is charged (W-6)."""
        currency = subscription.terms.price.currency
        try:
            gateway = self.gateway_of(subscription)
        except NotFound:
            return 1
        return gateway.capabilities.minimum_in(currency)

    def stopped(self, merchant: Merchant) -> policy.Hold | None:
        """What forbids any charge for a merchant here and now."""
        from billing.kernel import policy

        return policy.selling_stopped(
            merchant,
            billing_paused=self.operation.billing_paused,
            environment=self.operation.environment,
        )

    def hold(self, subscription: Subscription, merchant: Merchant) -> policy.Hold | None:
        """What forbids charging a subscription here and now (R-3)."""
        from billing.kernel import policy

        return policy.hold(
            subscription,
            merchant,
            billing_paused=self.operation.billing_paused,
            environment=self.operation.environment,
        )

    def as_switched(self) -> Ports:
        """The world with the operator's switch as it stands now (R-3): read before each charge.

        What the deployment itself pauses stays paused, whatever the switch says.
        """
        if self.operation.billing_paused:
            return self
        switch = self.store.billing_switch()
        if switch is None or not switch.paused:
            return self
        return replace(self, operation=replace(self.operation, billing_paused=True))

    def shard_of(self, key: str) -> int:
        """The shard that alarms and facts of what `key` names live in."""
        return crc32(key.encode()) % self.operation.shards
