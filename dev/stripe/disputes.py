"""Disputes: the bank takes the money back and asks; in the end it is won or lost."""

from typing import Any

from dev.stripe import charges, form, lists
from dev.stripe.errors import refused
from dev.stripe.work import Object, Work, new_id, public

_ANSWER_WITHIN_SECONDS = 14 * 24 * 3600
_DECIDED_AFTER_SECONDS = 1
_FEE = 1500

REASONS = (
    "credit_not_processed",
    "duplicate",
    "fraudulent",
    "general",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)

_EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
"""The evidence texts that decide a test dispute, by the documentation."""

UPDATE: form.Fields = {
    "evidence": form.hash_of(dict.fromkeys(_EVIDENCE, form.text)),
    "metadata": form.metadata,
    "submit": form.boolean,
}
LIST: form.Fields = {**lists.CURSORS, "charge": form.text, "payment_intent": form.text}


def opened(work: Work, charge: Object, reason: str, *, inquiry: bool = False) -> Object:
    """Opens a bank's dispute of a charge; an inquiry takes no money yet."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise refused(f"Charge {charge['id']} cannot be disputed.")
    dispute: Object = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": work.seconds,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": work.seconds + _ANSWER_WITHIN_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": charge["payment_method_details"]["card"]["network"],
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    work.put(charge | {"disputed": True, "_refundable_in_dispute": inquiry})
    work.tell("charge.dispute.created", dispute)
    if not inquiry:
        _book(work, dispute, -dispute["amount"] - _FEE, "dispute")
        work.tell("charge.dispute.funds_withdrawn", dispute)
    return work.put(dispute)


def decided(work: Work, dispute: Object, status: str) -> Object:
    """Closes a dispute as the bank decided: `won` gives the money back."""
    if _is_over(dispute):
        raise refused(f"This dispute is already closed: {dispute['status']}.", "dispute_closed")
    previous = {"status": dispute["status"]}
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if inquiry else status
    dispute["is_charge_refundable"] = inquiry
    if status == "won" and not inquiry:
        _book(work, dispute, dispute["amount"] + _FEE, "dispute_reversal")
        work.tell("charge.dispute.funds_reinstated", dispute)
    charge = work.load("charge", dispute["charge"])
    work.put(charge | {"_refundable_in_dispute": inquiry or status == "won"})
    work.tell("charge.dispute.closed", dispute, previous)
    return work.put(dispute)


def retrieve(work: Work, params: dict[str, Any], dispute: str) -> Object:
    return work.load("dispute", dispute)


def update(work: Work, params: dict[str, Any], dispute: str) -> Object:
    """Takes evidence; a test dispute is decided by what Stripe documents as winning or losing
    evidence.
    """
    found = work.load("dispute", dispute)
    found["metadata"] = form.merged(found["metadata"], params.get("metadata"))
    if evidence := params.get("evidence"):
        if _is_over(found):
            raise refused("This dispute is already closed.", "dispute_closed")
        found["evidence"] |= evidence
        found["evidence_details"]["has_evidence"] = True
        if params.get("submit", True):
            _submitted(work, found)
    work.tell("charge.dispute.updated", found)
    return work.put(found)


def close(work: Work, params: dict[str, Any], dispute: str) -> Object:
    """Accepts a dispute, which loses it."""
    return decided(work, work.load("dispute", dispute), "lost")


def find_all(work: Work, params: dict[str, Any]) -> Object:
    wanted = {name: params[name] for name in ("charge", "payment_intent") if name in params}
    found = (
        d
        for d in work.newest_first("dispute")
        if all(d[name] == value for name, value in wanted.items())
    )
    return lists.page("/v1/disputes", found, params)


def verdict(dispute: Object) -> str | None:
    """Returns the verdict that the submitted evidence leads to; None for none."""
    return _VERDICTS.get(dispute["evidence"]["uncategorized_text"] or "")


def _submitted(work: Work, dispute: Object) -> None:
    dispute["evidence_details"]["submission_count"] += 1
    dispute["evidence_details"]["submission_method"] = "manual"
    warning = dispute["status"].startswith("warning")
    dispute["status"] = "warning_under_review" if warning else "under_review"
    if verdict(dispute) is not None:
        work.later(_DECIDED_AFTER_SECONDS, "verdict", dispute["id"])


def _is_over(dispute: Object) -> bool:
    return dispute["status"] in ("won", "lost", "warning_closed")


def _book(work: Work, dispute: Object, amount: int, kind: str) -> None:
    line = work.load("balance_transaction", charges.booked(work, dispute, amount, kind))
    dispute["balance_transactions"].append(public(line))
