"""Calls are repeated only where nothing can be done twice, and fail by typed errors."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

import perennial_client
from perennial_client import ApiError, connect, every

ADDRESS = "https://billing.example.com"
Step = httpx.Response | Exception


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    kind = {"content-type": "application/problem+json", **headers}
    said = {"type": "x", "title": "X", "status": status, "detail": "Why.", "code": code}
    return httpx.Response(status, json=said, headers=kind)


class Server:
    """A server that answers by a script; it repeats its last answer."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.client = connect(
            "sk_1", ADDRESS, transport=httpx.MockTransport(self._answer), sleep=self.pauses.append
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step

    @property
    def keys(self) -> set[str | None]:
        return {request.headers.get("idempotency-key") for request in self.requests}


DONE = httpx.Response(200, json={"id": "1"})
LOST = httpx.ReadTimeout("no answer")
DOWN = httpx.ConnectError("refused")


@pytest.mark.spec("M-3", "M-12")
@pytest.mark.parametrize(
    "step",
    [
        problem(503, "unavailable"),
        problem(503, "gateway_busy"),
        problem(503, "gateway_unavailable"),
        problem(503, "unfinished"),
        problem(409, "request_running"),
        problem(429, "too_many_requests"),
        httpx.Response(502, text="Bad gateway"),
        httpx.Response(504, text=""),
        httpx.Response(503, json={"message": "Service Unavailable"}),
        LOST,
        DOWN,
    ],
)
def test_a_post_is_repeated_with_one_key(step: Step) -> None:
    server = Server(step, step, DONE)
    assert server.client.post("/v1/orders/1/refund", json={"amount": 1}).json() == {"id": "1"}
    assert len(server.requests) == 3 and len(server.keys) == 1 and None not in server.keys
    assert {request.read() for request in server.requests} == {b'{"amount":1}'}
    assert server.pauses == sorted(server.pauses) and 0.25 <= server.pauses[0] <= 0.5


def test_each_call_has_a_key_of_its_own_and_one_that_is_given_stays() -> None:
    server = Server(DONE)
    server.client.post("/v1/products", json={})
    server.client.post("/v1/products", json={})
    server.client.post("/v1/products", json={}, headers={"Idempotency-Key": "mine"})
    assert len(server.keys) == 3 and "mine" in server.keys


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (problem(503, "outcome_unknown"), perennial_client.OutcomeUnknown),
        (problem(500, "internal"), perennial_client.ServerError),
        (problem(401, "unauthenticated"), perennial_client.Unauthenticated),
        (problem(403, "scope_missing"), perennial_client.Forbidden),
        (problem(404, "not_found"), perennial_client.NotFound),
        (problem(409, "already_refunded"), perennial_client.Conflict),
        (problem(422, "invalid"), perennial_client.Invalid),
        (problem(503, "no_such_code"), perennial_client.ServerError),
        (problem(415, "unsupported"), perennial_client.ApiError),
        (httpx.Response(200 + 102, headers={"location": "/x"}), perennial_client.UnexpectedAnswer),
        (httpx.Response(404, text="<html>"), perennial_client.UnexpectedAnswer),
        (httpx.Response(500, json=["x"]), perennial_client.UnexpectedAnswer),
    ],
)
def test_what_repeating_would_not_change_fails_at_once(
    step: httpx.Response, kind: type[Exception]
) -> None:
    server = Server(step)
    with pytest.raises(kind) as raised:
        server.client.post("/v1/products", json={})
    assert type(raised.value) is kind and len(server.requests) == 1
    if isinstance(raised.value, ApiError):
        assert raised.value.status == step.status_code and raised.value.detail == "Why."


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_an_answer_that_is_lost_after_a_change_is_not_asked_for_again(method: str) -> None:
    server = Server(LOST, DONE)
    with pytest.raises(perennial_client.Unreachable, match=ADDRESS):
        server.client.request(method, "/v1/settings")
    assert len(server.requests) == 1 and server.keys == {None}


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_what_never_reached_the_server_is_sent_again(method: str) -> None:
    server = Server(DOWN, DONE)
    assert server.client.request(method, "/v1/settings").status_code == 200


MAY_BE_DONE = "It may have been done: look at what stands before you ask again"


