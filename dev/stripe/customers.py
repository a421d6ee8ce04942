"""Customers."""

from typing import Any

from dev.stripe import form, lists
from dev.stripe.work import Object, Work, new_id

ADDRESS = form.hash_of(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), form.text)
)
FIELDS: form.Fields = {
    "address": ADDRESS,
    "description": form.text,
    "email": form.email,
    "invoice_settings": form.hash_of({"default_payment_method": form.text}),
    "metadata": form.metadata,
    "name": form.text,
    "phone": form.text,
}
LIST: form.Fields = {**lists.CURSORS, "email": form.text}

NO_ADDRESS: Object = dict.fromkeys(
    ("city", "country", "line1", "line2", "postal_code", "state"), None
)


def create(work: Work, params: dict[str, Any]) -> Object:
    customer: Object = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": work.seconds,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_id("", 8)[1:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    _change(work, customer, params)
    work.tell("customer.created", customer)
    return work.put(customer)


def retrieve(work: Work, params: dict[str, Any], customer: str) -> Object:
    return work.load("customer", customer)


def update(work: Work, params: dict[str, Any], customer: str) -> Object:
    found = work.load("customer", customer)
    _change(work, found, params)
    work.tell("customer.updated", found)
    return work.put(found)


def delete(work: Work, params: dict[str, Any], customer: str) -> Object:
    """Removes a customer for good, with all cards; nothing can be made for it any more."""
    from dev.stripe import payment_methods

    found = work.load("customer", customer)
    for method in list(work.newest_first("payment_method")):
        if method["customer"] == customer:
            payment_methods.detach(work, {}, method["id"])
    work.tell("customer.deleted", found)
    work.remove(customer)
    return {"id": customer, "object": "customer", "deleted": True}


def find_all(work: Work, params: dict[str, Any]) -> Object:
    email = params.get("email")
    found = (c for c in work.newest_first("customer") if email in (None, c["email"]))
    return lists.page("/v1/customers", found, params)


def _change(work: Work, customer: Object, params: dict[str, Any]) -> None:
    for name in ("description", "email", "name", "phone"):
        if name in params:
            customer[name] = params[name]
    if "address" in params:
        customer["address"] = {**NO_ADDRESS, **params["address"]}
    if default := params.get("invoice_settings", {}).get("default_payment_method"):
        work.load("payment_method", default, param="invoice_settings", status=400)
        customer["invoice_settings"]["default_payment_method"] = default
    customer["metadata"] = form.merged(customer["metadata"], params.get("metadata"))
