"""Routes of plans in /v1: quote and change, unfreeze (A-4, A-5)."""

from __future__ import annotations

from billing.api.web import subscription_shapes
from billing.api.web.frame import Api, Call, Later
from billing.kernel.flows import subscriptions
from billing.kernel.ports import Ports
from billing.plans.flows import change_plan, freeze
from billing.plans.web import price_routes, shapes
from billing.web.inputs import Nothing

DECLINED = {"402": "The payment was declined; `code` says why."}


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of changing a plan, and of coming back to one."""
    _changes(api, ports)
    _thaws(api, ports)
    price_routes.declare(api, ports)


def declare_for_all(api: Api, ports: Ports) -> None:
    """Declares the routes of a price point's announced prices."""
    price_routes.declare_for_all(api, ports)


def _changes(api: Api, ports: Ports) -> None:
    @api.post(
        "/v1/subscriptions/<subscription>/change-plan/quote",
        shapes.QuoteInput,
        status=200,
        scope="read",
    )
    def quote_plan(call: Call[shapes.QuoteInput], subscription: str) -> shapes.QuoteOutput:
        """Quotes another plan: the charge now and the next one; changes nothing (A-4)."""
        quoted = change_plan.quote(
            ports,
            subscriptions.fresh(ports, call.merchant.id, subscription),
            call.input.price_point,
            call.input.when,
            now=call.now,
        )
        return shapes.quote(quoted, call.merchant.settings.language)

    @api.post(
        "/v1/subscriptions/<subscription>/change-plan",
        shapes.ChangePlanInput,
        status=200,
        errors=DECLINED,
    )
    def change_subscription_plan(
        call: Call[shapes.ChangePlanInput], subscription: str
    ) -> subscription_shapes.SubscriptionOutput | Later[shapes.PendingOutput]:
        """Changes the plan, for the amount of the token's quote if there is one."""
        changed = change_plan.change(
            ports,
            subscriptions.fresh(ports, call.merchant.id, subscription),
            call.input.price_point,
            call.input.when,
            token=call.input.token,
            now=call.now,
        )
        return shapes.changed(changed, call.base_url)


def _thaws(api: Api, ports: Ports) -> None:
    @api.post("/v1/subscriptions/<subscription>/unfreeze/quote", status=200, scope="read")
    def quote_unfreezing(call: Call[Nothing], subscription: str) -> shapes.QuoteOutput:
        """Quotes unfreezing: the charge now and the next one; changes nothing (A-5)."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        quoted = freeze.quote(ports, found, now=call.now)
        return shapes.quote(quoted, call.merchant.settings.language)

    @api.post(
        "/v1/subscriptions/<subscription>/unfreeze",
        shapes.UnfreezeInput,
        status=200,
        errors=DECLINED,
    )
    def unfreeze_subscription(
        call: Call[shapes.UnfreezeInput], subscription: str
    ) -> subscription_shapes.SubscriptionOutput | Later[shapes.PendingOutput]:
        """Returns to its plan at once, or cancels a freeze that has not begun (A-5)."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        thawed = freeze.unfreeze(ports, found, token=call.input.token, now=call.now)
        return shapes.changed(thawed, call.base_url)
