"""Repeats of a request that nothing came of, each with the same Idempotency-Key.

A request is sent again only where that cannot do anything twice: the API said that nothing was done
or that the same request does the rest, the connection was never made, or the request has a key or
only reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from perennial_client.errors import Unreachable

IDEMPOTENCY_KEY = "Idempotency-Key"
MOST_REPEATS = 4
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

NOTHING_DONE = frozenset({"unavailable", "gateway_unavailable", "gateway_busy", "unfinished"})
"""Codes of 503 after which the same request may be sent again, by the API document."""
STILL_RUNNING = "request_running"
_OF_GATEWAYS = frozenset({502, 504})
_READS = frozenset({"GET", "HEAD"})


class Retrying(httpx.BaseTransport):
    """A transport that repeats, with backoff. `chance` draws from 0 to 1, `new_key` a fresh key."""

    def __init__(
        self,
        inner: httpx.BaseTransport,
        *,
        repeats: int = MOST_REPEATS,
        sleep: Callable[[float], None],
        chance: Callable[[], float],
        new_key: Callable[[], str],
    ) -> None:
        self._inner = inner
        self._repeats = repeats
        self._sleep = sleep
        self._chance = chance
        self._new_key = new_key

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and IDEMPOTENCY_KEY not in request.headers:
            request.headers[IDEMPOTENCY_KEY] = self._new_key()
        request.read()  # a body that is read once could not be sent again
        was_sent = False
        for number in range(self._repeats):
            try:
                answer = self._answer(request)
            except httpx.TransportError as error:
                was_sent |= not _was_never_sent(error)
                if was_sent and not _may_repeat(request):
                    raise _unreachable(request, error, was_sent) from error
                pause = self._pause(number)
            else:
                if not _is_worth_another(request, answer):
                    return answer
                pause = max(self._pause(number), _asked_pause(answer))
                if pause > LONGEST_PAUSE_SECONDS:
                    return answer
            self._sleep(pause)
        try:
            return self._answer(request)
        except httpx.TransportError as error:
            was_sent |= not _was_never_sent(error)
            raise _unreachable(request, error, was_sent) from error

    def close(self) -> None:
        self._inner.close()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """Returns a whole answer: one that breaks off is as lost as one that never came."""
        answer = self._inner.handle_request(request)
        answer.read()
        return answer

    def _pause(self, number: int) -> float:
        longest = min(FIRST_PAUSE_SECONDS * 2.0**number, LONGEST_PAUSE_SECONDS)
        return longest * (0.5 + 0.5 * self._chance())


def _was_never_sent(error: httpx.TransportError) -> bool:
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _may_repeat(request: httpx.Request) -> bool:
    return request.method in _READS or IDEMPOTENCY_KEY in request.headers


def _is_worth_another(request: httpx.Request, answer: httpx.Response) -> bool:
    status = answer.status_code
    if status == 429:
        return True
    if status in _OF_GATEWAYS:
        return _may_repeat(request)
    if status not in {409, 503}:
        return False
    code = problem_of(answer).get("code")
    if status == 503 and code is None:  # not Perennial's: the gateway before it
        return _may_repeat(request)
    return code in NOTHING_DONE if status == 503 else code == STILL_RUNNING


def _asked_pause(answer: httpx.Response) -> float:
    asked = answer.headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0


def problem_of(answer: httpx.Response) -> Mapping[str, Any]:
    """Returns the problem that an answer holds; empty where it holds none."""
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        found = json.loads(answer.read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def may_be_done(request: httpx.Request) -> str:
    """Says what to do after the answer to a change was lost; nothing after that to a question."""
    if request.method in _READS:
        return ""
    return ". It may have been done: look at what stands before you ask again"


def _unreachable(request: httpx.Request, error: Exception, was_sent: bool) -> Unreachable:
    why = str(error) or type(error).__name__
    after = may_be_done(request) if was_sent else ""
    return Unreachable(
        f"no answer from {request.url.scheme}://{request.url.netloc.decode()}: {why}{after}"
    )
