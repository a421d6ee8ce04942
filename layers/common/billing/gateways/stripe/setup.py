"""Stripe asked with keys that a merchant has given: their account, rights and endpoint (W-1).

A restricted key shows what it may not do only when it is tried, so each kind of object that we use
is listed once. Sources: https://docs.stripe.com/keys, https://docs.stripe.com/api/accounts/object
and https://docs.stripe.com/api/webhook_endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import stripe

from billing.gateways.spec import SetupHost
from billing.gateways.stripe.client import API_VERSION, bounded_client, connect, field_of
from billing.kernel.errors import Conflict, Invalid, RateLimited, Refused, Unreachable
from billing.kernel.gateway_setup import AccountFound, EndpointState, Listening
from billing.kernel.gateways import TEST_SUFFIX

R = TypeVar("R")

COMPANY = "Stripe"
MODES = {False: "live", True: "test"}
KEY = re.compile(r"(sk|rk|pk)_(live|test)_[A-Za-z0-9_]{1,250}")
WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{1,250}")

SECRETS_KEPT = 3
"""The most webhook secrets that are kept: one in use, and those that it replaces."""

ENDPOINTS_READ = 100

EVENTS: Sequence[str] = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refund.updated",
    "charge.refunded",
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.automatically_updated",
    "payment_method.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
)
"""The events that an endpoint of ours is sent."""

_Probe = Callable[[stripe.StripeClient], object]

PROBES: Mapping[str, _Probe] = {
    "Customers": lambda client: client.v1.customers.list({"limit": 1}),
    "PaymentIntents": lambda client: client.v1.payment_intents.list({"limit": 1}),
    "SetupIntents": lambda client: client.v1.setup_intents.list({"limit": 1}),
    "PaymentMethods": lambda client: client.v1.payment_methods.list({"limit": 1}),
    "Checkout Sessions": lambda client: client.v1.checkout.sessions.list({"limit": 1}),
    "Charges and Refunds": lambda client: client.v1.refunds.list({"limit": 1}),
    "Disputes": lambda client: client.v1.disputes.list({"limit": 1}),
    "Events": lambda client: client.v1.events.list({"limit": 1}),
}
"""Calls that show whether a restricted key may read an object, by the name in Stripe's list."""


