"""Orders v2 and Payments v2 on the loopback: made, captured at most once, refunded, disputed."""

from __future__ import annotations

from dev.paypal.answers import Answer, Json, Refusal
from dev.paypal.books import Books, Buyer, decimal, minor

NOT_MOVED = frozenset({"DECLINED", "FAILED"})
DECLINES = frozenset({"INSTRUMENT_DECLINED", "TRANSACTION_REFUSED"})


LONGEST = {"invoice_id": 127, "custom_id": 127, "description": 127, "soft_descriptor": 22}
"""The most characters of what an order or a refund names; none of them may be empty."""


def check_length(value: str | None, most: int) -> None:
    """Refuses a text that is there and is empty or too long."""
    if value is not None and not 0 < len(value) <= most:
        raise Refusal(400, "INVALID_STRING_LENGTH")


def create(books: Books, body: Json) -> Answer:
    """Creates an order; without a payment source nobody can approve it."""
    if body.get("intent") != "CAPTURE" or len(body.get("purchase_units", ())) != 1:
        raise Refusal(400, "INVALID_PARAMETER_VALUE")
    (asked,) = body["purchase_units"]
    for name, most in LONGEST.items():
        check_length(asked.get(name), most)
    if len(asked["amount"]["value"].partition(".")[2]) > 2:
        raise Refusal(422, "DECIMAL_PRECISION")
    if minor(asked["amount"]) <= 0:
        raise Refusal(422, "CANNOT_BE_ZERO_OR_NEGATIVE")
    order: Json = {
        "id": books.draw(),
        "status": "CREATED",
        "intent": "CAPTURE",
        "create_time": books.now,
        "purchase_units": [{"reference_id": "default", "payee": books.payee, **asked}],
    }
    order["links"] = [books.link("self", f"/v2/checkout/orders/{order['id']}")]
    books.orders[order["id"]] = order
    return Answer(201, order)


def show(books: Books, order: str) -> Answer:
    return Answer(200, books.order(order))


def capture(books: Books, order_id: str, body: Json) -> Answer:
    """Moves the money, once per order, if the buyer of the agreement pays."""
    order = books.order(order_id)
    if order["status"] == "COMPLETED":
        raise Refusal(422, "ORDER_ALREADY_CAPTURED")
    wallet = body.get("payment_source", {}).get("paypal", {})
    if "vault_id" in wallet:
        buyer = books.buyer_of(wallet["vault_id"])
    elif order["status"] == "APPROVED":
        buyer = Buyer("approved")
    else:
        raise Refusal(422, "ORDER_NOT_APPROVED")
    _refuse_paid_twice(books, order)
    _refuse_as_buyer(books, order, buyer, wallet)
    made = _capture(books, order, buyer.capture)
    order["purchase_units"][0]["payments"] = {"captures": [made]}
    order["status"] = "COMPLETED"
    order["links"] = [books.link("self", f"/v2/checkout/orders/{order_id}")]
    books.book(order, "succeeded" if buyer.capture == "COMPLETED" else buyer.capture.lower())
    books.note(f"PAYMENT.CAPTURE.{buyer.capture}", "capture", _told(order, made))
    return Answer(201, order)


def _refuse_paid_twice(books: Books, order: Json) -> None:
    invoice = order["purchase_units"][0].get("invoice_id")
    made = (each for each in books.captures.values() if each["status"] not in NOT_MOVED)
    paid = {capture.get("invoice_id") for capture in made}
    if books.blocks_duplicate_invoices and invoice is not None and invoice in paid:
        raise Refusal(422, "DUPLICATE_INVOICE_ID")


def _refuse_as_buyer(books: Books, order: Json, buyer: Buyer, wallet: Json) -> None:
    if buyer.issue is None or order["status"] == "APPROVED":
        return
    if buyer.issue == "PAYER_ACTION_REQUIRED":
        order["status"] = "PAYER_ACTION_REQUIRED"
        order["links"] = [books.link("payer-action", f"/checkoutnow?token={order['id']}")]
        books.orders[order["id"]] = order
        books.setups[order["id"]] = {
            "return_url": wallet.get("experience_context", {}).get("return_url")
        }
        raise Refusal(422, buyer.issue, order["links"])
    books.book(order, "declined")
    if buyer.issue in DECLINES:
        unit = order["purchase_units"][0]
        books.note("PAYMENT.CAPTURE.DENIED", "capture", _told(order, {"amount": unit["amount"]}))
    raise Refusal(422, buyer.issue)


