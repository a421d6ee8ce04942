"""A merchant's settings (M-2); a change applies to what happens from now on."""

from __future__ import annotations

from typing import Any

from billing.catalog.flows import product_lists
from billing.kernel import domains
from billing.kernel.departments import Department, named
from billing.kernel.errors import Refused
from billing.kernel.identities import UNSAID
from billing.kernel.merchants import Departments, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Remove, Write


def change(ports: Ports, merchant: Merchant, changes: dict[str, Any]) -> Merchant:
    """Changes the named settings of a merchant and returns it; the others stay.

    Raises `Refused` for another currency once there are products: their prices are in the old one,
    and an account has one currency (P-20).
    """
    changes = dict(changes)
    identity = _identity(merchant, changes.pop("identity", None))
    before = merchant.settings
    moved = changes.get("currency", before.currency) is not before.currency
    if moved and product_lists.made(ports, merchant, limit=1).data:
        raise Refused("currency_in_use")
    parts = {
        name: replace(getattr(before, name), **changes[name])
        for name in ("departments", "retry_schedule", "accounts")
        if name in changes
    }
    if "departments" in parts:
        parts["departments"] = _departments(ports, merchant, parts["departments"])
    after = replace(merchant, settings=replace(before, **(changes | parts)), **identity)
    gone: tuple[Write, ...] = ()
    if changes.get("custom_domain", before.custom_domain) != before.custom_domain:
        after, gone = _asked_for_domain(ports, after)
    if after != merchant:
        ports.store.commit(Change(merchant, after, expecting=("domain",)), *gone)
    return after


def _identity(merchant: Merchant, changes: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the fields of the merchant that a change of its identity sets; its address is the one
    that taxes are decided by (M-13, C-7)."""
    if changes is None:
        return {}
    said = {name: value for name, value in changes.items() if name != "address"}
    after = replace(merchant.identity or UNSAID, **said)
    return {"identity": after, "address": changes.get("address", merchant.address)}


def _asked_for_domain(ports: Ports, merchant: Merchant) -> tuple[Merchant, tuple[Write, ...]]:
    """Requests another domain, which works once the operator confirms it; the previous one stays
    until then. Without one, addresses are the platform's at once (A-9)."""
    asked = merchant.settings.custom_domain
    if asked is None:
        held = None if merchant.domain is None else ports.store.domain(merchant.domain)
        return replace(merchant, domain=None), () if held is None else (Remove(held),)
    host = domains.check_host(asked, ports.operation.public_url)
    held = ports.store.domain(host)
    if held is not None and held.merchant != merchant.id:
        raise Refused("domain_taken")
    settings = replace(merchant.settings, custom_domain=host)
    return replace(merchant, settings=settings), ()


def _departments(ports: Ports, merchant: Merchant, wanted: Departments) -> Departments:
    """Returns the departments, all that are routed to included: one that was only named is made. A
    removed one must have nothing left to do."""
    missing = {wanted.cancel, wanted.refund} - {each.id for each in wanted.all}
    made = tuple(Department(each, _title(each), "") for each in sorted(missing))
    kept = replace(wanted, all=(*wanted.all, *made))
    going = [d for d in merchant.settings.departments.all if named(kept.all, d.id) is None]
    for gone in going:
        if ports.store.waiting_tickets(merchant.id, gone.id, 1):
            raise Refused("department_in_use", department=gone.name)
    return kept


def _title(department: str) -> str:
    return department.replace("-", " ").replace("_", " ").strip().title()