@pytest.mark.spec("M-12")
@pytest.mark.parametrize("last", [LOST, DOWN])
def test_where_nobody_answers_it_says_whether_a_change_may_have_been_done(last: Exception) -> None:
    server = Server(LOST, last)
    with pytest.raises(perennial_client.Unreachable, match=MAY_BE_DONE):
        server.client.post("/v1/orders/1/refund", json={"amount": 1})
    for step, method in ((DOWN, "POST"), (LOST, "GET")):
        with pytest.raises(perennial_client.Unreachable) as raised:
            Server(step).client.request(method, "/v1/products")
        assert MAY_BE_DONE not in str(raised.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateway_that_gave_up_waiting_is_no_wrong_address(status: int) -> None:
    """API Gateway answers so where a function is cut off: the money may have moved."""
    cut = httpx.Response(status, json={"message": "Service Unavailable"})
    with pytest.raises(perennial_client.UnexpectedAnswer, match=MAY_BE_DONE):
        Server(cut).client.post("/v1/orders/1/refund", json={"amount": 1})
    with pytest.raises(perennial_client.UnexpectedAnswer, match="Check the address"):
        Server(cut).client.get("/v1/orders/1")


def test_a_gateway_that_is_asked_too_often_is_the_error_for_that() -> None:
    throttled = httpx.Response(429, json={"message": "Too Many Requests"})
    with pytest.raises(perennial_client.TooManyRequests) as raised:
        Server(throttled).client.get("/v1/products")
    assert raised.value.code == "too_many_requests" and raised.value.detail


class BrokenOff(httpx.SyncByteStream):
    """A body whose connection is cut after its first bytes."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"id": '
        raise httpx.RemoteProtocolError("peer closed connection without sending complete body")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [200, 503])
def test_an_answer_that_breaks_off_is_asked_for_again(method: str, status: int) -> None:
    kind = {"content-type": "application/json"}
    server = Server(httpx.Response(status, headers=kind, stream=BrokenOff()), DONE)
    assert server.client.request(method, "/v1/products").json() == {"id": "1"}
    assert len(server.requests) == 2 and len(server.keys) == 1


def test_an_answer_that_breaks_off_after_a_change_is_a_lost_one() -> None:
    server = Server(httpx.Response(200, stream=BrokenOff()))
    with pytest.raises(perennial_client.Unreachable, match="without sending complete body"):
        server.client.patch("/v1/settings", json={})
    assert len(server.requests) == 1


def test_a_server_that_stays_down_is_given_up_in_words() -> None:
    server = Server(DOWN)
    with pytest.raises(perennial_client.Unreachable, match="no answer from https://billing"):
        server.client.get("/v1/products")
    assert len(server.requests) == 5


@pytest.mark.parametrize(("asked", "waited"), [("7", True), ("3600", False)])
def test_a_pause_that_the_server_asks_for_is_kept_unless_it_is_long(
    asked: str, waited: bool
) -> None:
    server = Server(problem(429, "too_many_requests", **{"retry-after": asked}), DONE)
    if waited:
        assert server.client.get("/v1/products").status_code == 200
        assert server.pauses == [7.0]
        return
    with pytest.raises(perennial_client.TooManyRequests):
        server.client.get("/v1/products")
    assert server.pauses == []


@pytest.mark.parametrize(
    "address",
    ["http://billing.example.com", "ftp://a.example", "billing.example.com", "https://", ""],
)
def test_a_key_is_never_sent_in_the_clear(address: str) -> None:
    with pytest.raises(ValueError, match="must begin with https"):
        connect("sk_1", address)


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that refuses, and the first line of what it was asked."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with suppress(OSError):
                there, _ = server.accept()
                with there:
                    asked.append(there.recv(4096).decode().partition("\r\n")[0])
                    there.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked


def test_an_installation_is_asked_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with proxy() as (address, asked):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, address)
        with pytest.raises(perennial_client.Unreachable):
            connect("sk_1", "https://billing.invalid", repeats=0).get("/v1/products")
    assert asked == ["CONNECT billing.invalid:443 HTTP/1.1"]


def listing(*pages: tuple[list[int], str | None]) -> Callable[..., Any]:
    rest = list(pages)
    asked: list[Any] = []

    def operation(*, limit: int, cursor: str | None = None) -> Any:
        asked.append((limit, cursor))
        data, following = rest.pop(0)
        return SimpleNamespace(data=data, next_=following, asked=asked)

    return operation


def test_a_list_is_walked_over_all_its_pages_and_only_as_far_as_it_is_read() -> None:
    assert list(every(listing(([1, 2], "b"), ([], "c"), ([3], None)))) == [1, 2, 3]
    walk = every(listing(([1, 2], "b")))
    assert (next(walk), next(walk)) == (1, 2)


def test_a_list_whose_cursor_stands_still_ends() -> None:
    assert list(every(listing(([1], "b"), ([2], "b")))) == [1, 2]
