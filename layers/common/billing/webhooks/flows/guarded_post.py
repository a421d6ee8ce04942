"""Posts to a receiver on the public internet, and to nothing else (M-5).

The host is resolved here, each of its addresses is checked, and the connection goes to an address
that was checked: a name that resolves to something else a moment later changes nothing. The
certificate is checked against the name. No redirect is followed, no proxy is used, and of the
answer only the head is read.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from billing.kernel.errors import Invalid
from billing.kernel.receivers import Answer
from billing.runtime import deadline
from billing.webhooks import urls
from billing.webhooks.addresses import all_may_be_sent_to, is_loopback
from billing.webhooks.urls import Target

SECONDS = 15.0
"""The most seconds of an attempt, from the look-up of the name to the head of the answer."""

HEAD_MOST = 32_768
"""The most bytes of an answer's head."""

ADDRESSES_TRIED = 3

Resolve = Callable[[str, int], list[str]]
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\Z")
_RETRY = re.compile(rb"(?i:retry-after):[ \t]*([^\r\n]{1,64})")


class GuardedPost:
    """The `Receivers` port over sockets.

    `resolve` looks up a name, `trust` are the authorities whose certificates count, and `port` is
    where a receiver of https listens: both are the internet's but in tests.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        *,
        local: bool = False,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        may: Callable[[list[str]], bool] = all_may_be_sent_to,
        port: int | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._local = local
        self._resolve = resolve or _resolved
        self._trust = trust or ssl.create_default_context()
        self._may = may
        self._port = port
        self._seconds = seconds

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Posts once; an outcome of any kind is an answer."""
        left = deadline.seconds_left()
        seconds = self._seconds if left is None else min(self._seconds, left - 1)
        until = _Until(self._monotonic, seconds)
        try:
            target = urls.read(url, local=self._local)
        except Invalid:
            return Answer(error="address_refused")
        try:
            return self._post(target, headers, body, until)
        except _Failed as failed:
            return Answer(error=failed.why)
        except ssl.SSLCertVerificationError:
            return Answer(error="certificate_invalid")
        except TimeoutError:
            return Answer(error="timeout")
        except (ssl.SSLError, OSError):
            return Answer(error="connection_failed")

    def _post(
        self, target: Target, headers: Mapping[str, str], body: bytes, until: _Until
    ) -> Answer:
        found = self._addresses(target, until)
        with self._connected(found, target, until) as connection:
            connection.settimeout(until.left())
            connection.sendall(_request(target, headers, body))
            return _answer(connection, until, self._clock)

    def _addresses(self, target: Target, until: _Until) -> list[str]:
        if not target.tls:
            if not is_loopback(target.host):
                raise _Failed("address_refused")
            return [target.host]
        pool = ThreadPoolExecutor(1)
        try:
            found = pool.submit(self._resolve, target.host, target.port).result(until.left())
        except TookTooLong:
            raise TimeoutError from None
        except (OSError, UnicodeError):
            raise _Failed("name_unknown") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if not self._may(found):
            raise _Failed("address_refused")
        return found

    def _connected(self, found: list[str], target: Target, until: _Until) -> socket.socket:
        """Connects to the first address that answers, each of which was checked."""
        failure: OSError = TimeoutError()
        for address in found[:ADDRESSES_TRIED]:
            port = self._port if target.tls and self._port is not None else target.port
            try:
                raw = socket.create_connection((address, port), timeout=until.left())
            except OSError as error:
                failure = error
                continue
            if not target.tls:
                return raw
            try:
                raw.settimeout(until.left())
                return self._trust.wrap_socket(raw, server_hostname=target.host)
            except BaseException:
                raw.close()
                raise
        raise failure


class _Failed(Exception):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Until:
    """The end of an attempt, however its time is spent."""

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._ends_at = monotonic() + seconds

    def left(self) -> float:
        """Returns the seconds left; raises `TimeoutError` if there are none."""
        left = self._ends_at - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _resolved(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "User-Agent: Perennial-Webhooks/1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Accept: */*",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    assert not any("\r" in line or "\n" in line for line in lines), "a line is one line"
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


def _answer(connection: socket.socket, until: _Until, clock: Callable[[], datetime]) -> Answer:
    """Reads the head of the answer, however slowly it comes, until the time is over."""
    received = b""
    while True:
        head, end, rest = received.partition(b"\r\n\r\n")
        if end:
            status = _status(head)
            if status >= 200:
                return Answer(status, retry_after=_retry_after(head, clock))
            received = rest  # such as 100 Continue: the answer itself follows
            continue
        if len(received) > HEAD_MOST:
            raise _Failed("answer_too_large")
        connection.settimeout(until.left())
        chunk = connection.recv(4096)
        if not chunk:
            raise _Failed("no_answer")
        received += chunk


def _status(head: bytes) -> int:
    found = _STATUS.match(head.partition(b"\r\n")[0])
    if found is None:
        raise _Failed("answer_malformed")
    return int(found[1])


def _retry_after(head: bytes, clock: Callable[[], datetime]) -> timedelta | None:
    """Returns how long the answer asks to wait, in seconds or until a date; None for neither."""
    found = _RETRY.search(head)
    if found is None:
        return None
    text = found[1].decode("ascii", "replace").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 10**6))
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):  # such as a zone of a billion hours
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(timedelta(0), at - clock())
