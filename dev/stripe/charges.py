"""Charges: an intent's attempts on its payment method, whether they succeeded or not."""

from typing import Any

from dev.stripe import form, lists
from dev.stripe.cards import Decline
from dev.stripe.work import Object, Work, new_id

UPDATE: form.Fields = {"description": form.text, "metadata": form.metadata}
LIST: form.Fields = {**lists.CURSORS, "customer": form.text, "payment_intent": form.text}


def made(work: Work, intent: Object, method: Object, decline: Decline | None) -> Object:
    """Creates the charge of one attempt."""
    identifier = new_id("ch")
    succeeded = decline is None
    charge: Object = {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if succeeded else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "PERENNIAL LOOPBACK",
        "captured": succeeded,
        "created": work.seconds,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, intent["amount"]),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{work.base_url}/receipts/{identifier}" if succeeded else None,
        "refunded": False,
        "refunds": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": f"/v1/charges/{identifier}/refunds",
        },
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if succeeded else "failed",
        "transfer_data": None,
        "transfer_group": None,
        "_at": work.now.isoformat(),
    }
    if succeeded:
        charge["balance_transaction"] = booked(work, charge, charge["amount"], "charge")
    work.tell("charge.succeeded" if succeeded else "charge.failed", charge)
    return work.put(charge)


def booked(work: Work, source: Object, amount: int, kind: str) -> str:
    """Adds a line to the account's balance; returns its id.

    Fees as for a US card: 2.9 % + 30, up.
    """
    fee = -(-amount * 29 // 1000) + 30 if kind == "charge" else 0
    described = {"amount": fee, "application": None, "currency": source["currency"]}
    line = work.put(
        {
            "id": new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": work.seconds,
            "balance_type": "payments",
            "created": work.seconds,
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [
                {**described, "description": "Stripe processing fees", "type": "stripe_fee"}
            ]
            if fee
            else [],
            "net": amount - fee,
            "reporting_category": kind,
            "source": source["id"],
            "status": "available",
            "type": "adjustment" if kind.startswith("dispute") else kind,
        }
    )
    return str(line["id"])


def retrieve(work: Work, params: dict[str, Any], charge: str) -> Object:
    return work.load("charge", charge)


def update(work: Work, params: dict[str, Any], charge: str) -> Object:
    found = work.load("charge", charge)
    found["description"] = params.get("description", found["description"])
    found["metadata"] = form.merged(found["metadata"], params.get("metadata"))
    return work.put(found)


def find_all(work: Work, params: dict[str, Any]) -> Object:
    wanted = {name: params[name] for name in ("customer", "payment_intent") if name in params}
    found = (
        c
        for c in work.newest_first("charge")
        if all(c[name] == value for name, value in wanted.items())
    )
    return lists.page("/v1/charges", found, params)


def _outcome(decline: Decline | None) -> Object:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    blocked = decline.by == "blocked"
    return {
        "advice_code": decline.advice,
        "network_advice_code": None,
        "network_decline_code": decline.network,
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else decline.decline_code,
        "seller_message": "Stripe blocked this payment as too risky."
        if blocked
        else "The bank did not return any further details with this decline.",
        "type": decline.by,
    }


def _details(method: Object, amount: int) -> Object:
    card = method["card"]
    same = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    return {
        "card": {name: card[name] for name in (*same, "last4", "regulated_status")}
        | {
            "amount_authorized": amount,
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "three_d_secure": None,
            "transaction_link_id": None,
            "wallet": None,
        },
        "type": "card",
    }
