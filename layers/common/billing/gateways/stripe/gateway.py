"""Stripe: one PaymentIntent per invoice, confirmed once per attempt, read by its id (W-1, R-6).

A PaymentIntent can succeed only once, which no idempotency key promises after a day. Each attempt
first writes its key into the metadata, together with the card: that clears what an earlier attempt
left (`last_payment_error`), so a reader of the PaymentIntent knows which attempt's outcome it
shows. The update is a third call where Stripe takes 25 a second of each kind and 100 in all:
confirming stays the bottleneck.

A saved method is `<customer>:<payment method>`. The customer of a PaymentIntent can never be
changed: if the card belongs to another customer there, the PaymentIntent is withdrawn and opened
anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import stripe

from billing.gateways.declines import METHOD_MISSING
from billing.gateways.event_spans import oldest_first
from billing.gateways.stripe import events, intents, listed, saving
from billing.gateways.stripe.client import (
    Secrets,
    StripeAccount,
    decline_of,
    id_of,
    is_customer_gone,
    refused,
)
from billing.gateways.stripe.saving import parts
from billing.gateways.stripe.spec import STRIPE, capabilities
from billing.kernel.errors import NotFound, Unreachable
from billing.kernel.gateways import (
    TEST_SUFFIX,
    AccountRef,
    Canceled,
    ChargeOrder,
    Collection,
    Declined,
    Dispute,
    Element,
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

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams


class StripeGateway:
    """A `ports.Gateway` over one Stripe account; `api_base` replaces Stripe's own address."""

    name = STRIPE

    def __init__(
        self,
        account: AccountRef,
        secrets: Secrets,
        *,
        api_base: str | None = None,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        self.account = account.account
        self.capabilities = capabilities(account)
        self._stripe = StripeAccount(account, secrets, api_base=api_base, http_client=http_client)

    def collection(self) -> Collection:
        """Returns Stripe's page, which keeps the merchant in SAQ A, or the embedded Element."""
        keys = self._stripe.keys()
        if keys.embedded and keys.publishable_key:
            return Element(keys.publishable_key)
        return TheirPage()

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        """Opens a Checkout Session in set-up mode: our PaymentIntent charges the card later."""
        return saving.page(self._stripe, key, return_url, cancel_url)

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        """Attaches a card to a customer at Stripe; a verified one is set up at once."""
        return saving.saved(self._stripe, token, owner, key, verify, beside)

    def find_method(self, method: str) -> SavedMethod | None:
        """Finds the payment method, if still attached to the customer that it was saved for."""
        return saving.found(self._stripe, method)

    def forget(self, method: str) -> None:
        """Detaches a card; one that is not attached is gone already."""
        _, card = parts(method)
        try:
            self._stripe.ask(lambda client: client.v1.payment_methods.detach(card))
        except (stripe.InvalidRequestError, NotFound):
            return

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        """Creates an invoice's PaymentIntent; our currencies all have two decimals, there too.

        One for a customer who was deleted there names none: nobody can confirm it with the card
        that went with them, so that a new card is asked for.
        """
        customer, _ = parts(order.payment_method)
        try:
            return self._created(order, customer, key)
        except stripe.InvalidRequestError as error:
            if not is_customer_gone(error):
                raise refused(error) from error
        try:
            return self._created(order, None, f"{key}:nobody")
        except stripe.InvalidRequestError as error:
            raise refused(error) from error

    def _created(self, order: ChargeOrder, customer: str | None, key: str) -> str:
        params: PaymentIntentCreateParams = {
            "amount": order.amount.amount_minor,
            "currency": order.amount.currency.value.lower(),
            "allowed_payment_method_types": ["card"],
            "description": order.description,
            "metadata": {"invoice": order.invoice, "merchant": self._stripe.ref.merchant},
        }
        if customer is not None:
            params["customer"] = customer

        def create(client: stripe.StripeClient) -> stripe.PaymentIntent:
            return client.v1.payment_intents.create(params, {"idempotency_key": key})

        return self._stripe.ask(create).id

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        """Begins an attempt, then confirms it: one that is not confirmed charges nothing."""
        session = intents.OFF_SESSION if off_session else intents.ON_SESSION
        begun, confirmed = intents.attempt(method, key, session, return_url)

        def attempt(client: stripe.StripeClient) -> stripe.PaymentIntent:
            service = client.v1.payment_intents
            service.update(reference, begun, {"idempotency_key": f"{key}:{session}:begun"})
            return service.confirm(reference, confirmed, {"idempotency_key": f"{key}:{session}"})

        try:
            intent = self._stripe.ask(attempt)
        except stripe.CardError as error:
            return self._after_decline(reference, key, session, error)
        except stripe.InvalidRequestError as error:
            return self._after_refusal(reference, method, key, error)
        status = intents.status_of(intent, key)
        if isinstance(status, Unconfirmed):
            raise Unreachable(f"Stripe: {intent.id} is {intent.status} after it was confirmed.")
        return status

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        """Reads a payment's status by its id, never by search, which may be an hour behind."""
        return intents.status_of(self._read(reference), attempt_key)

    def cancel(self, reference: str) -> PaymentStatus:
        """Withdraws a PaymentIntent; one that cannot be has succeeded, or is being processed.

        Under no key of ours: a saved 500 would be its answer for a day, and twice is once here.
        """
        try:
            intent = self._stripe.ask(lambda client: client.v1.payment_intents.cancel(reference))
        except stripe.InvalidRequestError as error:
            status = intents.status_of(self._read(reference), "")
            if isinstance(status, Succeeded | Canceled):
                return status
            raise refused(error) from error
        return intents.status_of(intent, "")

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        """Refunds a PaymentIntent; our key is in the metadata too, where it outlives its day."""

        def create(client: stripe.StripeClient) -> stripe.Refund:
            return client.v1.refunds.create(
                {
                    "payment_intent": reference,
                    "amount": amount.amount_minor,
                    "metadata": {"refund": key},
                },
                {"idempotency_key": key},
            )

        try:
            return listed.refunded(self._stripe.ask(create))
        except stripe.InvalidRequestError as error:
            return RefundFailed(error.code or "refund_refused")

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        """Finds a refund in the list by its metadata: lists are immediate."""
        found = self.refunds(reference, ours=[key])
        return next((refund.outcome for refund in found if refund.key == key), None)

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        """Lists the payment's refunds; those without our metadata were made elsewhere."""
        return self._stripe.ask(lambda client: listed.refunds(client, reference, ours))

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        """Parses a webhook of this account, signed with one of its secrets."""
        return events.parse(
            body,
            headers,
            secrets=self._stripe.keys().webhook_secrets,
            account=self.account.removesuffix(TEST_SUFFIX),
            now=now,
        )

    def events_since(self, since: datetime) -> Iterator[GatewayEvent]:
        """Lists the account's events, asking as they are read; Stripe keeps them for 30 days."""

        def listing(
            start: datetime, end: datetime | None, whole: bool
        ) -> tuple[list[GatewayEvent], bool]:
            return self._stripe.ask(lambda client: listed.events(client, start, end, whole=whole))

        return oldest_first(listing, since, None)

    def disputes(self, reference: str) -> Sequence[Dispute]:
        """Lists the payment's disputes; inquiries are none."""
        return self._stripe.ask(lambda client: listed.disputes(client, reference))

    def _read(self, reference: str) -> stripe.PaymentIntent:
        return self._stripe.ask(lambda client: client.v1.payment_intents.retrieve(reference))

    def _after_decline(
        self, reference: str, key: str, session: str, error: stripe.CardError
    ) -> Outcome:
        """Returns the outcome after a decline, by the PaymentIntent's status.

        The decline may be an old answer to a repeated request: the PaymentIntent shows more.
        """
        status = intents.status_of(self._read(reference), key)
        if not isinstance(status, Unconfirmed):
            return status
        return intents.unless_buyer_is_wanted(decline_of(error), session)

    def _after_refusal(
        self, reference: str, method: str, key: str, error: stripe.InvalidRequestError
    ) -> Outcome:
        """Returns the outcome after a refusal: it has ended already, or this card cannot pay it."""
        intent = self._read(reference)
        status = intents.status_of(intent, key)
        if not isinstance(status, Unconfirmed):
            return status
        customer, card = parts(method)
        if saving.customer_of(self._stripe, card) != customer:
            return METHOD_MISSING
        if id_of(intent.customer) == customer:
            raise refused(error) from error
        withdrawn = self.cancel(reference)
        assert isinstance(withdrawn, Succeeded | Canceled), "cancel answers with nothing else"
        return withdrawn
