"""VIES over HTTP: what it says, and all the ways in which it says nothing (C-7)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from billing.gateways import bounded_http
from billing.kernel.errors import Unavailable
from billing.kernel.tax_ids import RegisterAnswer
from billing.registers.vies import Vies

VALID = {
    "countryCode": "AT",
    "vatNumber": "U13585627",
    "requestDate": "2026-03-01T15:00:00.000Z",
    "valid": True,
    "requestIdentifier": "WAPIAAAAX1",
    "name": "---",
    "address": "---",
}
UNAVAILABLE = {
    "actionSucceed": False,
    "errorWrappers": [{"error": "MS_UNAVAILABLE"}],
}


@contextmanager
def register(body: bytes, status: int = 200) -> Iterator[tuple[Vies, list[dict[str, Any]]]]:
    """Runs a server that always answers this, and lists what it was asked."""
    asked: list[dict[str, Any]] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Vies(session(), f"http://127.0.0.1:{server.server_port}/"), asked
        finally:
            server.shutdown()


def session() -> Any:
    return bounded_http.session(0.5)


@pytest.mark.spec("C-7")
def test_it_is_asked_for_country_and_number_with_who_asks() -> None:
    with register(json.dumps(VALID).encode()) as (vies, asked):
        found = vies.look_up("ATU13585627", asker="DE136695976")
        assert found == RegisterAnswer(True, "WAPIAAAAX1")
        vies.look_up("ELU1", asker=None)
    assert asked == [
        {
            "countryCode": "AT",
            "vatNumber": "U13585627",
            "requesterMemberStateCode": "DE",
            "requesterNumber": "136695976",
        },
        {"countryCode": "EL", "vatNumber": "U1"},
    ]


@pytest.mark.spec("C-7")
def test_without_an_asker_it_has_no_reference_and_an_unknown_id_is_a_no() -> None:
    with register(json.dumps(VALID | {"requestIdentifier": ""}).encode()) as (vies, _):
        assert vies.look_up("ATU13585627", asker=None) == RegisterAnswer(True)
    with register(json.dumps(VALID | {"valid": False}).encode()) as (vies, _):
        assert not vies.look_up("ATU13585627", asker=None).is_known


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps(UNAVAILABLE).encode(), 200),
        (json.dumps(UNAVAILABLE).encode(), 500),
        (json.dumps(VALID).encode(), 503),
        (json.dumps(VALID | {"valid": "true"}).encode(), 200),
        (b"<html>busy</html>", 200),
        (b"[]", 200),
        (b"", 200),
    ],
)
def test_all_else_says_nothing_about_an_id(body: bytes, status: int) -> None:
    with register(body, status) as (vies, _), pytest.raises(Unavailable):
        vies.look_up("ATU13585627", asker=None)


@pytest.mark.spec("C-7")
def test_a_register_that_is_away_or_does_not_answer_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Unavailable):
            Vies(session(), address).look_up("ATU13585627", asker=None)
    with pytest.raises(Unavailable):
        Vies(session(), address).look_up("ATU13585627", asker=None)
