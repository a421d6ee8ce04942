"""Changes of a customer in the console: details, erasure, a copy of what is kept (H-6, M-8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.accounts.web.merchant_inputs import CustomerChangeInput
from billing.console.web.pages import Desk, page
from billing.customers.flows import customers
from billing.kernel.customers import Customer
from billing.kernel.errors import BillingError, Invalid, NotFound, Refused, Unfinished
from billing.privacy.flows import erase, export
from billing.privacy.web import shapes
from billing.web import http
from billing.web.inputs import read
from billing.web.problems import address_errors
from billing.web.sessions import digest

ADDRESS = ("line1", "line2", "city", "postal_code", "state", "country")
FIELDS = ("email", "name", *ADDRESS)
TYPED_MOST = 400
JSON = "application/json"


def edit_page(
    desk: Desk,
    customer: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows the form of a customer; `stale` where somebody changed them since it was shown."""
    found = _found(desk, customer)
    return page(
        desk,
        "console/customer_edit.html",
        status=422 if errors else 409 if stale else 200,
        customer=found,
        form=_typed(found) if typed is None else typed,
        errors=errors or {},
        stale=stale,
        seen=seen(found),
    )


def change(desk: Desk, customer: str) -> http.Answer:
    """Changes email, name and address; what was bought and billed keeps its own."""
    form = desk.request.form()
    typed = {name: form[name].strip()[:TYPED_MOST] for name in FIELDS if form.get(name)}
    found = _found(desk, customer)
    if form.get("seen") != seen(found):
        return edit_page(desk, customer, typed=typed, stale=True)
    document: dict[str, Any] = {name: typed.get(name, "") for name in ("email", "name")}
    document["address"] = {name: typed[name] for name in ADDRESS if typed.get(name)}
    try:
        changes = read(CustomerChangeInput, document).changes()
        customers.change(desk.ports, desk.merchant, customer, changes, now=desk.now)
    except Invalid as error:
        return edit_page(desk, customer, typed=typed, errors=address_errors(error))
    except Refused as error:
        field = "email" if error.reason.startswith("email") else ""
        refused = {field: Invalid(error.reason, field=field, **error.parameters)}
        return edit_page(desk, customer, typed=typed, errors=refused)
    return http.redirect(f"/console/customers/{customer}?done=customer_changed")


def erase_page(desk: Desk, customer: str, *, refused: BillingError | None = None) -> http.Answer:
    """Says what is erased and what is kept, before it is."""
    return page(
        desk,
        "console/customer_erase.html",
        status=409 if refused else 200,
        customer=_found(desk, customer),
        refused=refused,
    )


def erase_customer(desk: Desk, customer: str) -> http.Answer:
    """Erases a customer once nothing of theirs runs; asked again it goes on where it stopped."""
    try:
        erase.one(desk.ports, desk.merchant, customer, now=desk.now)
    except (Refused, Unfinished) as error:
        return erase_page(desk, customer, refused=error)
    return http.redirect(f"/console/customers/{customer}?done=customer_erased")


def copy(desk: Desk, customer: str) -> http.Answer:
    """Sends everything that is kept of a customer, as they may ask for (M-8)."""
    found = export.export(desk.ports, desk.merchant, customer, now=desk.now)
    return http.file(http.dumps(shapes.export(found)), f"{customer}.json", JSON)


def seen(customer: Customer) -> str:
    """Returns a mark of a customer as a page showed them; after any change it is another."""
    return digest(repr((customer.email, customer.name, customer.address)))[:16]


def _found(desk: Desk, customer: str) -> Customer:
    found = desk.ports.store.customer(desk.merchant, customer)
    if found is None:
        raise NotFound("customer_unknown")
    return found


def _typed(customer: Customer) -> dict[str, str]:
    form = {name: getattr(customer.address, name) for name in ADDRESS}
    form |= {"email": customer.email, "name": customer.name}
    return {name: value for name, value in form.items() if value}
