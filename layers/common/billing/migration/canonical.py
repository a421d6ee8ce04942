"""The canonical file: a subscription as an import takes it (IMPORT.md)."""

from __future__ import annotations

from billing.kernel.customers import BillTo, Customer, PaymentMethod
from billing.kernel.subscription import State, Subscription
from billing.migration.rows import Row, decimal, of_address, units

COLUMNS = (
    *("external_id", "email", "name", "address_line1", "address_line2", "city", "postal_code"),
    *("state", "country", "tax_id", "price_point", "price", "currency", "period", "installments"),
    *("cycle", "status", "started_at", "next_charge_at", "zone", "payments_made"),
    *("payments_total", "trial_ends_at", "cancel_at", "coupon", "coupon_charges_left"),
    *("anchor_local", "quantity", "credit", "next_price_point", "thaws_to", "paused_from"),
    *("cancel_mode", "gateway", "gateway_account", "gateway_customer", "payment_method"),
    *("tax_behaviour", "tax_id_confirmed", "tax_id_reference", "paid_until", "resumes_at"),
    *("announced_price", "test"),
)
"""The columns in their order; `test` is ours alone, and an import ignores it."""

DATES = (
    *("started_at", "next_charge_at", "trial_ends_at", "cancel_at", "anchor_local"),
    *("paid_until", "resumes_at"),
)
"""The columns that hold dates."""


def of_subscription(
    found: Subscription, buyer: Customer, method: PaymentMethod | None, billed: BillTo | None
) -> Row:
    """Returns the row of a subscription, as it is now; `billed` is what its invoices name.

    Amounts are in units of their currency, instants in UTC, `anchor_local` is wall time in `zone`.
    A row without `next_charge_at` is not charged while its customer waits for an answer, or a
    dispute for its end.
    """
    terms = found.terms
    total = terms.standard_payments
    later = found.plan_to_come
    waits = found.held or found.dispute in {"open", "lost"}
    change = found.price_change
    is_paused = found.state is State.PAUSED
    billed = billed or BillTo(buyer.name, buyer.email, buyer.address)
    return {
        "external_id": found.id,
        "email": buyer.email,
        "name": billed.name,
        **of_address(billed.address),
        "tax_id": billed.tax_id,
        "price_point": found.price_point,
        "price": decimal(terms.price),
        "currency": terms.price.currency.value,
        "period": None if terms.period is None else terms.period.value,
        "installments": terms.installments,
        "cycle": None if terms.cycle is None else terms.cycle.value,
        "status": found.state.value,
        "started_at": found.started_at,
        "next_charge_at": None if waits else found.next_charge_at,
        "zone": found.anchor.zone,
        # Of installments, a payment that was left out is not asked for any more.
        "payments_made": found.payments_made if total is None else found.period,
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
        "tax_id_confirmed": True if billed.tax_id_confirmed else None,
        "tax_id_reference": billed.tax_id_reference,
        "paid_until": found.period_at if is_paused else None,
        "resumes_at": found.resumes_at if is_paused else None,
        "announced_price": None if change is None else decimal(change.price),
        "test": found.test,
    }
