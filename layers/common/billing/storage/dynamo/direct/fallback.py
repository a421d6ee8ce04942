"""Uses the direct client where it works, and botocore where it does not.

The first call decides, once for the process: whether the direct client can work depends on where it
runs (certificates, names, proxies, kinds of credentials), and that does not change.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from billing.storage.dynamo.direct.client import REFUSED_SIGNATURES
from billing.storage.dynamo.direct.connections import NameUnknown, TlsRefused
from billing.storage.dynamo.direct.endpoint import Unsuited
from billing.storage.dynamo.direct.replies import Foreign
from billing.storage.dynamo.failures import Answer, Client, Failed, Request


class WithFallback:
    """A client that is the direct one until its first call fails for a reason of its own."""

    def __init__(
        self,
        direct: Callable[[], Client],
        botocore: Callable[[], Client],
        notice: Callable[[str], None],
    ) -> None:
        self._direct = direct
        self._botocore = botocore
        self._notice = notice
        self._opened: Client | None = None
        self._settled: Client | None = None
        self._lock = Lock()

    def send(self, operation: str, request: Request) -> Answer:
        """Makes a call; `notice` hears why, if botocore has to make it from now on."""
        if self._settled is not None:
            return self._settled.send(operation, request)
        try:
            client = self._open()
            answer = client.send(operation, request)
        except Exception as error:
            why = reason(error)
            if why is None:
                if isinstance(error, Failed) and not error.code.isdigit():
                    self._settle(client)
                raise
        else:
            self._settle(client)
            return answer
        return self._instead(why).send(operation, request)

    def _open(self) -> Client:
        with self._lock:
            if self._opened is None:
                self._opened = self._direct()
            return self._opened

    def _settle(self, client: Client) -> None:
        with self._lock:
            self._settled = self._settled or client

    def _instead(self, why: str) -> Client:
        """Returns botocore, or the direct client if another thread's call has shown it to work."""
        with self._lock:
            if self._settled is None:
                self._notice(why)
                self._settled = self._botocore()
            return self._settled


def reason(error: Exception) -> str | None:
    """Returns the kind of a failure that is not DynamoDB's own; None for all others."""
    cause = error.__cause__
    if isinstance(error, Unsuited):
        return error.why
    if isinstance(error, Foreign):
        return "answer"
    if isinstance(cause, TlsRefused):
        return "tls"
    if isinstance(cause, NameUnknown):
        return "name"
    if isinstance(error, Failed):
        if error.code in REFUSED_SIGNATURES:
            return "signature"
        # A status without a type is that of something between: a proxy, or another service.
        return "answer" if error.code.isdigit() and error.status < 500 else None
    return None
