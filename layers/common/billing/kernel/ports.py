"""The outside services that flows use, as protocols; one contract suite tests every adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Protocol, TypeVar
from zlib import crc32

from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef
from billing.kernel.lanes import ONE_LANE, Each, Lanes
from billing.kernel.storage import Due
from billing.kernel.tax_ids import NO_REGISTER, TaxIdRegister
from billing.kernel.values import Value, replace

if TYPE_CHECKING:
    from billing.kernel import charge_eligibility
    from billing.kernel.consumers import Consumer
    from billing.kernel.ephemeral import Ephemeral
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
    from billing.kernel.objects import Objects
    from billing.kernel.operation import BillingSwitch, Operation
    from billing.kernel.storage import Audit, Store
    from billing.kernel.subscription import Subscription


T = TypeVar("T")
R = TypeVar("R")


class Gateway(Protocol):
    """A payment gateway.

    A decline is a value; `errors.Unreachable` means that the outcome is unknown (R-6).
    """

    name: str
    account: str
    capabilities: Capabilities

    def collection(self) -> Collection:
        """Returns the way a buyer enters a payment method at this gateway (C-1)."""
        ...

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        """Returns the URL of the gateway's page for entering a payment method; same key, same page.

        The buyer returns to `return_url` with the token added to its query, under the gateway's
        `return_parameter`. Raises `Refused` (no_page) at a gateway that has no such page.
        """
        ...

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        """Saves a payment method for later off-session use; same key, same answer.

        With `verify` the bank is asked now; without it, by the charge that follows. `beside` is a
        method already saved for the same owner, so that any of them can pay any invoice. Raises
        `Invalid` for a token that names no payment method.
        """
        ...

    def find_method(self, method: str) -> SavedMethod | None:
        """Returns a saved method as the gateway has it now; None if the gateway no longer has it
        (W-7)."""
        ...

    def forget(self, method: str) -> None:
        """Removes a saved method for good; its payments can still be refunded. Idempotent."""
        ...

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        """Creates an unconfirmed payment for one invoice and returns its reference; same key, same
        reference.

        One that is never confirmed charges nobody, costs nothing and is shown to no buyer: it may
        be left behind.
        """
        ...

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        """Confirms a payment, which moves the money. Same key, same answer; it can succeed only
        once, ever.

        `return_url` is where the buyer returns to after authenticating, None off session. An
        off-session attempt that asked for its buyer is confirmed again under the same key once they
        are there. `Canceled` may also mean that this payment can never be made with this method.
        """
        ...

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        """Returns the status of a payment; `attempt_key` names the attempt that is asked about.

        A decline of an earlier attempt is `Unconfirmed` for this one.
        """
        ...

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        """Refunds an amount of a payment, once per key; the key is kept with the refund."""
        ...

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        """Returns the refund of a payment that was made under a key, or None."""
        ...

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        """Returns all refunds of one payment as they are now, oldest first.

        Each carries the key, among `ours`, that it was made under.
        """
        ...

    def cancel(self, reference: str) -> PaymentStatus:
        """Cancels a payment for good and returns its status after that (it may have succeeded)."""
        ...

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        """Returns the event of a signed request.

        `body` is the request body unchanged, `headers` have names in lower case. Raises
        `errors.Forged` for a request that the gateway did not sign for this account around `now`.
        """
        ...

    def events_since(self, since: datetime) -> Sequence[GatewayEvent]:
        """Returns the events from `since` on, oldest first, to make up for lost webhooks.

        May include events that were already received, and leave out those about no payment, dispute
        or saved method.
        """
        ...

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """Returns the chargebacks of one payment as they are now, oldest first (W-4)."""
        ...


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


class Ports(Value):
    """All outside services, as one argument of every flow.

    `new_id(kind)` draws an unguessable id: "order" gives an Order ID, any other kind `<kind>_<16
    symbols>`. `queue` is that of charges, `jobs` that of background jobs; `tax_ids` is asked only
    where a merchant wants it.
    """

    clock: Callable[[], datetime]
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
