"""Notes the health of gateway accounts' webhooks, at most once an hour for each, and reads it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from billing.gateway_events.health import EVENT, EVERY, KEPT, REFUSAL, Noted
from billing.kernel.errors import Unavailable
from billing.kernel.gateways import AccountRef
from billing.kernel.ports import Ports
from billing.kernel.values import Value

ACCOUNTS_KNOWN = 1000
"""The most accounts that a process remembers to have noted."""


class Notes(Protocol):
    """Hears of each webhook."""

    def event(self, ports: Ports, account: AccountRef, kind: str, *, now: datetime) -> None: ...
    def refusal(
        self, ports: Ports, merchant: str, gateway: str, reason: str, *, now: datetime
    ) -> None: ...


class Silent:
    """Notes nothing."""

    def event(self, ports: Ports, account: AccountRef, kind: str, *, now: datetime) -> None:
        pass

    def refusal(
        self, ports: Ports, merchant: str, gateway: str, reason: str, *, now: datetime
    ) -> None:
        pass


class Hourly:
    """Notes what it hears, once an hour for each account.

    A process remembers what it has noted, so that webhooks cost no write: of all processes
    together, one write an hour succeeds. Nobody waits for it to be known, and nothing fails by it.
    """

    def __init__(self) -> None:
        self._next: dict[tuple[str, str], datetime] = {}

    def event(self, ports: Ports, account: AccountRef, kind: str, *, now: datetime) -> None:
        """Notes an event of an account, its signature checked."""
        self._note(ports, EVENT, _key(account), Noted(kind, now), now)

    def refusal(
        self, ports: Ports, merchant: str, gateway: str, reason: str, *, now: datetime
    ) -> None:
        """Notes an event that was refused: whose it was among a gateway's accounts, nobody
        knows."""
        self._note(ports, REFUSAL, f"{merchant}#{gateway}", Noted(reason, now), now)

    def _note(self, ports: Ports, kind: str, key: str, noted: Noted, now: datetime) -> None:
        if now < self._next.get((kind, key), now):
            return
        if len(self._next) >= ACCOUNTS_KNOWN:
            self._next.clear()
        self._next[kind, key] = now + EVERY
        try:
            # A row ends `KEPT` after it was written: one that would have ended before this instant
            # was written more than an hour ago, and may be replaced.
            written_over = now - EVERY + KEPT
            ports.ephemeral.put(kind, key, noted.written(), expires_at=now + KEPT, now=written_over)
        except Unavailable:
            return


class Health(Value):
    """The last event of an account and the last refusal at its gateway, to the hour."""

    event: Noted | None
    refusal: Noted | None


def of(ports: Ports, account: AccountRef, *, now: datetime) -> Health:
    """Returns the health of an account's webhooks."""
    event = ports.ephemeral.get(EVENT, _key(account), now=now)
    refusal = ports.ephemeral.get(REFUSAL, f"{account.merchant}#{account.gateway}", now=now)
    return Health((event and Noted.read(event)) or None, (refusal and Noted.read(refusal)) or None)


def _key(account: AccountRef) -> str:
    return f"{account.merchant}#{account.gateway}#{account.account}"
