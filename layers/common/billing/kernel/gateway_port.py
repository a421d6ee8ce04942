"""The port of payment gateways: what each of them does for us, whoever it is (W-2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.kernel.gateways import (
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
    from billing.kernel.money import Money


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

    def events_since(self, since: datetime) -> Iterable[GatewayEvent]:
        """Returns the events from `since` on, oldest first, to make up for lost webhooks.

        May include events that were already received, and leave out those about no payment, dispute
        or saved method. May ask the gateway for more as they are read, and fail then.
        """
        ...

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """Returns the chargebacks of one payment as they are now, oldest first (W-4)."""
        ...
