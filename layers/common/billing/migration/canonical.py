"""The canonical file: a subscription as an import takes it (IMPORT.md)."""

from __future__ import annotations

from billing.kernel.customers import Customer, PaymentMethod
from billing.kernel.subscription import State, Subscription
from billing.migration.rows import Row, decimal, of_address, units

COLUMNS = (
    *("external_id", "email", "name", "address_line1", "address_line2", "city", "postal_code"),
    *("state", "country", "tax_id", "price_point", "price", "currency", "period", "installments"),
    *("cycle", "status", "started_at", "next_charge_at", "zone", "payments_made"),
    *("payments_total", "trial_ends_at", "cancel_at", "coupon", "coupon_charges_left"),
    *("anchor_local", "quantity", "credit", "next_price_point", "thaws_to", "paused_from"),
    *("cancel_mode", "gateway", "gateway_account", "gateway_customer", "payment_method"),
    *("tax_behaviour", "test"),
)
"""The columns in their order; `test` is ours alone, and an import ignores it."""


def of_subscription(
    found: Subscription, buyer: Customer, method: PaymentMethod | None, tax_id: str | None
) -> Row:
    """Returns the row of a subscription, as it is now.

    Amounts are in units of their currency, instants in UTC, `anchor_local` is wall time in `zone`.
    """
    terms = found.terms
    total = terms.standard_payments
    later = found.plan_to_come
    return {
        "external_id": found.id,
        "email": buyer.email,
        "name": buyer.name,
        **of_address(buyer.address),
        "tax_id": tax_id,
        "price_point": found.price_point,
        "price": decimal(terms.price),
        "currency": terms.price.currency.value,
        "period": None if terms.period is None else terms.period.value,
        "installments": terms.installments,
        "cycle": None if terms.cycle is None else terms.cycle.value,
        "status": found.state.value,
        "started_at": found.started_at,
        "next_charge_at": found.next_charge_at,
        "zone": found.anchor.zone,
        "payments_made": found.payments_made,
        "payments_total": total,
        "trial_ends_at": found.period_at if found.state is State.TRIALING else None,
        "cancel_at": found.ends_at,
        "coupon": None if found.discount is None else found.discount.coupon,
        "coupon_charges_left": None if found.discount is None else found.discount.charges_left,
        "anchor_local": found.anchor.wall.isoformat(),
        "quantity": 1,
        "credit": units(found.credit_minor),
        "next_price_point": None if later is None else later.price_point,
        "thaws_to": None if found.thaws_to is None else found.thaws_to.price_point,
        "paused_from": None if found.paused_from is None else found.paused_from.value,
        "cancel_mode": terms.cancellation.value,
        "gateway": found.gateway,
        "gateway_account": found.gateway_account,
        "payment_method": None if method is None else method.id,
        "tax_behaviour": terms.tax.value,
        "test": found.test,
    }
