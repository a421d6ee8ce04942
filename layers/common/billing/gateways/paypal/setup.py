"""PayPal asked with the keys that a merchant has given: their account, rights and webhook (W-2).

No address of PayPal's shows a REST app its own merchant. An order does: it names its payee. The one
that is made here has no payment source, so nobody can pay it, and PayPal forgets it after three
hours. Sources: PayPal's descriptions of Orders v2 and Webhooks v1, and
https://developer.paypal.com/api/rest/authentication/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from billing.gateways.paypal.client import Answer, Json, PayPalClient, segment
from billing.gateways.paypal.spec import HOSTS
from billing.gateways.spec import SetupHost
from billing.kernel.errors import Invalid, Refused, Unreachable
from billing.kernel.gateway_setup import AccountFound, EndpointState, Listening
from billing.kernel.gateways import TEST_SUFFIX

COMPANY = "PayPal"
MODES = {False: "live", True: "sandbox"}
KEY = re.compile(r"[!-~]{10,250}")
WEBHOOKS = "/v1/notifications/webhooks"
ORDERS = "/v2/checkout/orders"
FORBIDDEN = 403

VAULT = "https://uri.paypal.com/services/vault/payment-tokens/readwrite"
"""The right to keep agreements, in the scope of a token; PayPal grants it by hand."""

EVENTS: Sequence[str] = (
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.ORDER.COMPLETED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.RESOLVED",
    "CUSTOMER.DISPUTE.UPDATED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.CAPTURE.REVERSED",
    "PAYMENT.REFUND.FAILED",
    "PAYMENT.REFUND.PENDING",
    "VAULT.PAYMENT-TOKEN.UPDATED",
)
"""The events that our webhook is sent."""


class PayPalSetup:
    """A `GatewaySetup` over the keys of one form."""

    def __init__(self, host: SetupHost) -> None:
        self._keys = host.keys
        self._test = host.test
        # The webhook is not known yet, and none of what is asked here needs it.
        keys = {**host.keys, "webhook_id": host.keys.get("webhook_id") or "none"}
        self._client = PayPalClient(
            host.api_base or HOSTS[host.test], lambda fresh: keys, host.clock
        )

    def find_account(self) -> AccountFound:
        """Returns the merchant that the app belongs to, once it may sell and keep agreements."""
        for name in ("client_id", "client_secret"):
            if not KEY.fullmatch(str(self._keys.get(name, ""))):
                raise Invalid("key_cut_off", field=name)
        if (scope := self._client.sign_in()) is None:
            mode = MODES[self._test]
            raise Invalid("app_not_accepted", field="client_secret", company=COMPANY, mode=mode)
        if scope and VAULT not in scope.split():
            raise Refused("app_may_not_vault", company=COMPANY)
        return AccountFound(self._payee() + (TEST_SUFFIX if self._test else ""))

    def listen(self, events_to: str, kept: Mapping[str, Any], *, key: str) -> Listening:
        """Completes the app's webhook for an address, or makes one; PayPal allows one for each."""
        found = self._webhook(events_to)
        if found is None:
            body: Json = {"url": events_to, "event_types": _types()}
            made = self._ok("Webhooks", self._client.post(WEBHOOKS, body))
            webhook = str(made["id"])
        else:
            webhook = str(found["id"])
            if _state(found) is not EndpointState.LISTENING:
                change = [{"op": "replace", "path": "/event_types", "value": _types()}]
                at = f"{WEBHOOKS}/{segment(webhook)}"
                self._ok("Webhooks", self._client.patch(at, change))
        keys = {name: self._keys[name] for name in ("client_id", "client_secret")}
        return Listening({**keys, "webhook_id": webhook}, webhook)

    def tidy(self, events_to: str, endpoint: str) -> None:
        """Leaves everything as it is: an app has one webhook for an address."""

    def endpoint(self, events_to: str) -> EndpointState:
        """Returns the state of the app's webhook for an address."""
        found = self._webhook(events_to)
        return EndpointState.MISSING if found is None else _state(found)

    def _webhook(self, events_to: str) -> Json | None:
        listed = self._ok("Webhooks", self._client.get(WEBHOOKS)).get("webhooks", ())
        return next((each for each in listed if each.get("url") == events_to), None)

    def _payee(self) -> str:
        """Returns the merchant's id, by an order that nobody can pay."""
        unit = {"amount": {"currency_code": "USD", "value": "1.00"}}
        asked: Json = {"intent": "CAPTURE", "purchase_units": [unit]}
        made = self._ok("Orders", self._client.post(ORDERS, asked))
        payee = made.get("purchase_units", [{}])[0].get("payee", {}).get("merchant_id")
        if not isinstance(payee, str) or not re.fullmatch(r"[A-Za-z0-9]{1,64}", payee):
            raise Unreachable("PayPal made an order without naming its payee.")
        return payee

    def _ok(self, right: str, answer: Answer) -> Json:
        """Returns what was answered; no sentence of PayPal's is passed on."""
        if answer.is_ok:
            return answer.body
        if answer.status == FORBIDDEN:
            raise Invalid("key_lacks_right", field="client_id", company=COMPANY, right=right)
        if right == "Webhooks" and answer.status in (400, 422):
            raise Refused("endpoint_refused", company=COMPANY)
        raise Unreachable(f"PayPal refuses {right}: {answer.issue}.")


def _types() -> list[Json]:
    return [{"name": each} for each in EVENTS]


def _state(webhook: Json) -> EndpointState:
    sent = {str(each.get("name")) for each in webhook.get("event_types", ())}
    enough = "*" in sent or sent.issuperset(EVENTS)
    return EndpointState.LISTENING if enough else EndpointState.INCOMPLETE
