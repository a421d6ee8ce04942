"""Freezing and unfreezing a subscription (A-5).

A freeze is asked for now and in force with the next period; it is undone for the price of the rest
of the period.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel.flows import subscriptions
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.writes import left
from billing.plans import freezing, plan_change
from billing.plans.flows import change_plan
from billing.plans.flows.change_plan import Changed, Result
from billing.plans.plan_change import Quote, When


def freeze(
    ports: Ports, seller: Merchant, subscription: Subscription, *, now: datetime
) -> Subscription:
    """Charges the freeze's price alone from the next period on; a frozen subscription stays so.

    It is decided by the subscription as it was read, and anew where that has changed. Raises
    `Refused` (freeze_off, cancelling, invoice_open, not_active, not_freezable).
    """
    assert seller.id == subscription.merchant, "a seller freezes what they sold"
    return subscriptions.decided(
        ports, subscription, lambda found: _freeze(ports, seller, found, now)
    )


def _freeze(ports: Ports, seller: Merchant, found: Subscription, now: datetime) -> Subscription:
    if found.freezes_at is not None or (
        found.is_frozen and found.state is not State.CANCEL_PENDING
    ):
        return found
    product = ports.store.product(found.merchant, found.product)
    assert product is not None, "a product is never removed"
    minimum = ports.minimum_minor(found)
    freezing.refuse_freeze(found, seller.settings, minimum, now)
    price = seller.settings.freeze_price_minor
    assert price is not None, "refused without one"
    plan = freezing.plan(found, price, product.grants)
    shard = ports.shard_of(found.id)
    write = freezing.schedule(found, plan, product.grants, now, shard)
    ports.store.commit(*write)
    return left(found, write)


def quote(ports: Ports, subscription: Subscription, *, now: datetime) -> Quote:
    """Quotes unfreezing: the charge now and the next one; writes nothing.

    Raises `Refused` (not_frozen, invoice_open, cancelling).
    """
    return _quote(ports, subscription, now, as_of=now)


def unfreeze(
    ports: Ports, subscription: Subscription, *, token: str | None = None, now: datetime
) -> Changed:
    """Returns to the plan from before: at once and paid as a plan change, free before it began.

    Without a token, for the present price. Asking again while the payment is under way continues
    it; a subscription that is not frozen is left alone. It is decided by the subscription as it was
    read, and anew where that has changed. Raises `Refused` (quote_changed, or as for a quote).
    """
    begun = subscriptions.decided(
        ports, subscription, lambda found: _begin(ports, found, token, now)
    )
    return begun if isinstance(begun, Changed) else change_plan.charge_change(ports, begun, now)


def _begin(
    ports: Ports, found: Subscription, token: str | None, now: datetime
) -> Changed | Subscription:
    """Unfreezes where nothing is to be paid now; else claims the subscription to be charged."""
    if found.freezes_at is not None and found.freezes_at > now:
        return change_plan.finished(
            ports, found, freezing.undo(found, now, ports.shard_of(found.id))
        )
    if found.thaws_to is None and found.state in plan_change.CHANGEABLE:
        return Changed(found, Result.CHANGED)
    if _is_thawing(ports, found):
        return change_plan.continue_change(ports, found, now)
    as_of = now if token is None else plan_change.quoted_at(token, now)
    quoted = _quote(ports, found, now, as_of=as_of)
    if token is not None:
        plan_change.check_token(quoted, token)
    return change_plan.begin(ports, found, quoted, now)


def _quote(ports: Ports, found: Subscription, now: datetime, *, as_of: datetime) -> Quote:
    freezing.refuse_thaw(found, now)
    assert found.thaws_to is not None, "it is frozen"
    return plan_change.quote(
        found,
        found.thaws_to,
        When.NOW,
        as_of,
        minimum_minor=ports.minimum_minor(found),
        taxes=change_plan.taxes(ports, found, now),
    )


def _is_thawing(ports: Ports, found: Subscription) -> bool:
    if found.open_invoice is None or found.cancelling is not None or not found.is_frozen:
        return False
    opened = ports.store.invoice(found.merchant, found.customer, found.open_invoice)
    return opened is not None and opened.changes_plan