def _capture(books: Books, order: Json, status: str) -> Json:
    unit = order["purchase_units"][0]
    made = {
        "id": books.draw(),
        "status": status,
        "amount": {k: unit["amount"][k] for k in ("currency_code", "value")},
        "final_capture": True,
        "create_time": books.now,
        "update_time": books.now,
        **{name: unit[name] for name in ("invoice_id", "custom_id") if name in unit},
    }
    path = f"/v2/payments/captures/{made['id']}"
    made["links"] = [books.link("self", path), books.link("refund", f"{path}/refund", "POST")]
    books.captures[made["id"]] = {**made, "order": order["id"]}
    return made


def _told(order: Json, capture: Json) -> Json:
    related = {"supplementary_data": {"related_ids": {"order_id": order["id"]}}}
    return {**capture, "custom_id": order["purchase_units"][0].get("custom_id"), **related}


def show_capture(books: Books, capture_id: str) -> Answer:
    found = books.captures.get(capture_id)
    if found is None:
        raise Refusal(404, "INVALID_RESOURCE_ID")
    shown = {name: value for name, value in found.items() if name != "order"}
    related = {"related_ids": {"order_id": found["order"]}}
    return Answer(200, {**shown, "supplementary_data": related})


def refund(books: Books, capture_id: str, body: Json) -> Answer:
    """Refunds money, never more than came, and once per invoice id."""
    capture = books.captures.get(capture_id)
    if capture is None:
        raise Refusal(404, "INVALID_RESOURCE_ID")
    for name in ("invoice_id", "custom_id"):
        check_length(body.get(name), LONGEST[name])
    check_length(body.get("note_to_payer"), 255)
    order = books.orders[capture["order"]]
    payments = order["purchase_units"][0]["payments"]
    made = payments.setdefault("refunds", [])
    amount: Json = body.get("amount") or capture["amount"]
    back = sum(minor(each["amount"]) for each in made if each["status"] != "FAILED")
    if capture["status"] == "PENDING":
        raise Refusal(422, "PENDING_CAPTURE")
    whole = back + minor(amount) == minor(capture["amount"])
    if not whole and _open_disputes(books, capture_id):
        raise Refusal(422, "TRANSACTION_DISPUTED")
    if any(each.get("invoice_id") == body.get("invoice_id", "") for each in made):
        raise Refusal(422, "DUPLICATE_INVOICE_ID")
    if back == minor(capture["amount"]):
        raise Refusal(422, "CAPTURE_FULLY_REFUNDED")
    if back + minor(amount) > minor(capture["amount"]):
        raise Refusal(422, "REFUND_AMOUNT_EXCEEDED")
    refunded: Json = {
        "id": books.draw(),
        "status": "COMPLETED",
        "amount": amount,
        "create_time": books.now,
        "update_time": books.now,
        **{name: body[name] for name in ("invoice_id", "custom_id") if name in body},
        "links": [books.link("up", f"/v2/payments/captures/{capture_id}")],
    }
    made.append(refunded)
    _mark(books, order, capture_id, "REFUNDED" if whole else "PARTIALLY_REFUNDED", minor(amount))
    books.note("PAYMENT.CAPTURE.REFUNDED", "refund", refunded)
    for dispute in _open_disputes(books, capture_id):
        close_dispute(books, dispute, "RESOLVED_BUYER_FAVOUR")
    return Answer(201, refunded)


def send_back(books: Books, refund_id: str) -> None:
    """Fails a refund at the buyer's bank; PayPal gives the money to the merchant again."""
    for capture_id, capture in books.captures.items():
        order = books.orders[capture["order"]]
        made = order["purchase_units"][0]["payments"].get("refunds", [])
        for refunded in made:
            if refunded["id"] == refund_id and refunded["status"] == "COMPLETED":
                refunded |= {"status": "FAILED", "update_time": books.now}
                back = sum(minor(r["amount"]) for r in made if r["status"] != "FAILED")
                stands = "PARTIALLY_REFUNDED" if back else "COMPLETED"
                _mark(books, order, capture_id, stands, -minor(refunded["amount"]))
                books.note("PAYMENT.REFUND.FAILED", "refund", refunded)


