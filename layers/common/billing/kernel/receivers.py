"""The ports of outgoing webhooks: receivers of events, and workers that send them (M-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from billing.kernel.storage import Due
from billing.kernel.values import Value


class Answer(Value):
    """A receiver's answer: its HTTP status, and how long it asks to be left alone.

    Without a status, `error` is a short word for why there is none.
    """

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == 410


class Receivers(Protocol):
    """Sends an event to a receiver on the internet, and to nothing else."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Posts once, in 15 seconds at most; never raises for what a receiver does."""
        ...


class Workers(Protocol):
    """Starts workers that deliver events; a lease that no worker takes comes back by itself."""

    def start(self, leases: Sequence[Due]) -> None:
        """Starts a worker for each endpoint that leases name; raises `Unavailable`."""
        ...


class MasterKey(Protocol):
    """Returns the installation's key that secrets are derived from; raises `Unavailable`."""

    def __call__(self, *, create: bool = False) -> bytes:
        """With `create` it makes the key if there is none."""
        ...


class NoWorkers:
    """Starts nothing: the sweep finds what is due."""

    def start(self, leases: Sequence[Due]) -> None:
        pass


def no_receiver(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Answers for every receiver that it cannot be reached."""
    return Answer(error="unreachable")


def no_key(*, create: bool = False) -> bytes:
    """Answers for an installation without a key."""
    from billing.kernel.errors import Unavailable

    raise Unavailable(code="no_keys")
