"""Checkout Sessions: a hosted page that saves a card (setup), or takes a payment with it."""

from typing import Any

from dev.stripe import amounts, attempts, customers, form, lists, payment_intents, setup_intents
from dev.stripe import payment_methods as methods
from dev.stripe.errors import invalid, refused
from dev.stripe.work import Object, Work, new_id

_DAY_SECONDS = 24 * 3600
_SHORTEST_SECONDS = 30 * 60

_NAMED = form.hash_of({"name": form.text, "description": form.text, "metadata": form.metadata})
_PRICE = form.hash_of({"currency": form.text, "unit_amount": form.integer, "product_data": _NAMED})
_LINE = form.hash_of({"price_data": _PRICE, "quantity": form.integer})


def _lines(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise invalid("Invalid array", name)
    return [_LINE(each, f"{name}[{n}]") for n, each in enumerate(value)]


CREATE: form.Fields = {
    "allowed_payment_method_types": form.texts,
    "cancel_url": form.web_address,
    "client_reference_id": form.text,
    "consent_collection": form.anything,
    "currency": form.text,
    "custom_text": form.anything,
    "customer": form.text,
    "customer_creation": form.one_of("always", "if_required"),
    "customer_email": form.text,
    "expires_at": form.integer,
    "line_items": _lines,
    "locale": form.text,
    "metadata": form.metadata,
    "mode": form.one_of("payment", "setup"),
    "payment_intent_data": form.hash_of(
        {
            "description": form.text,
            "metadata": form.metadata,
            "setup_future_usage": form.one_of("off_session", "on_session"),
        }
    ),
    "payment_method_types": form.texts,
    "setup_intent_data": form.hash_of({"description": form.text, "metadata": form.metadata}),
    "submit_type": form.one_of("auto", "book", "donate", "pay"),
    "success_url": form.web_address,
}
LIST: form.Fields = {
    **lists.CURSORS,
    "customer": form.text,
    "payment_intent": form.text,
    "status": form.one_of("complete", "expired", "open"),
}


def check_create(params: dict[str, Any]) -> None:
    if params["mode"] == "payment":
        if "line_items" not in params:
            raise invalid("Missing required param: line_items.", "line_items", "parameter_missing")
        amounts.checked(_total(params), _currency(params) or "")
    elif "line_items" in params:
        raise invalid("You can not pass `line_items` in `setup` mode.", "line_items")
    for name in ("allowed_payment_method_types", "payment_method_types"):
        if params.get(name, ["card"]) != ["card"]:
            raise invalid("The loopback knows cards only.", name)
    if params.get("customer") and params.get("customer_email"):
        raise invalid("You may only specify one of these parameters: customer, customer_email.")


def create(work: Work, params: dict[str, Any]) -> Object:
    expires_at = params.get("expires_at", work.seconds + _DAY_SECONDS)
    if not _SHORTEST_SECONDS <= expires_at - work.seconds <= _DAY_SECONDS:
        raise invalid("The `expires_at` timestamp must be 30 minutes to 24 hours ahead.")
    if customer := params.get("customer"):
        work.load("customer", customer, param="customer", status=400)
    session = work.put(_new(work, params, expires_at))
    if session["mode"] == "setup":
        intent = setup_intents.opened(work, {"payment_method_types": ["card"]})
        data = params.get("setup_intent_data", {})
        intent |= {"customer": customer, "description": data.get("description")}
        intent |= {"metadata": form.merged({}, data.get("metadata")), "_session": session["id"]}
        work.put(intent)
        session["setup_intent"] = intent["id"]
    work.later(expires_at - work.seconds, "expire", session["id"])
    return work.put(session)


def _new(work: Work, params: dict[str, Any], expires_at: int) -> Object:
    pays = params["mode"] == "payment"
    identifier = new_id("cs_test", 58)
    total = _total(params) if pays else None
    email = params.get("customer_email")
    return {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False} if pays else None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": work.seconds,
        "currency": _currency(params),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": params.get("customer"),
        "customer_account": None,
        "customer_creation": params.get("customer_creation", "if_required") if pays else None,
        "customer_details": _details(email) if email else None,
        "customer_email": email,
        "discounts": [],
        "expires_at": expires_at,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "managed_payments": None,
        "metadata": form.merged({}, params.get("metadata")),
        "mode": params["mode"],
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid" if pays else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
        if pays
        else None,
        "ui_mode": "hosted_page",
        "url": f"{work.base_url}/c/pay/{work.account}/{identifier}",
        "wallet_options": None,
        "_payment": params.get("payment_intent_data", {}),
    }


