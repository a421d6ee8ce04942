"""Invoices of subscriptions: drafts for an hour, then finalized and charged (read and voided only).

https://docs.stripe.com/billing/invoices/subscription and
https://docs.stripe.com/billing/subscriptions/pause-payment
"""

from datetime import timedelta
from typing import Any

from dev.stripe import attempts, form, lists, payment_intents
from dev.stripe.errors import StripeError, refused
from dev.stripe.work import Object, Work, new_id

DRAFT_FOR = timedelta(hours=1)
"""The time for which a renewal's invoice can still be changed, before it is charged."""

LIST: form.Fields = {
    **lists.CURSORS,
    "customer": form.text,
    "status": form.one_of("draft", "open", "paid", "uncollectible", "void"),
    "subscription": form.text,
}


def opened(work: Work, subscription: Object, amount: int, reason: str, span: Object) -> Object:
    """Creates the draft of a subscription's invoice for the time `span` (start, end)."""
    identifier, off = new_id("in"), _off(work, subscription, amount)
    total = amount - off
    invoice = {
        "id": identifier,
        "object": "invoice",
        **_ABOUT_NOTHING,
        "account_country": "US",
        "amount_due": total,
        "amount_remaining": total,
        "auto_advance": True,
        "automatically_finalizes_at": work.seconds + int(DRAFT_FOR.total_seconds()),
        "billing_reason": reason,
        "created": work.seconds,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "default_payment_method": None,
        "lines": _lines(identifier, subscription, total, span),
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        "period_end": work.seconds,
        "period_start": work.seconds,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "_intent": None,
        "_subscription": subscription["id"],
    }
    work.put(invoice)
    work.tell("invoice.created", invoice)
    return invoice


def _off(work: Work, subscription: Object, amount: int) -> int:
    """Returns what the subscription's coupons take off; one for a single invoice is used up."""
    off = 0
    for identifier in list(subscription["discounts"]):
        discount = work.load("discount", identifier)
        coupon = work.load("coupon", discount["source"]["coupon"])
        if discount["end"] is not None and discount["end"] <= work.seconds:
            subscription["discounts"].remove(identifier)
            continue
        if coupon["duration"] == "once" and amount:
            subscription["discounts"].remove(identifier)
        if coupon["percent_off"] is not None:
            off += round(amount * coupon["percent_off"] / 100)
        else:
            off += coupon["amount_off"]
    return min(off, amount)


def _lines(invoice: str, subscription: Object, total: int, span: Object) -> Object:
    item = subscription["items"]["data"][0]
    line = {
        "id": new_id("il"),
        "object": "line_item",
        "amount": total,
        "currency": subscription["currency"],
        "description": f"{item['quantity']} x {item['price']['product']}",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": span,
        "pretax_credit_amounts": None,
        "pricing": None,
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": subscription["id"],
        "subtotal": total,
        "taxes": None,
    }
    return {
        "object": "list",
        "data": [line],
        "has_more": False,
        "url": f"/v1/invoices/{invoice}/lines",
    }


def finalized(work: Work, invoice: Object, method: str | None) -> Object:
    """Finalizes a draft and charges it; one that its bank declines stays open."""
    assert invoice["status"] == "draft"
    invoice |= {"status": "open", "automatically_finalizes_at": None}
    invoice["status_transitions"]["finalized_at"] = work.seconds
    work.tell("invoice.finalized", work.put(invoice))
    if invoice["amount_due"] and not _charged(work, invoice, method):
        work.tell("invoice.payment_failed", work.put(invoice))
        return invoice
    invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0}
    invoice |= {"attempted": True, "auto_advance": False}
    invoice["status_transitions"]["paid_at"] = work.seconds
    work.tell("invoice.paid", work.put(invoice))
    return invoice


def _charged(work: Work, invoice: Object, method: str | None) -> bool:
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    found = None if method is None else work.find("payment_method", method)
    if found is None or found["customer"] != invoice["customer"]:
        return False
    intent = payment_intents.opened(
        work, {"amount": invoice["amount_due"], "currency": invoice["currency"]}
    )
    intent |= {
        "customer": invoice["customer"],
        "description": "Subscription",
        "metadata": {},
        "payment_method": method,
        "status": "requires_confirmation",
    }
    invoice["_intent"] = intent["id"]
    try:
        attempts.begun(work, intent, found, {"off_session": True})
    except StripeError:
        return False
    return True


def voided(work: Work, invoice: Object) -> Object:
    """Voids an invoice, as a pause of its subscription does when it is made."""
    invoice |= {"status": "void", "auto_advance": False, "automatically_finalizes_at": None}
    invoice["status_transitions"]["voided_at"] = work.seconds
    work.tell("invoice.voided", work.put(invoice))
    return invoice


def retrieve(work: Work, params: dict[str, Any], invoice: str) -> Object:
    return work.load("invoice", invoice)


def void(work: Work, params: dict[str, Any], invoice: str) -> Object:
    found = work.load("invoice", invoice)
    if found["status"] not in ("open", "uncollectible"):
        raise refused("You can only pass in open invoices. This invoice isn't open.")
    return voided(work, found)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    names = {"customer": "customer", "status": "status", "subscription": "_subscription"}
    wanted = {field: params[name] for name, field in names.items() if name in params}
    found = (
        each
        for each in work.newest_first("invoice")
        if all(each[field] == value for field, value in wanted.items())
    )
    return lists.page("/v1/invoices", found, params)


_ABOUT_NOTHING: Object = {
    **dict.fromkeys(
        (
            *("account_name", "account_tax_ids", "application", "custom_fields"),
            *("customer_account", "customer_address", "customer_email", "customer_name"),
            *("customer_phone", "customer_shipping", "default_source", "description", "due_date"),
            *("effective_at", "ending_balance", "footer", "from_invoice", "hosted_invoice_url"),
            *("invoice_pdf", "last_finalization_error", "latest_revision"),
            *("next_payment_attempt", "number", "on_behalf_of", "receipt_number", "rendering"),
            *("shipping_cost", "shipping_details", "statement_descriptor", "test_clock"),
            *("total_pretax_credit_amounts", "total_taxes", "webhooks_delivered_at"),
        )
    ),
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "collection_method": "charge_automatically",
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_tax_rates": [],
    "discounts": [],
    "issuer": {"type": "self"},
    "livemode": False,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "starting_balance": 0,
}
