"""Setting up a gateway account by its keys: what the gateway says of them, and where they are kept.

A mistake in a key is `Invalid`, with the key's name as its field; what the account lacks is
`Refused`; a gateway that does not answer is `Unavailable`. No error holds a key or a part of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from billing.kernel.gateways import AccountRef
from billing.kernel.values import Value, shown_without

Keys = Mapping[str, Any]
"""The keys of one gateway account, by their names in the gateway's spec."""


class AccountFound(Value):
    """The account that keys belong to, as its gateway has it now.

    `account` is our name of it, which tells test from live. `currency` is what it is paid out in.
    """

    account: str
    name: str | None = None
    country: str | None = None
    currency: str | None = None


class Listening(Value):
    """Keys as they are to be stored, and the webhook endpoint that they are for.

    `endpoint` is the gateway's id of it, None where the merchant brought a secret of their own.
    """

    keys: Keys
    endpoint: str | None = None

    def __repr__(self) -> str:
        return shown_without(self, "keys")


class EndpointState(StrEnum):
    """The state of the webhook endpoint of an account, as its gateway has it now.

    INCOMPLETE lacks events that we need; DISABLED is there and is sent nothing.
    """

    LISTENING = "listening"
    INCOMPLETE = "incomplete"
    DISABLED = "disabled"
    MISSING = "missing"


class GatewaySetup(Protocol):
    """A gateway asked with keys that a merchant has given, before they are stored."""

    def find_account(self) -> AccountFound:
        """Returns the account of the keys, once all that charging takes was tried."""
        ...

    def listen(self, events_to: str, kept: Keys, *, key: str) -> Listening:
        """Sees to it that the gateway sends its events to an address; same `key`, same endpoint.

        `kept` are the keys that are stored for the account now.
        """
        ...

    def tidy(self, events_to: str, endpoint: str) -> None:
        """Removes other endpoints with the same address, whose secrets nobody keeps."""
        ...

    def endpoint(self, events_to: str) -> EndpointState:
        """Returns the state of the endpoint at an address."""
        ...


class KeyStore(Protocol):
    """The store of gateway keys; one function alone may write there."""

    def read(self, account: AccountRef) -> Keys | None:
        """Returns an account's keys, afresh; None where there are none."""
        ...

    def put(self, account: AccountRef, keys: Keys) -> None: ...
    def remove(self, account: AccountRef) -> None:
        """Removes an account's keys; none are left to remove the second time."""
        ...


class NoKeyStore:
    """The key store of functions that have no business with keys."""

    def read(self, account: AccountRef) -> Keys | None:
        raise AssertionError("this function reads keys by its gateways alone")

    def put(self, account: AccountRef, keys: Keys) -> None:
        raise AssertionError("this function stores no keys")

    def remove(self, account: AccountRef) -> None:
        raise AssertionError("this function removes no keys")


NO_KEY_STORE = NoKeyStore()


def no_setup(gateway: str, test: bool, keys: Keys) -> GatewaySetup:
    """Sets nothing up, where no gateway can be reached."""
    raise AssertionError("no gateway is set up here")
