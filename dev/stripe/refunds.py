"""Refunds: full or partial, never more than was charged."""

from typing import Any

from dev.stripe import charges, form, lists
from dev.stripe import payment_methods as methods
from dev.stripe.errors import StripeError, invalid, refused
from dev.stripe.work import Object, Work, new_id

_SETTLES_AFTER_SECONDS = 1

CREATE: form.Fields = {
    "amount": form.integer,
    "charge": form.text,
    "metadata": form.metadata,
    "payment_intent": form.text,
    "reason": form.one_of("duplicate", "fraudulent", "requested_by_customer"),
}
UPDATE: form.Fields = {"metadata": form.metadata}
LIST: form.Fields = {**lists.CURSORS, "charge": form.text, "payment_intent": form.text}


def check_create(params: dict[str, Any]) -> None:
    if not (params.get("charge") or params.get("payment_intent")):
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or"
            " charge."
        )
    if params.get("amount", 1) < 1:
        raise invalid("Invalid positive integer", "amount", "parameter_invalid_integer")


def create(work: Work, params: dict[str, Any]) -> Object:
    charge = _charge(work, params)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    _check(charge, amount, left)
    method = work.load("payment_method", charge["payment_method"])
    becomes = methods.card_of(method).refund
    refund: Object = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": work.seconds,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number"}
            | {"type": "refund"},
            "type": "card",
        },
        "metadata": form.merged({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": method["id"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if becomes == "pending" else "succeeded",
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = charges.booked(work, refund, -amount, "refund")
    work.put(refund)
    if becomes != "succeeded":
        work.later(_SETTLES_AFTER_SECONDS, "refund", refund["id"])
    work.tell("refund.created", refund)
    _count(work, charge, amount)
    work.tell("charge.refunded", charge)
    return refund


def settled(work: Work, refund: Object) -> None:
    """Settles a refund some time after, as the bank decides: done, or failed after all."""
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        work.put(refund)
        work.tell("refund.updated", refund, {"status": "pending"})
    elif refund["status"] == "succeeded":
        previous = {"status": refund["status"]}
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        refund["failure_balance_transaction"] = charges.booked(
            work, refund, refund["amount"], "refund_failure"
        )
        work.put(refund)
        charge = work.load("charge", refund["charge"])
        _count(work, charge, -refund["amount"])
        work.tell("refund.updated", refund, previous)
        work.tell("refund.failed", refund, previous)


def retrieve(work: Work, params: dict[str, Any], refund: str) -> Object:
    return work.load("refund", refund)


def update(work: Work, params: dict[str, Any], refund: str) -> Object:
    found = work.load("refund", refund)
    found["metadata"] = form.merged(found["metadata"], params.get("metadata"))
    work.tell("refund.updated", found)
    return work.put(found)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    wanted = {name: params[name] for name in ("charge", "payment_intent") if name in params}
    found = (
        r
        for r in work.newest_first("refund")
        if all(r[name] == value for name, value in wanted.items())
    )
    return lists.page("/v1/refunds", found, params)


def _charge(work: Work, params: dict[str, Any]) -> Object:
    if identifier := params.get("charge"):
        return work.load("charge", identifier, param="charge", status=400)
    intent = work.load(
        "payment_intent", params["payment_intent"], param="payment_intent", status=400
    )
    if intent["status"] != "succeeded":
        raise refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return work.load("charge", intent["latest_charge"])


def _check(charge: Object, amount: int, left: int) -> None:
    refusal: StripeError | None = None
    if charge["status"] != "succeeded":
        refusal = refused(f"Charge {charge['id']} did not succeed.", "charge_not_refundable")
    elif charge["disputed"] and not charge["_refundable_in_dispute"]:
        refusal = refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            "charge_disputed",
        )
    elif left == 0:
        refusal = refused(
            f"Charge {charge['id']} has already been refunded.", "charge_already_refunded"
        )
    elif amount > left:
        refusal = refused(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    if refusal is not None:
        raise refusal


def _count(work: Work, charge: Object, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    work.put(charge)
