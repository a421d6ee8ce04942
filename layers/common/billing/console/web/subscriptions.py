"""One subscription in the console: its state, its timeline, and what a merchant can do (M-4, X-3).

Each action has a page that says what it will do, and changes nothing before its button is pressed;
the flows are those that /v1 calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from billing.cancel.flows import cancel, pause
from billing.console.flows import transactions
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.kernel.catalog import PriceType
from billing.kernel.errors import BillingError, NotFound, Refused
from billing.kernel.flows import subscriptions
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.plans import announced_price
from billing.plans.flows import freeze
from billing.rebill.flows import overdue
from billing.tax.flows import kept_evidence
from billing.web import http

Act = Callable[[Ports, Merchant, Subscription, datetime], object]

ACTIONS: Mapping[str, Act] = {
    "undo-cancel": lambda ports, seller, found, now: cancel.undo(ports, found, now=now),
    "pause": lambda ports, seller, found, now: pause.pause(ports, found, now=now),
    "resume": lambda ports, seller, found, now: pause.resume(ports, found, now=now),
    "freeze": lambda ports, seller, found, now: freeze.freeze(ports, seller, found, now=now),
    "retry": lambda ports, seller, found, now: overdue.charge(ports, found, now=now),
    "skip": lambda ports, seller, found, now: overdue.skip(ports, found, now=now),
}
"""The actions besides cancelling, by the last part of their addresses."""

OF_COUPONS = frozenset({"coupon-given", "coupon-taken"})
"""The confirmations of its coupon given or taken away."""
QUOTED = ("plan", "unfreeze")
"""The actions that show a quote first, on pages of their own."""

DONE = {*ACTIONS, *QUOTED, *OF_COUPONS, "plan-pending"}

PAUSABLE = frozenset({State.TRIALING, State.ACTIVE})


def subscription_page(desk: Desk, subscription: str) -> http.Answer:
    """Shows one subscription with its orders, newest first, and the actions that it allows."""
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription).as_of(desk.now)
    query = desk.request.query()
    cursor, what = query.get("cursor") or None, query.get("done")
    here = f"/console/subscriptions/{subscription}"
    known = kept_evidence.of_purchases(desk.ports, desk.merchant, found.customer, (found.id,))
    orders = transactions.of_subscription(desk.ports, found, limit=PAGE_LENGTH, cursor=cursor)
    return page(
        desk,
        "console/subscription.html",
        subscription=found,
        customer=known.customer,
        evidence=known.by_purchase.get(found.id),
        orders=orders.data,
        actions=_possible(desk.session.merchant, found),
        quoted=_quoted(found),
        reprices=announced_price.why_not(found) in {None, "price_change_present"},
        now=desk.now,
        done=what if what in DONE else None,
        next_url=orders.next and f"{here}?{urlencode({'cursor': orders.next})}",
        first_url=here if cursor is not None else None,
    )


def action_page(
    desk: Desk, subscription: str, action: str, *, refused: BillingError | None = None
) -> http.Answer:
    """Says what an action will do; a refusal comes back here with its words."""
    if action not in ACTIONS:
        raise NotFound()
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription).as_of(desk.now)
    return page(
        desk,
        "console/action.html",
        status=409 if refused else 200,
        subscription=found,
        action=action,
        refused=refused,
    )


def act(desk: Desk, subscription: str, action: str) -> http.Answer:
    """Carries an action out; pressed twice it is done once, for the flows say so themselves."""
    if action not in ACTIONS:
        raise NotFound()
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription)
    try:
        ACTIONS[action](desk.ports, desk.session.merchant, found, desk.now)
    except Refused as error:
        return action_page(desk, subscription, action, refused=error)
    return http.redirect(f"/console/subscriptions/{subscription}?done={action}")


def _possible(seller: Merchant, found: Subscription) -> tuple[str, ...]:
    """Lists the actions that may be tried now; what forbids one in a moment, its flow says."""
    fits = {
        "undo-cancel": found.state is State.CANCEL_PENDING,
        "pause": found.state in PAUSABLE and found.open_invoice is None,
        "resume": found.state is State.PAUSED,
        "freeze": found.state is State.ACTIVE
        and found.freezes_at is None
        and seller.settings.freeze_price_minor is not None,
        "retry": found.state is State.PAST_DUE or found.waiting_since is not None,
        "skip": found.waiting_since is not None,
    }
    return tuple(action for action in ACTIONS if fits[action])


def _quoted(found: Subscription) -> tuple[str, ...]:
    """Lists the actions with a quote that may be tried now."""
    frozen = found.is_frozen or found.freezes_at is not None
    fits = {
        "plan": found.state in PAUSABLE and found.terms.type is PriceType.RECURRING and not frozen,
        "unfreeze": frozen and found.is_live,
    }
    return tuple(action for action in QUOTED if fits[action])
