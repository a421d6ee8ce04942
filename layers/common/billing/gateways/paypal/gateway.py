"""PayPal: Orders v2 captured with an agreement that Vault v3 keeps (W-2, P-17, B-9).

**Why this charges once.** An order is made without a payment source, so that nobody but us can
capture it: there is no page on which a buyer could approve it, and approving alone moves nothing.
PayPal captures an order at most once, ever (ORDER_ALREADY_CAPTURED), whatever the key and however
old. So one order is worth what one PaymentIntent is, as long as an invoice has one at a time.

It cannot have the same one for ever: PayPal forgets an order that is not captured after 3 hours,
and a retry comes after days. And PayPal cannot cancel an order: "cancelled" must come from our own
abstention, also against a capture of ours that is still on its way. Both are settled by time. The
reference holds when the order was asked for, by our clock:

* younger than 30 minutes: it may be captured (25 when a new attempt takes it up, unless its one
  capture was refused);
* from 30 on: no capture is ever sent any more, by anybody;
* from 45 on: the last capture that was sent has ended (a call takes 46 seconds at worst), so that
  an order which is not captured by then never will be: `Canceled` is true, and so is `Expired`,
  after which the next attempt has an order of its own. In between the status is unknown
  (`Unconfirmed`, `Unreachable`), and the claim comes again.

So at every instant at most one order of an invoice can be captured. A second lock is PayPal's: all
orders of an invoice carry its id as `invoice_id`, and accounts that block paying an invoice id
twice refuse the second one (DUPLICATE_INVOICE_ID). That answer is never taken for a decline: it
stays unknown until a person has looked, and nothing is charged meanwhile.

A PayPal-Request-Id is kept for 6 hours. Nothing here depends on it but the refund's first minutes:
a refund carries our key as its `invoice_id`, by which it is found again before any is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from billing.gateways.paypal import events, orders, vault
from billing.gateways.paypal.client import Answer, Json, PayPalClient, Secrets, fitting, segment
from billing.gateways.paypal.orders import (
    CAPTURED_WITHIN,
    KEPT_FOR,
    REUSED_WITHIN,
    WITHDRAWN_AFTER,
    Reference,
)
from billing.gateways.paypal.refusals import (
    DECLINES,
    GONE,
    NEEDS_BUYER,
    OTHERWISE,
    OURS_TO_MEND,
    REFUND_REFUSALS,
)
from billing.gateways.paypal.spec import HOSTS, PAYPAL, capabilities
from billing.kernel.errors import Conflict, NotFound, Unreachable
from billing.kernel.gateways import (
    AccountRef,
    ActionRequired,
    Canceled,
    ChargeOrder,
    Collection,
    Declined,
    Dispute,
    Expired,
    GatewayEvent,
    GatewayRefund,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Succeeded,
    TheirPage,
    Unconfirmed,
)
from billing.kernel.money import Money

ORDERS = "/v2/checkout/orders"
CAPTURES = "/v2/payments/captures"
NOT_FOUND = 404
UNPROCESSABLE = 422
"""The status of a request that PayPal understood and did not carry out: of every decline."""

EXPERIENCE = {
    "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",  # no cheques that clear in a week
    "shipping_preference": "NO_SHIPPING",
}


class PayPalGateway:
    """The gateway port over one PayPal account.

    `secrets` reads its keys, `clock` is ours, `api_base` replaces PayPal's own address.
    """

    name = PAYPAL

    def __init__(
        self,
        account: AccountRef,
        secrets: Secrets,
        clock: Callable[[], datetime],
        *,
        api_base: str | None = None,
    ) -> None:
        self.account = account.account
        self.capabilities = capabilities(account)
        self._client = PayPalClient(api_base or HOSTS[account.is_test], secrets, clock)
        self._clock = clock

    def collection(self) -> Collection:
        """Returns the way to collect a method: buyers approve the agreement on PayPal's page."""
        return TheirPage()

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        """Returns PayPal's page for the buyer's approval; its token is `approval_token_id`."""
        return vault.page(self._client, key, return_url, cancel_url)

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        """Saves what a buyer has approved; raises `Invalid` for an approval that is none."""
        return vault.save(self._client, token, key)

    def find_method(self, method: str) -> SavedMethod | None:
        """Reads the agreement from the vault; None for one that its payer ended."""
        return vault.find(self._client, method)

    def forget(self, method: str) -> None:
        """Ends the agreement; one that has ended already stays so."""
        vault.forget(self._client, method)

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        """Returns the order that the next attempt captures.

        It makes a new one only once the one before it can never be captured. Raises `Unreachable`
        until that is so.
        """
        if order.replaces is not None and self._may_still_pay(order.replaces):
            return order.replaces
        asked_at = str(int(self._clock().timestamp()))
        unit = {
            "invoice_id": order.invoice,
            "custom_id": asked_at,
            "amount": orders.decimal(order.amount),
        }
        body: Json = {"intent": "CAPTURE", "purchase_units": [unit]}
        answer = self._client.post(ORDERS, body, request_id=f"order-{key}")
        if not answer.is_ok:
            raise Unreachable(f"PayPal takes no order: {answer.issue}.")
        if orders.amount_of(answer.body) != order.amount:
            raise Conflict(code="idempotency_error")
        return str(Reference.of(answer.body))

    def _may_still_pay(self, reference: str) -> bool:
        age = self._age(reference)
        if age < WITHDRAWN_AFTER and self._was_refused(reference):
            return False
        if age < REUSED_WITHIN:
            return True
        if isinstance(self._status(reference), Succeeded):
            return True
        if age < WITHDRAWN_AFTER:
            raise Unreachable("The order of the attempt before could still be captured.")
        return False

    def _was_refused(self, reference: str) -> bool:
        try:
            return orders.was_refused(self._order(reference))
        except NotFound:
            return False

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        """Captures the order with the buyer's agreement, if it is young enough to be captured."""
        if self._age(reference) >= CAPTURED_WITHIN:
            return _known(self.lookup(reference, attempt_key=key))
        back = {} if return_url is None else {"return_url": return_url, "cancel_url": return_url}
        wallet = {"vault_id": method, "experience_context": {**EXPERIENCE, **back}}
        body: Json = {"payment_source": {"paypal": wallet}}
        # The order is in the key: with another order an attempt must not get this one's answer.
        request_id = f"capture-{key}-{reference}"
        answer = self._client.post(_capture(reference), body, request_id=request_id)
        if answer.is_ok:
            return _known(orders.status_of(answer.body))
        return self._refused(reference, answer, key)

    def _refused(self, reference: str, answer: Answer, key: str) -> Outcome:
        """Translates a 4xx of a capture into an outcome: it captured nothing, for a reason."""
        issue = answer.issue
        if issue in DECLINES:
            return DECLINES[issue]
        if issue in NEEDS_BUYER:
            return self._approval(reference, answer.body, key)
        if issue == "ORDER_ALREADY_CAPTURED":
            return _known(self._status(reference))
        if answer.status == NOT_FOUND:
            # The order, or the agreement; while there is an order, it was the agreement.
            now = self._status(reference)
            return GONE if isinstance(now, Unconfirmed) else _known(now)
        if issue == "DUPLICATE_INVOICE_ID":
            raise Unreachable("PayPal has this invoice as paid by another order; look at it.")
        if issue in OURS_TO_MEND:
            raise Unreachable(f"The PayPal account is not in order: {issue}.")
        if answer.status != UNPROCESSABLE:
            raise Unreachable(f"PayPal takes no request of this account: {answer.status} {issue}.")
        return OTHERWISE

    def _approval(self, reference: str, refusal: Json, key: str) -> Outcome:
        """Returns the page that the buyer must go to; charges one who has approved there by now.

        The same request id would give the old refusal again.
        """
        order = self._order(reference)
        if order.get("status") != "APPROVED":
            where = refusal if orders.has_buyer_url(refusal) else order
            return ActionRequired(orders.buyer_url(where))
        request_id = f"approved-{key}-{reference}"
        answer = self._client.post(_capture(reference), {}, request_id=request_id)
        if answer.is_ok:
            return _known(orders.status_of(answer.body))
        if answer.issue in NEEDS_BUYER:
            raise Unreachable("PayPal wants a buyer who has approved.")
        return self._refused(reference, answer, key)

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        """Reads the status of an order; one that is too old to be captured has expired."""
        status = self._status(reference)
        open_ = isinstance(status, Unconfirmed | ActionRequired)
        return Expired() if open_ and self._age(reference) >= WITHDRAWN_AFTER else status

    def cancel(self, reference: str) -> PaymentStatus:
        """Returns `Canceled` once no capture of ours can be on its way; `Unconfirmed` before."""
        status = self._status(reference)
        if isinstance(status, Succeeded):
            return status
        return Canceled() if self._age(reference) >= WITHDRAWN_AFTER else Unconfirmed()

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        """Refunds money of the capture; our key is the refund's invoice id."""
        order = self._order(reference)
        capture = orders.capture_of(order)
        if capture is None:
            return RefundFailed("charge_not_captured")
        body: Json = {
            "amount": orders.decimal(amount),
            "invoice_id": fitting(key),
            "custom_id": str(int(Reference.read(reference).asked_at.timestamp())),
        }
        path = f"{CAPTURES}/{segment(capture)}/refund"
        answer = self._client.post(path, body, request_id=f"refund-{key}")
        if answer.is_ok:
            return orders.refund_outcome(answer.body)
        if answer.issue == "DUPLICATE_INVOICE_ID":
            made = self.find_refund(reference, key=key)
            if made is None:
                raise Unreachable("PayPal has made this refund and does not show it yet.")
            return made
        return RefundFailed(REFUND_REFUSALS.get(answer.issue, answer.issue.lower()))

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        """Finds the refund that carries our key, among all of the order."""
        found = self.refunds(reference, ours=[key])
        return next((refund.outcome for refund in found if refund.key == key), None)

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        """Lists all refunds of the order; those without our invoice id were made elsewhere."""
        named = {fitting(key): key for key in ours}
        return orders.refunds(self._order(reference), named)

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        """Parses an event that PayPal vouches for; raises `errors.Forged`."""
        return events.parse(self._client, body, headers, now)

    def events_since(self, since: datetime) -> Iterator[GatewayEvent]:
        """Lists the events that PayPal sent, or tried to send, asking as they are read."""
        return events.since(self._client, since, self._clock())

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """Lists the disputes about the capture of an order."""
        capture = orders.capture_of(self._order(reference))
        if capture is None:
            return []

        def kept() -> Money:
            return orders.kept_of(self._order(reference))

        return events.disputes(self._client, capture, reference, kept)

    def _status(self, reference: str) -> PaymentStatus:
        try:
            return orders.status_of(self._order(reference))
        except NotFound:
            if self._age(reference) < KEPT_FOR:
                raise Unreachable("PayPal does not know an order that it made.") from None
            return Expired()  # PayPal keeps captured orders, so a forgotten one was not captured.

    def _order(self, reference: str) -> Json:
        answer = self._client.get(f"{ORDERS}/{segment(Reference.read(reference).order)}")
        if answer.status == NOT_FOUND:
            raise NotFound("payment_unknown", note=f"PayPal has no order {reference}.")
        if not answer.is_ok:
            raise Unreachable(f"PayPal does not show an order: {answer.issue}.")
        return answer.body

    def _age(self, reference: str) -> timedelta:
        return self._clock() - Reference.read(reference).asked_at


def _capture(reference: str) -> str:
    return f"{ORDERS}/{segment(Reference.read(reference).order)}/capture"


def _known(status: PaymentStatus) -> Outcome:
    if isinstance(status, Unconfirmed):
        raise Unreachable("PayPal has not captured the order, and still could.")
    return status
