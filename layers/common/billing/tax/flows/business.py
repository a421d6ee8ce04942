"""Business buyers: their tax ids, confirmed by the EU's register or by an agent (C-7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.kernel.customers import BillTo, PurchaseBillTo
from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.identities import with_prefix
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import Taxation
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.runtime import telemetry
from billing.tax.countries import EU
from billing.tax.flows import taxation


def of_buyer(
    ports: Ports, merchant: Merchant, buyer: BillTo, *, now: datetime
) -> tuple[BillTo, Taxation]:
    """Returns a buyer, with their tax id confirmed where the register knows it, and what they owe.

    Raises `Invalid` where their address lacks what the taxes depend on (C-10). A register that does
    not answer stops no sale: the tax is charged then.
    """
    rules, day = taxation.rules(ports, merchant, buyer), taxation.today(merchant, now)
    owed = rules.on(day)
    if not rules.ask_register_on(day):
        return buyer, owed
    confirmed = _looked_up(ports, merchant, buyer)
    return confirmed, replace(rules, buyer=confirmed).on(day)


def _looked_up(ports: Ports, merchant: Merchant, buyer: BillTo) -> BillTo:
    assert buyer.tax_id is not None, "only an id that was given is looked up"
    own = () if merchant.identity is None else merchant.identity.tax_ids
    asker = next((with_prefix(e.country, e.number) for e in own if e.country in EU), None)
    try:
        answer = ports.tax_ids.look_up(buyer.tax_id, asker=asker)
    except Unavailable as silent:
        telemetry.tally({"register_silent": 1}, "tax_")
        telemetry.happened("register of tax ids silent", why=silent.note)
        return buyer
    return replace(buyer, tax_id_confirmed=answer.is_known, tax_id_reference=answer.reference)


def enter(
    ports: Ports,
    subscription: Subscription,
    checked: Callable[[str], str | None],
    *,
    reference: str | None,
    is_confirmed: bool,
) -> BillTo:
    """Enters the tax id of a subscription's buyer as an agent knows it, for its next invoices.

    `checked` returns the id as one of that country, None for none; `reference` says what the agent
    saw. Issued invoices stay as they are. Raises `NotFound`, `Invalid`, `Conflict`.
    """
    before = _bill_to(ports, subscription)
    tax_id = checked(before.bill_to.address.country)
    bill_to = replace(
        before.bill_to,
        tax_id=tax_id,
        tax_id_confirmed=is_confirmed and tax_id is not None,
        tax_id_reference=reference if tax_id is not None else None,
    )
    if bill_to != before.bill_to:
        ports.store.commit(Change(before, replace(before, bill_to=bill_to)))
    return bill_to


def _bill_to(ports: Ports, subscription: Subscription) -> PurchaseBillTo:
    owner = (subscription.merchant, subscription.customer, subscription.id)
    (found,) = ports.store.bill_tos([owner])
    if found is None:
        raise NotFound("purchase_unknown")
    return found
