"""The routes of /v1 that act on a subscription at once, such as undo, pause, freeze, retry."""

from __future__ import annotations

from collections.abc import Callable

from billing.api.web import subscription_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.queries import InstantOrDate, start_of
from billing.cancel.flows import cancel, pause
from billing.kernel.flows import subscriptions
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.plans.flows import freeze
from billing.rebill.flows import overdue
from billing.web.inputs import Input, Nothing

Act = Callable[..., Subscription]
"""An action on a subscription as it was read; it returns the subscription afterwards."""


class PauseInput(Input):
    """The end of a pause, at most three months ahead; without one it has none.

    A date without a time is a day of your time zone.
    """

    until: InstantOrDate | None = None


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes on an API."""

    def _act(verb: str, flow: Act, saying: str) -> None:
        def act(call: Call[Nothing], subscription: str) -> subscription_shapes.SubscriptionOutput:
            found = subscriptions.fresh(ports, call.merchant.id, subscription)
            return subscription_shapes.subscription(flow(ports, found, now=call.now))

        act.__name__ = f"{verb.replace('-', '_')}_subscription"
        act.__doc__ = saying
        api.post(f"/v1/subscriptions/<subscription>/{verb}", status=200)(act)

    _act("undo-cancel", cancel.undo, "Take back a cancellation that waits for the period's end.")

    @api.post("/v1/subscriptions/<subscription>/pause", PauseInput, status=200)
    def pause_subscription(
        call: Call[PauseInput], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Charge nothing from now on, or until a day; access to the end of the period."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        zone, until = call.merchant.settings.time_zone, call.input.until
        ends_at = None if until is None else start_of(until, zone, "until")
        paused = pause.pause(ports, found, now=call.now, until=ends_at)
        return subscription_shapes.subscription(paused)

    _act("resume", pause.resume, "Go on: on schedule, or with a payment at once.")

    @api.post("/v1/subscriptions/<subscription>/freeze", status=200)
    def freeze_subscription(
        call: Call[Nothing], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Charge only the freeze's price from the next period on (A-5)."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        frozen = freeze.freeze(ports, call.merchant, found, now=call.now)
        return subscription_shapes.subscription(frozen)

    _act("retry", overdue.charge, "Charge at once what is past due, or waits for a decision.")
    _act("skip", overdue.skip, "Leave out the payment that waits for a decision.")
