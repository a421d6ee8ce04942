"""Charges to come with their taxes, as mails, pages and forecasts show them (C-7, P-19)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from billing.kernel import invoicing
from billing.kernel.customers import Address, BillTo
from billing.kernel.errors import Invalid
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.snapshots import Snapshot, of
from billing.kernel.subscription import State, Subscription
from billing.kernel.taxes import UNTAXED, Taxation, Taxes, of_invoice
from billing.tax.flows import taxation

_NOBODY = BillTo("", "", Address("", "", ""))
"""Stands for the buyer of a subscription that was left with its source since it was read."""

TaxesOn = Callable[[date], Taxes]
"""Returns the taxes on a subscription's charge of a day, by the rules that stand now."""


def next_charge(
    ports: Ports, merchant: Merchant, subscription: Subscription, *, now: datetime
) -> Money:
    """Returns the amount of a subscription's next charge, less credit, with its taxes."""
    return next_charges(ports, merchant, [subscription], now=now)[subscription.id]


def next_charges(
    ports: Ports, merchant: Merchant, subscriptions: Sequence[Subscription], *, now: datetime
) -> dict[str, Money]:
    """Returns the amount of the next charge of each live subscription, by its id."""
    coming = [each for each in subscriptions if each.is_live]
    taxes_on = of_each(ports, merchant, coming)
    return {
        each.id: invoicing.next_charge(
            each, ports.minimum_minor(each), taxes_on[each.id](_day(merchant, each, now))
        )
        for each in coming
    }


def as_it_was(
    ports: Ports, merchant: Merchant, subscription: Subscription, was: Snapshot, *, now: datetime
) -> Money | None:
    """Returns the amount of the next charge as an outbox event saw it; None if none was to come.

    Credit of a subscription that has changed since is taken off with the taxes of the price.
    """
    if was.next_charge_at is None:
        return None
    if of(subscription).announces == was.announces:
        return next_charge(ports, merchant, subscription, now=now)
    taxes_on = of_each(ports, merchant, [subscription])[subscription.id]
    day = taxation.today(merchant, max(now, was.next_charge_at))
    return invoicing.price_less_credit(
        was.renewing_terms,
        was.discount,
        was.credit_minor,
        ports.minimum_minor(subscription),
        taxes_on(day).now,
    )


def of_each(
    ports: Ports, merchant: Merchant, subscriptions: Sequence[Subscription]
) -> dict[str, TaxesOn]:
    """Returns the taxes on the charges to come of each subscription, which must be the merchant's.

    Addresses, rates and earlier invoices are read at once, for all of them; nothing is read for a
    merchant who collects no tax.
    """
    if merchant.tax_since is None or not subscriptions:
        return {each.id: _untaxed for each in subscriptions}
    purchases = [(each.merchant, each.customer, each.id) for each in subscriptions]
    buyers = []
    for each, kept in zip(subscriptions, ports.store.bill_tos(purchases), strict=True):
        is_kept = kept is not None or each.state is State.INCOMPLETE
        assert is_kept, "written with the purchase, and removed only with what never began"
        buyers.append(_NOBODY if kept is None else kept.bill_to)
    invoices = [
        (each.merchant, each.customer, name) for each in subscriptions for name in _credit_of(each)
    ]
    paid = taxation.paid_of(ports, invoices)
    rules = taxation.rules_of(ports, merchant, buyers)
    return {
        each.id: _taxes_on(buyers_rules, paid)
        for each, buyers_rules in zip(subscriptions, rules, strict=True)
    }


def of_buyers(ports: Ports, merchant: Merchant, buyers: Sequence[BillTo]) -> list[TaxesOn]:
    """Returns the taxes on charges of buyers who have paid nothing here yet, in their order."""
    if merchant.tax_since is None:
        return [_untaxed for _ in buyers]
    return [_taxes_on(each, {}) for each in taxation.rules_of(ports, merchant, buyers)]


def after(opened: Invoice, taxes_on: TaxesOn) -> TaxesOn:
    """Returns the taxes on later charges once an open invoice is paid: it may leave credit."""
    own = of_invoice(opened)

    def taxes_after(day: date) -> Taxes:
        taxes = taxes_on(day)
        return Taxes(taxes.now, {**(taxes.paid or {}), opened.id: own})

    return taxes_after


def _credit_of(subscription: Subscription) -> list[str]:
    """Returns the invoices that credit comes from, or may come from once a change of plan is
    paid."""
    if subscription.open_invoice is not None:
        return list(subscription.money.taxed_by)
    parts = subscription.money.credit_by_tax(max(0, subscription.credit_minor))
    return [name for name in parts if name is not None]


def _untaxed(day: date) -> Taxes:
    return Taxes(paid={})


def _taxes_on(rules: taxation.Rules, paid: dict[str, Taxation]) -> TaxesOn:
    """Binds the rules of a buyer; as a renewal, it is untaxed where the address lacks something."""

    def taxes_on(day: date) -> Taxes:
        try:
            return Taxes(rules.on(day), paid)
        except Invalid:
            return Taxes(UNTAXED, paid)

    return taxes_on


def _day(merchant: Merchant, subscription: Subscription, now: datetime) -> date:
    """Returns the day of the next charge, today where that is past due."""
    at = subscription.next_charge_at
    return taxation.today(merchant, now if at is None else max(now, at))