def _mark(books: Books, order: Json, capture_id: str, status: str, amount_minor: int) -> None:
    books.captures[capture_id]["status"] = status
    for capture in order["purchase_units"][0]["payments"]["captures"]:
        capture["status"] = status
    for charge in books.charges:
        if charge["id"] == capture_id:
            charge["refunded"] += amount_minor
            charge["status"] = "refunded" if status == "REFUNDED" else "succeeded"


def _open_disputes(books: Books, capture_id: str) -> list[str]:
    """Returns the cases of a capture that are not closed; a refund of all of it closes them
    (https://www.paypal.com/ca/smarthelp/article/faq434), one of a part is refused.
    """
    return [
        name
        for name, each in books.disputes.items()
        if each["capture"] == capture_id and each["shown"]["status"] != "RESOLVED"
    ]


def settle_pending(books: Books, order_id: str, status: str) -> None:
    """Settles a payment that was held back: made (COMPLETED) or refused (DECLINED)."""
    order, made = books.orders[order_id], status == "COMPLETED"
    for capture in order["purchase_units"][0]["payments"]["captures"]:
        capture["status"] = status
        books.captures[capture["id"]]["status"] = status
        told = _told(order, capture)
    books.note(f"PAYMENT.CAPTURE.{'COMPLETED' if made else 'DENIED'}", "capture", told)
    for charge in books.charges:
        if charge["order"] == order_id:
            charge["status"] = "succeeded" if made else "declined"


def open_dispute(books: Books, capture_id: str, stage: str = "CHARGEBACK") -> str:
    """Opens a buyer's dispute of a capture; returns the dispute's id."""
    capture = books.captures[capture_id]
    dispute = f"PP-D-{len(books.disputes) + 1}"
    shown = {
        "dispute_id": dispute,
        "create_time": books.now,
        "update_time": books.now,
        "reason": "UNAUTHORISED",
        "status": "UNDER_REVIEW",
        "dispute_life_cycle_stage": stage,
        "dispute_amount": decimal(minor(capture["amount"]), capture["amount"]),
        "disputed_transactions": [
            {"seller_transaction_id": capture_id, "gross_amount": capture["amount"]}
        ],
    }
    books.disputes[dispute] = {"capture": capture_id, "shown": shown}
    books.note("CUSTOMER.DISPUTE.CREATED", "dispute", shown)
    return dispute


def close_dispute(books: Books, dispute: str, outcome: str, took_minor: int | None = None) -> None:
    """Closes a dispute as PayPal decides; `took_minor` is what the buyer got of what they asked."""
    shown = books.disputes[dispute]["shown"]
    decided: Json = {"outcome_code": outcome}
    if took_minor is not None:
        decided["amount_refunded"] = decimal(took_minor, shown["dispute_amount"])
    shown |= {"status": "RESOLVED", "dispute_outcome": decided}
    shown["update_time"] = books.now
    books.note("CUSTOMER.DISPUTE.RESOLVED", "dispute", shown)


def appeal_dispute(books: Books, dispute: str) -> None:
    """Reviews a decided dispute once more, as its seller asked."""
    shown = books.disputes[dispute]["shown"]
    shown |= {"status": "UNDER_REVIEW", "update_time": books.now}
    books.note("CUSTOMER.DISPUTE.UPDATED", "dispute", shown)


LISTED = (
    "dispute_id",
    "create_time",
    "update_time",
    "reason",
    "status",
    "dispute_amount",
    "dispute_life_cycle_stage",
)
"""The fields of a dispute that a list of disputes shows."""


def list_disputes(books: Books, query: dict[str, str]) -> Answer:
    capture_id = query.get("disputed_transaction_id")
    found = [d["shown"] for d in books.disputes.values() if d["capture"] == capture_id]
    items = [{name: each[name] for name in LISTED} for each in found]
    return Answer(200, {"items": items} if items else {})


def show_dispute(books: Books, dispute: str) -> Answer:
    if dispute not in books.disputes:
        raise Refusal(404, "INVALID_RESOURCE_ID")
    return Answer(200, books.disputes[dispute]["shown"])