def retrieve(work: Work, params: dict[str, Any], session: str) -> Object:
    return work.load("checkout.session", session, param="session")


def find_all(work: Work, params: dict[str, Any]) -> Object:
    names = ("customer", "payment_intent", "status")
    wanted = {name: params[name] for name in names if name in params}
    found = (
        s
        for s in work.newest_first("checkout.session")
        if all(s[name] == value for name, value in wanted.items())
    )
    return lists.page("/v1/checkout/sessions", found, params)


def expire(work: Work, params: dict[str, Any], session: str) -> Object:
    return expired(work, work.load("checkout.session", session, param="session"))


def expired(work: Work, session: Object) -> Object:
    """Expires a session: nobody can complete it any more; its intent is cancelled with it."""
    if session["status"] != "open":
        raise refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Session has a'
            f" status of {session['status']}."
        )
    if (intent := work.find("payment_intent", session["payment_intent"] or "")) is not None:
        payment_intents.cancelled(work, intent, "automatic")
    if (intent := work.find("setup_intent", session["setup_intent"] or "")) is not None:
        setup_intents.cancelled(work, intent, None)
    session |= {"status": "expired", "url": None}
    work.tell("checkout.session.expired", session)
    return work.put(session)


def submitted(work: Work, session: Object, card: str, email: str | None) -> Object:
    """Takes the card that the buyer gave on the page; returns the intent then.

    A decline is raised.
    """
    if session["status"] != "open":
        raise refused("This session is no longer open.")
    if email:
        session["customer_details"] = _details(email)
    back = session["url"]
    if session["mode"] == "setup":
        intent = work.load("setup_intent", session["setup_intent"])
        intent = setup_intents.confirmed(work, intent, {"payment_method": card, "return_url": back})
    else:
        intent = _payment_intent(work, session)
        work.put(session)
        intent = payment_intents.confirmed(
            work, intent, {"payment_method": card, "return_url": back}
        )
    completed_by(work, intent)
    return intent


def completed_by(work: Work, intent: Object) -> None:
    """Completes a session whose intent is complete."""
    if intent["_session"] is None or intent["status"] != "succeeded":
        return
    session = work.load("checkout.session", intent["_session"])
    if session["status"] != "open":
        return
    method = work.load("payment_method", intent["payment_method"])
    session |= {"status": "complete", "url": None}
    if session["mode"] == "payment":
        session["payment_status"] = "paid"
    if session["customer_details"] is None:
        session["customer_details"] = _details(method["billing_details"]["email"])
    work.put(session)
    work.tell("checkout.session.completed", session)


def next_url(session: Object, intent: Object) -> str:
    """Returns where the buyer's browser goes after the page, or back to it."""
    if intent["status"] == "requires_action":
        return str(attempts.action_url(intent))
    if intent["status"] == "succeeded":
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])
    return str(session["url"])


def _payment_intent(work: Work, session: Object) -> Object:
    """Creates the intent when the buyer first pays, as Stripe does since 2022-08-01."""
    if session["payment_intent"] is not None:
        return work.load("payment_intent", session["payment_intent"])
    data = session["_payment"]
    intent = payment_intents.opened(
        work,
        {
            "amount": session["amount_total"],
            "currency": session["currency"],
            "payment_method_types": ["card"],
        },
    )
    keeps = data.get("setup_future_usage")
    if session["customer"] is None and (keeps or session["customer_creation"] == "always"):
        email = (session["customer_details"] or {}).get("email")
        session["customer"] = customers.create(work, {"email": email})["id"]
    intent |= {
        "customer": session["customer"],
        "description": data.get("description"),
        "metadata": form.merged({}, data.get("metadata")),
        "setup_future_usage": keeps,
        "_session": session["id"],
    }
    session["payment_intent"] = intent["id"]
    work.tell("payment_intent.created", intent)
    return work.put(intent)


def method_of(work: Work, card: str) -> str:
    """Returns a fresh payment method of the card that was picked on the page."""
    return str(work.put(methods.resolve(work, card))["id"])


def _total(params: dict[str, Any]) -> int:
    return sum(
        each.get("price_data", {}).get("unit_amount", 0) * each.get("quantity", 1)
        for each in params["line_items"]
    )


def _currency(params: dict[str, Any]) -> str | None:
    lines = params.get("line_items")
    if lines:
        return str(lines[0].get("price_data", {}).get("currency") or "").lower()
    currency = params.get("currency")
    return currency.lower() if currency else None


def _details(email: str | None) -> Object:
    return {
        "address": dict(customers.NO_ADDRESS),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