class StripeSetup:
    """A `GatewaySetup` over the keys of one form."""

    def __init__(self, host: SetupHost, http_client: stripe.HTTPClient | None = None) -> None:
        self._keys = host.keys
        self._test = host.test
        self._api_base = host.api_base
        self._http_client = http_client

    def find_account(self) -> AccountFound:
        """Returns the account of the secret key; raises `Refused` where it may not charge."""
        self._check_shapes()
        account = self._ask("Account", lambda client: client.v1.accounts.retrieve_current())
        if str(self._keys["secret_key"]).startswith("rk_"):
            for right, probe in PROBES.items():
                self._ask(right, probe)
        # An account that is not activated yet can be charged in test mode all the same.
        if not self._test and not account.charges_enabled:
            raise Refused("account_cannot_charge", company=COMPANY)
        currency = field_of(account, "default_currency")
        return AccountFound(
            account=account.id + (TEST_SUFFIX if self._test else ""),
            name=_name(account),
            country=field_of(account, "country"),
            currency=currency and currency.upper(),
        )

    def listen(self, events_to: str, kept: Mapping[str, Any], *, key: str) -> Listening:
        """Keeps an endpoint that sends to us already, or makes one; Stripe shows a secret once."""
        given = self._keys.get("webhook_secret")
        known = tuple(kept.get("webhook_secrets", ()))
        if given:
            return Listening(self._stored((given, *known)))
        found = self._endpoints(events_to)
        if known and any(_state(each) is EndpointState.LISTENING for each in found):
            return Listening(self._stored(known))
        made = self._ask(
            "Webhook Endpoints",
            lambda client: client.v1.webhook_endpoints.create(
                {
                    "url": events_to,
                    "enabled_events": cast(Any, list(EVENTS)),
                    "api_version": cast(Any, API_VERSION),
                    "description": "Perennial",
                },
                {"idempotency_key": f"endpoint:{key}"},
            ),
        )
        if not made.secret:
            raise Unreachable("Stripe made an endpoint without showing its secret.")
        return Listening(self._stored((made.secret, *known)), made.id)

    def tidy(self, events_to: str, endpoint: str) -> None:
        """Removes endpoints with our address that were made before: each event would come twice."""
        for each in self._endpoints(events_to):
            if each.id != endpoint:
                self._ask("Webhook Endpoints", _removal(each.id))

    def endpoint(self, events_to: str) -> EndpointState:
        """Returns the best state of the endpoints with our address."""
        states = {_state(each) for each in self._endpoints(events_to)}
        return next((s for s in EndpointState if s in states), EndpointState.MISSING)

    def _stored(self, webhook_secrets: Sequence[str]) -> dict[str, Any]:
        secrets = list(dict.fromkeys(webhook_secrets))[:SECRETS_KEPT]
        stored: dict[str, Any] = {"secret_key": self._keys["secret_key"]}
        if self._keys.get("publishable_key"):
            stored["publishable_key"] = self._keys["publishable_key"]
        if self._keys.get("embedded") is True:
            stored["embedded"] = True
        return {**stored, "webhook_secrets": secrets}

    def _endpoints(self, events_to: str) -> list[stripe.WebhookEndpoint]:
        found = self._ask(
            "Webhook Endpoints",
            lambda client: client.v1.webhook_endpoints.list({"limit": ENDPOINTS_READ}),
        )
        return [each for each in found.data if each.url == events_to]

    def _check_shapes(self) -> None:
        """Refuses keys of another kind or mode before any of them leaves this function."""
        mode = MODES[self._test]
        self._check("secret_key", ("sk", "rk"), f"sk_{mode}_ or rk_{mode}_")
        if self._keys.get("publishable_key"):
            self._check("publishable_key", ("pk",), f"pk_{mode}_")
        elif self._keys.get("embedded") is True:
            raise Invalid("key_needed_for_frame", field="publishable_key", company=COMPANY)
        secret = self._keys.get("webhook_secret")
        if secret and not WEBHOOK_SECRET.fullmatch(str(secret)):
            raise Invalid("key_not_this_kind", field="webhook_secret", expected="whsec_")

    def _check(self, name: str, kinds: tuple[str, ...], expected: str) -> None:
        shape = KEY.fullmatch(str(self._keys.get(name, "")))
        if shape is None or shape[1] not in kinds:
            raise Invalid("key_not_this_kind", field=name, expected=expected)
        if shape[2] != MODES[self._test]:
            given, wanted = shape[2], MODES[self._test]
            raise Invalid("key_of_other_mode", field=name, given=given, wanted=wanted)

    def _ask(self, right: str, call: Callable[[stripe.StripeClient], R]) -> R:
        """Makes a call; no message of Stripe's is passed on, as it may quote a part of a key."""
        http = self._http_client = self._http_client or bounded_client()
        try:
            return call(connect(str(self._keys["secret_key"]), self._api_base, http))
        except stripe.AuthenticationError:
            raise Invalid("key_not_accepted", field="secret_key", company=COMPANY) from None
        except stripe.PermissionError:
            raise Invalid(
                "key_lacks_right", field="secret_key", company=COMPANY, right=right
            ) from None
        except stripe.RateLimitError:
            raise RateLimited("Stripe takes no more requests for now.") from None
        except stripe.IdempotencyError:
            raise Conflict() from None
        except stripe.InvalidRequestError as error:
            if right == "Webhook Endpoints" and error.http_status == 400:
                raise Refused("endpoint_refused", company=COMPANY) from None
            raise Unreachable(f"Stripe refuses to show {right}: {error.code}.") from None
        except stripe.StripeError as error:
            raise Unreachable(f"Stripe did not answer: {type(error).__name__}.") from None


def _name(account: stripe.Account) -> str | None:
    """Returns what the account is called at Stripe, where it has a name."""
    settings = field_of(
        getattr(getattr(account, "settings", None), "dashboard", None), "display_name"
    )
    return settings or field_of(getattr(account, "business_profile", None), "name")


def _state(endpoint: stripe.WebhookEndpoint) -> EndpointState:
    if endpoint.status != "enabled":
        return EndpointState.DISABLED
    sent = set(endpoint.enabled_events)
    enough = "*" in sent or sent.issuperset(EVENTS)
    return EndpointState.LISTENING if enough else EndpointState.INCOMPLETE


def _removal(endpoint: str) -> Callable[[stripe.StripeClient], object]:
    return lambda client: client.v1.webhook_endpoints.delete(endpoint)
