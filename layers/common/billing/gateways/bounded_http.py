"""HTTP to gateways that ends before the function that makes the call does (R-6).

A worker has a minute and a page has 25 seconds; a call is limited by the time that its invocation
has left.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from billing.runtime import deadline

CONNECT_SECONDS, READ_SECONDS = 3.0, 20.0
"""The most seconds to connect, and between two bytes of the answer."""

CONNECTIONS = 50
"""The number of connections kept to one gateway; a worker has no more calls in flight."""

LEAST_SECONDS = 0.5
"""The least time left in which a call is begun: later, nobody would hear the answer."""


class _Bounded(HTTPAdapter):
    def __init__(self, read_seconds: float) -> None:
        super().__init__(pool_maxsize=CONNECTIONS)
        self._read_seconds = read_seconds

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        bounds = _timeout(request, self._read_seconds)
        return super().send(request, stream, bounds, verify, cert, proxies)


def session(read_seconds: float = READ_SECONDS) -> requests.Session:
    """Returns an HTTP session with time-outs bounded by the time left, whatever the caller names.

    `read_seconds` is the most between two bytes of an answer.
    Threads may share it, for it keeps nothing from one answer to the next request.
    """
    made = requests.Session()
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Bounded(read_seconds))
    return made


def _timeout(request: requests.PreparedRequest, read_seconds: float) -> tuple[float, float]:
    left = deadline.seconds_left()
    if left is None:
        return CONNECT_SECONDS, read_seconds
    if left < LEAST_SECONDS:
        raise requests.ConnectTimeout("No time is left for a call.", request=request)
    connect = min(CONNECT_SECONDS, left / 2)
    return connect, min(read_seconds, left - connect)
