"""Stripe as a source of subscriptions: read, stopped, resumed and cancelled (M-6).

A stop is one update, of `metadata` and `pause_collection`, so that no kill leaves a mark without a
stop. It needs no idempotency key: twice is once, and a saved 500 would be its answer for a day.
While collection is paused with `void` the subscription stays as it is, its periods go on, and each
invoice is void as it is made; what was a draft before is charged within the hour all the same. A
canceled subscription keeps its metadata. Sources:
https://docs.stripe.com/billing/subscriptions/pause-payment and
https://docs.stripe.com/api/subscriptions/update.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import stripe

from billing.gateways.stripe import source_cells
from billing.gateways.stripe.client import Secrets, StripeAccount, refused
from billing.gateways.stripe.saving import saved_method
from billing.kernel.errors import NotFound
from billing.kernel.gateways import AccountRef, SavedMethod
from billing.kernel.live_sources import (
    SourceCharge,
    SourcePage,
    SourceState,
    SourceSubscription,
)

R = TypeVar("R")

EXPANDED = (
    "customer",
    "customer.invoice_settings.default_payment_method",
    "default_payment_method",
    "discounts",
    "discounts.source.coupon",
    "latest_invoice",
)
"""The objects that a subscription only names, and that a row needs."""

CHARGES_MOST = 100


class StripeSource:
    """A `live_sources.LiveSource` over one Stripe account."""

    def __init__(
        self,
        account: AccountRef,
        secrets: Secrets,
        *,
        api_base: str | None = None,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        self._stripe = StripeAccount(account, secrets, api_base=api_base, http_client=http_client)

    def page(self, after: str | None, limit: int) -> SourcePage:
        """Lists subscriptions, newest first; canceled ones are left out by Stripe."""

        def listed(client: stripe.StripeClient) -> stripe.ListObject[stripe.Subscription]:
            wanted: stripe.params.SubscriptionListParams = {
                "limit": limit,
                "expand": [f"data.{name}" for name in EXPANDED],
            }
            if after is not None:
                wanted["starting_after"] = after
            return client.v1.subscriptions.list(wanted)

        found = self._ask(listed)
        data = tuple(self._read(each) for each in found.data)
        return SourcePage(data, data[-1].id if found.has_more and data else None)

    def find(self, subscription: str) -> SourceSubscription | None:
        """Reads one by its id, ended or not."""
        try:
            found = self._ask(
                lambda client: client.v1.subscriptions.retrieve(
                    subscription, {"expand": [*EXPANDED]}
                )
            )
        except NotFound:
            return None
        return self._read(found)

    def stop(self, subscription: str, mark: str) -> SourceSubscription:
        """Marks a subscription and pauses its collection."""
        return self._update(
            subscription,
            {
                "metadata": {source_cells.MARK: mark},
                "pause_collection": {"behavior": "void"},
                "expand": [*EXPANDED],
            },
        )

    def resume(self, subscription: str) -> SourceSubscription:
        """Ends the pause and removes the mark."""
        return self._update(
            subscription,
            {
                "metadata": {source_cells.MARK: ""},
                "pause_collection": "",
                "expand": [*EXPANDED],
            },
        )

    def cancel(self, subscription: str) -> None:
        """Cancels at once; Stripe no longer finds what has been canceled before."""
        try:
            self._ask(lambda client: client.v1.subscriptions.cancel(subscription))
        except NotFound:
            return

    def method_of(self, customer: str) -> SavedMethod | None:
        """Reads a customer's default card, or the only one that is attached."""

        def read(client: stripe.StripeClient) -> list[stripe.PaymentMethod]:
            found = client.v1.customers.retrieve(
                customer, {"expand": ["invoice_settings.default_payment_method"]}
            )
            settings = None if getattr(found, "deleted", False) else found.invoice_settings
            chosen = None if settings is None else settings.default_payment_method
            if isinstance(chosen, stripe.PaymentMethod):
                return [chosen]
            listed = client.v1.customers.payment_methods.list(
                customer, {"type": "card", "limit": 2}
            )
            return listed.data

        try:
            found = self._ask(read)
        except NotFound:
            return None
        if len(found) != 1 or found[0].card is None:
            return None
        return saved_method(found[0], customer)

    def charges(self, subscription: str, since: datetime) -> tuple[SourceCharge, ...]:
        """Lists the invoices of a subscription, those over nothing too."""

        def listed(client: stripe.StripeClient) -> list[stripe.Invoice]:
            found = client.v1.invoices.list(
                {
                    "subscription": subscription,
                    "created": {"gte": int(since.timestamp())},
                    "limit": CHARGES_MOST,
                }
            )
            return list(found.auto_paging_iter())

        return tuple(
            SourceCharge(
                datetime.fromtimestamp(each.created, UTC),
                each.total,
                each.currency.upper(),
                source_cells.collected(each),
            )
            for each in reversed(self._ask(listed))
        )

    def _update(
        self, subscription: str, change: stripe.params.SubscriptionUpdateParams
    ) -> SourceSubscription:
        """Updates a subscription; one that has ended meanwhile is returned as it is."""

        def updated(client: stripe.StripeClient) -> stripe.Subscription:
            return client.v1.subscriptions.update(subscription, change)

        try:
            return self._read(self._stripe.ask(updated))
        except stripe.InvalidRequestError as error:
            found = self.find(subscription)
            if found is None or found.state is not SourceState.ENDED:
                raise refused(error) from error
            return found

    def _read(self, found: stripe.Subscription) -> SourceSubscription:
        return source_cells.of_subscription(found, self._stripe.ref)

    def _ask(self, call: Callable[[stripe.StripeClient], R]) -> R:
        try:
            return self._stripe.ask(call)
        except stripe.InvalidRequestError as error:
            raise refused(error) from error
