"""One Stripe account over the official SDK: its keys, its time-outs, its errors.

An error after which nothing is known is `Unreachable`; one that means that nothing happened is
another `Unavailable`. Card errors and refused parameters are left to the caller. Source:
https://docs.stripe.com/api/errors and https://docs.stripe.com/error-low-level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import stripe

from billing.gateways import bounded_http
from billing.gateways.stripe.declines import declined
from billing.kernel.errors import Conflict, NotFound, RateLimited, Unavailable, Unreachable
from billing.kernel.gateways import AccountRef, Declined
from billing.kernel.values import Value, shown_without

R = TypeVar("R")

API_VERSION = "2026-10-28.endive"
"""The API version that the pinned SDK's types describe, fixed so that answers stay as they are."""

RETRIES = 1
"""Retries of a call, within what `bounded_http` allows; the SDK's own 80 seconds outlive a
worker."""

Secrets = Callable[[bool], Mapping[str, Any]]
"""Reads an account's secrets; True reads them afresh."""

stripe.enable_telemetry = False


class Keys(Value):
    """The keys of one account; several webhook secrets while they are rotated.

    `embedded` shows the Payment Element on our page, instead of sending buyers to Stripe's.
    """

    secret_key: str
    publishable_key: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    embedded: bool = False

    def __repr__(self) -> str:
        return shown_without(self, "secret_key", "webhook_secrets")

    @classmethod
    def of(cls, secrets: Mapping[str, Any], account: AccountRef) -> Keys:
        """Reads the keys; raises `Unavailable` for the other mode's (W-3).

        Test and live never mix.
        """
        keys = cls(
            secret_key=str(secrets.get("secret_key", "")),
            publishable_key=secrets.get("publishable_key"),
            webhook_secrets=tuple(secrets.get("webhook_secrets", ())),
            embedded=secrets.get("embedded") is True,
        )
        given = [keys.secret_key, *([keys.publishable_key] if keys.publishable_key else [])]
        mode = "test" if account.is_test else "live"
        if any(key.split("_")[1:2] != [mode] for key in given):
            raise Unavailable(f"The keys of {account.account} are not {mode} keys.", code="no_keys")
        return keys


class StripeAccount:
    """A client of one account, with keys that are read when the first call is made."""

    def __init__(
        self,
        account: AccountRef,
        secrets: Secrets,
        *,
        api_base: str | None = None,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        self.ref = account
        self._secrets = secrets
        http = http_client or bounded_client()
        self._client = lru_cache(2)(lambda secret_key: connect(secret_key, api_base, http))

    def keys(self, *, fresh: bool = False) -> Keys:
        """Returns the account's keys; raises `Unavailable` where there are none to be had."""
        return Keys.of(self._secrets(fresh), self.ref)

    def ask(self, call: Callable[[stripe.StripeClient], R]) -> R:
        """Makes a call, again with fresh keys when they are refused.

        Raises `Unreachable`, `RateLimited`, `Unavailable`, `Conflict` for a key that was used with
        other parameters, `NotFound`, and Stripe's `CardError` and `InvalidRequestError` as they
        are.
        """
        keys = self.keys()
        try:
            return _translated(call, self._client(keys.secret_key))
        except stripe.AuthenticationError as error:
            fresh = self.keys(fresh=True)
            if fresh.secret_key == keys.secret_key:
                raise _keys_refused(error) from error
        try:
            return _translated(call, self._client(fresh.secret_key))
        except stripe.AuthenticationError as error:
            raise _keys_refused(error) from error


def bounded_client() -> stripe.HTTPClient:
    """Returns HTTP that ends before this function does."""
    return stripe.RequestsClient(
        timeout=(bounded_http.CONNECT_SECONDS, bounded_http.READ_SECONDS),
        session=bounded_http.session(),
    )


def connect(
    secret_key: str, api_base: str | None, http_client: stripe.HTTPClient
) -> stripe.StripeClient:
    """Returns a client of the SDK with one key; `api_base` replaces Stripe's own address."""
    return stripe.StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base} if api_base else None,
        max_network_retries=RETRIES,
        http_client=http_client,
    )


def _translated(call: Callable[[stripe.StripeClient], R], client: stripe.StripeClient) -> R:
    try:
        return call(client)
    except stripe.RateLimitError as error:  # lock_timeout too: refused before it began
        raise RateLimited(f"Stripe: {error}") from error
    except stripe.IdempotencyError as error:
        raise Conflict(code="idempotency_error", note=f"Stripe: {error}") from error
    except stripe.PermissionError as error:
        raise _keys_refused(error) from error
    except (stripe.APIConnectionError, stripe.APIError) as error:
        # Time-outs, 5xx, and 409: the same key is being worked on.
        raise Unreachable(f"Stripe: {error}") from error
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            raise NotFound("payment_unknown", note=f"Stripe: {error}") from error
        raise


def _keys_refused(error: stripe.StripeError) -> Unavailable:
    return Unavailable(f"Stripe refuses the keys: {error}", code="keys_refused")


def refused(error: stripe.InvalidRequestError) -> Unavailable:
    """Builds the error for a request that Stripe refuses: our mistake, and nothing happened."""
    return Unavailable(f"Stripe refuses the request: {error}", code="request_refused")


def is_customer_gone(error: stripe.InvalidRequestError) -> bool:
    """Tells whether a request names a customer who was deleted at Stripe, with all of their cards.

    Anybody can delete one in the dashboard, and it never comes back.
    """
    return error.code == "resource_missing" and error.param == "customer"


def decline_of(error: stripe.CardError) -> Declined:
    """Maps a card error to our `Declined`."""
    return declined(
        error.code, field_of(error.error, "decline_code"), field_of(error.error, "advice_code")
    )


def id_of(found: object) -> str | None:
    """Returns the id of an object that Stripe gives as an id or, expanded, as the object."""
    identifier = found if isinstance(found, str) else getattr(found, "id", None)
    return identifier if isinstance(identifier, str) else None


def field_of(about: stripe.StripeObject | None, name: str) -> str | None:
    """Reads a text field, None where Stripe leaves it out."""
    found = getattr(about, name, None)
    return found if isinstance(found, str) else None


def with_advice(metadata: stripe.StripeObject | None, name: str) -> str | None:
    """Reads one entry of an object's metadata."""
    entries = metadata.to_dict() if metadata else {}
    return entries.get(name)
