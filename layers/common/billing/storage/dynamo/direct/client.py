"""Calls DynamoDB by the standard library alone: signed JSON over kept connections.

A call is repeated where no answer came, or an unreadable one, or the server failed. That is right
for all calls of this store: reads change nothing; single writes recognise themselves by `op`, or
are the same when made twice; transactions have a token, which DynamoDB carries out once. One is
made twice after a lost answer, the count of hits of `ephemeral.hit`: a limit is reached one hit too
early. What a passing error means, and how often it is tried again, is known in `calls.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException

import msgspec

from billing.runtime import deadline
from billing.storage.dynamo.direct.connections import Connections, Reply
from billing.storage.dynamo.direct.credentials import CredentialStore, source_of
from billing.storage.dynamo.direct.endpoint import Endpoint, endpoint_of
from billing.storage.dynamo.direct.replies import answer_of
from billing.storage.dynamo.direct.signing import Credentials, Signer
from billing.storage.dynamo.failures import Answer, Failed, Request, Unanswered

LONGEST_PAUSES = (0.0, 0.1, 0.8)
"""The longest wait before each attempt, in seconds; the wait itself is random."""

_SERVER_FAILS = frozenset({500, 502, 503, 504})

SKEW = timedelta(minutes=4)
"""The difference of clocks from which on it is the reason for a refusal; AWS takes five minutes."""

_OF_THE_TIME = frozenset({"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed"})
_OF_THE_KEY = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"}
)
REFUSED_SIGNATURES = (
    _OF_THE_TIME
    | _OF_THE_KEY
    | {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
    }
)


class DirectClient:
    """A client of one endpoint, which threads share; `clock` is the real time."""

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: CredentialStore,
        *,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        sleep: Callable[[float], None] = time.sleep,
        ca_bundle: str | None = None,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._ahead = timedelta()  # of AWS's clock before ours
        self._entropy = entropy
        self._sleep = sleep
        self._http = Connections(endpoint, clock, ca_bundle)
        self._signer = Signer(endpoint.authority, endpoint.region)

    def send(self, operation: str, request: Request) -> Answer:
        """Makes a call, up to three times; raises `Failed` or `Unanswered`."""
        assert operation != "TransactWriteItems" or "ClientRequestToken" in request
        body = msgspec.json.encode(request)
        last: Failed | Unanswered | None = None
        for pause in self._pauses():
            if pause:
                self._sleep(pause)
            try:
                return self._attempt(operation, body)
            except Unanswered as lost:
                last = lost
            except Failed as failed:
                if failed.status not in _SERVER_FAILS:
                    raise
                last = failed
        assert last is not None, "the first attempt is always made"
        raise last

    def _pauses(self) -> Iterator[float]:
        """Yields the random wait before each attempt, as long as the invocation has the time."""
        for longest in LONGEST_PAUSES:
            pause = longest * self._entropy(1)[0] / 256 if longest else 0.0
            left = deadline.seconds_until_stop()
            if longest and left is not None and left <= pause:
                return
            yield pause

    def _attempt(self, operation: str, body: bytes) -> Answer:
        used = self._credentials.current()
        reply = self._exchange(operation, body, used)
        try:
            return answer_of(operation, reply)
        except Failed as refused:
            if not self._mended(refused, reply, used):
                raise
        return answer_of(operation, self._exchange(operation, body, self._credentials.current()))

    def _exchange(self, operation: str, body: bytes, credentials: Credentials) -> Reply:
        now = self._clock() + self._ahead
        headers = self._signer.headers(operation, body, credentials, now)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"accept-encoding: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        try:
            return self._http.exchange(f"POST / HTTP/1.1\r\n{head}{length}".encode() + body)
        except (OSError, HTTPException) as error:
            raise Unanswered(f"{operation}: {type(error).__name__}: {error}") from error

    def _mended(self, refused: Failed, reply: Reply, used: Credentials) -> bool:
        """Takes up the server's time, or new credentials, if the refusal is about them."""
        if refused.code in _OF_THE_TIME and self._set_clock(reply):
            return True
        return refused.code in _OF_THE_KEY and self._credentials.renewed(used)

    def _set_clock(self, reply: Reply) -> bool:
        try:
            ahead = parsedate_to_datetime(reply.headers["Date"]) - self._clock()
        except (TypeError, ValueError, AttributeError):
            return False
        if abs(ahead - self._ahead) < SKEW:
            return False
        self._ahead = ahead
        return True


def open_client(
    environ: Mapping[str, str],
    *,
    clock: Callable[[], datetime],
    entropy: Callable[[int], bytes],
    sleep: Callable[[float], None] = time.sleep,
    region: str | None = None,
    url: str | None = None,
) -> DirectClient:
    """Returns the client of an environment; raises `Unsuited` where botocore is needed."""
    return DirectClient(
        endpoint_of(environ, region, url),
        CredentialStore(source_of(environ, clock), clock),
        clock=clock,
        entropy=entropy,
        sleep=sleep,
        ca_bundle=environ.get("AWS_CA_BUNDLE") or None,
    )
