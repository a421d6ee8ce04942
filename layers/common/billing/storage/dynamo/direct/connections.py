"""Keeps HTTP connections to one address open, and bounds each wait for it.

An answer is read to its end before its connection serves another request; whatever goes wrong in
between closes it, so that no answer is ever taken for that of another request.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import Message
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from select import POLLIN, poll
from typing import Any, NamedTuple

from billing.runtime import deadline
from billing.storage.dynamo.direct.endpoint import Endpoint

CONNECT_SECONDS = 1.0
READ_SECONDS = 3.0
"""The most seconds between two bytes of an answer; less, where its invocation ends before."""

KEPT = 50
"""The most connections kept open while nobody uses them."""

IDLE = timedelta(seconds=20)
"""A connection that rested longer is not used again: DynamoDB closes them after a while, and a
function that was frozen did not see it happen."""


class NameUnknown(OSError):
    """A host name that could not be resolved."""


class TlsRefused(OSError):
    """A TLS handshake that failed: a certificate that nobody here trusts, or none at all."""


class Unbounded(HTTPException):
    """An answer whose headers ended early: http.client takes it for one without a body."""


class Reply(NamedTuple):
    """An HTTP answer, read to its end."""

    status: int
    headers: Message
    body: bytes


class Connections:
    """Connections to one endpoint, each used by one thread at a time."""

    def __init__(
        self, endpoint: Endpoint, clock: Callable[[], datetime], ca_bundle: str | None = None
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._ca_bundle = ca_bundle
        self._idle: deque[tuple[socket.socket, datetime]] = deque()
        self._tls: Any = None

    def exchange(self, request: bytes) -> Reply:
        """Sends a request and returns its answer; raises OSError or HTTPException.

        A kept connection that turns out to be closed is replaced at once, and the request sent
        again.
        """
        kept = self._take()
        if kept is not None:
            try:
                return self._through(kept, request)
            except ConnectionError:
                self._close_all()  # the others rested as long
        return self._through(self._open(), request)

    def _through(self, connection: socket.socket, request: bytes) -> Reply:
        lasts = False
        try:
            connection.settimeout(seconds(READ_SECONDS))
            connection.sendall(request)
            response = HTTPResponse(_Incoming(connection), method="POST")  # type: ignore[arg-type]
            response.begin()
            if response.length is None and not response.chunked:
                raise Unbounded("The answer does not say where it ends.")
            reply = Reply(response.status, response.headers, response.read())
            lasts = not response.will_close
        finally:
            if not lasts:
                connection.close()
        if lasts:
            self._keep(connection)
        return reply

    def _keep(self, connection: socket.socket) -> None:
        self._idle.append((connection, self._clock()))
        while len(self._idle) > KEPT:
            self._idle.popleft()[0].close()

    def _take(self) -> socket.socket | None:
        """Returns the connection that rested least, if it is still open."""
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return None
            if self._clock() - since < IDLE and not _has_news(connection):
                return connection
            connection.close()

    def _close_all(self) -> None:
        while True:
            try:
                self._idle.pop()[0].close()
            except IndexError:
                return

    def _open(self) -> socket.socket:
        host = self._endpoint.host
        try:
            plain = socket.create_connection((host, self._endpoint.port), seconds(CONNECT_SECONDS))
        except socket.gaierror as error:
            raise NameUnknown(str(error)) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return plain if self._endpoint.scheme == "http" else self._wrapped(plain)
        except BaseException:
            plain.close()
            raise

    def _wrapped(self, plain: socket.socket) -> socket.socket:
        import ssl

        try:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._ca_bundle)
            return self._tls.wrap_socket(plain, server_hostname=self._endpoint.host)  # type: ignore[no-any-return]
        except (ssl.SSLError, FileNotFoundError) as error:
            raise TlsRefused(str(error)) from error


class _Incoming(RawIOBase):
    """The bytes that come in, each waited for no longer than there is time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, mode: str) -> BufferedReader:
        return BufferedReader(self, 65536)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(seconds(READ_SECONDS))
        return self._connection.recv_into(buffer)


def seconds(most: float) -> float:
    """Returns how long to wait at most; raises TimeoutError when the invocation ends now."""
    left = deadline.seconds_until_stop()
    if left is None:
        return most
    if left <= 0:
        raise TimeoutError("The invocation ends.")
    return min(most, left)


def _has_news(connection: socket.socket) -> bool:
    """Tests whether bytes wait where none are due: the other side has closed, or is about to."""
    waiting = poll()
    waiting.register(connection, POLLIN)
    return bool(waiting.poll(0))
