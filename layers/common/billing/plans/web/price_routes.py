"""Routes of announced prices in /v1: for a subscription, and for all at a price point (X-12)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from billing.api.web import subscription_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.queries import InstantOrDate, start_of
from billing.catalog.web.price_inputs import MoneyInput
from billing.jobs.jobs import Job
from billing.kernel.flows import subscriptions
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.plans.flows import announce_price
from billing.web.inputs import Input, Nothing


class PriceChangeInput(Input):
    """A price for the renewals from a day, or an instant, on.

    A date without a time is a day of your time zone.
    """

    price: MoneyInput
    from_: Annotated[InstantOrDate, Field(alias="from")]

    def given(self, merchant: Merchant) -> tuple[Money, datetime]:
        """Returns the price, and when it begins."""
        price = Money(self.price.amount, self.price.currency)
        return price, start_of(self.from_, merchant.settings.time_zone, "from")


class PriceChangesOutput(TypedDict):
    """The announcement of a price to all subscriptions at a price point; `state` is its job's."""

    price_point: str
    state: str


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of a subscription's announced price."""

    @api.post("/v1/subscriptions/<subscription>/price-change", PriceChangeInput, status=200)
    def announce_price_change(
        call: Call[PriceChangeInput], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Announce another price: charged from the first renewal that was told of in time.

        Where the law of the customer's region asks for it, only if they agree.
        """
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        price, at = call.input.given(call.merchant)
        after = announce_price.announce(ports, found, price, at, now=call.now)
        return subscription_shapes.subscription(after)

    @api.delete("/v1/subscriptions/<subscription>/price-change")
    def take_price_change_back(
        call: Call[Nothing], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Take an announced price back before it is charged; who was told of it is told."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        return subscription_shapes.subscription(
            announce_price.take_back(ports, found, now=call.now)
        )


def declare_for_all(api: Api, ports: Ports) -> None:
    """Declares the routes of a price point's announced prices."""

    @api.post("/v1/price-points/<price_point>/price-change", PriceChangeInput, status=202)
    def announce_price_changes(
        call: Call[PriceChangeInput], price_point: str
    ) -> PriceChangesOutput:
        """Announce another price to all subscriptions at a price point, in the background.

        The price point itself stays as it is, for new purchases.
        """
        price, at = call.input.given(call.merchant)
        merchant, now = call.merchant.id, call.now
        job = announce_price.announce_to_all(ports, merchant, price_point, price, at, now)
        return _of(job, price_point)

    @api.post("/v1/price-points/<price_point>/undo-price-change", status=202)
    def take_price_changes_back(call: Call[Nothing], price_point: str) -> PriceChangesOutput:
        """Take announced prices back at a price point, in the background."""
        job = announce_price.take_back_of_all(ports, call.merchant.id, price_point, call.now)
        return _of(job, price_point)


def _of(job: Job, price_point: str) -> PriceChangesOutput:
    return {"price_point": price_point, "state": job.state.value}
