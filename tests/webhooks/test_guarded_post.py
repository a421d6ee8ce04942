"""The post to a receiver over real sockets and TLS: it goes where it was checked, and ends in
time."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.kernel.receivers import Answer
from billing.webhooks.flows.guarded_post import GuardedPost, _retry_after
from tests.world import START

pytestmark = pytest.mark.spec("M-5")

HOST = "hooks.example.com"
URL = f"https://{HOST}/hook?a=b"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Speak = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a certificate of the host's name, which is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    path = folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return path


class Server:
    """A receiver on this machine that speaks as it is told, once for each connection."""

    def __init__(self, certificate: Path | None, speak: Speak) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received: list[bytes] = []
        self.names: list[str | None] = []
        self._speak = speak
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
            self._context.sni_callback = lambda sock, name, context: self.names.append(name)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with suppress(OSError):
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                connection.settimeout(5)
                got = b""
                while not got.endswith(b"}"):
                    chunk = connection.recv(4096)
                    if not chunk:
                        break
                    got += chunk
                self.received.append(got)
                self._speak(connection)
            connection.close()


@contextmanager
def serving(certificate: Path | None, speak: Speak) -> Iterator[Server]:
    server = Server(certificate, speak)
    try:
        yield server
    finally:
        server.listener.close()


def saying(data: bytes) -> Speak:
    return lambda connection: connection.sendall(data)


def post(
    server: Server, certificate: Path, *, seconds: float = 5, url: str = URL, trusts: bool = True
) -> Answer:
    """Posts as in the deployment, but that the host's name is this machine's."""
    trust = ssl.create_default_context(cafile=str(certificate) if trusts else None)
    guarded = GuardedPost(
        lambda: START,
        time.monotonic,
        resolve=lambda host, port: ["127.0.0.1"],
        may=lambda found: True,
        trust=trust,
        port=server.port,
        seconds=seconds,
    )
    return guarded(url, {"webhook-id": "evt_1"}, b'{"a":1}')


def test_a_post_is_made_over_tls_with_the_name_of_the_host(certificate: Path) -> None:
    with serving(certificate, saying(OK)) as server:
        assert post(server, certificate) == Answer(200)
    (got,) = server.received
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /hook?a=b HTTP/1.1"
    assert b"Host: hooks.example.com" in head.splitlines()
    assert b"webhook-id: evt_1" in head.splitlines()
    assert body == b'{"a":1}'
    assert server.names == [HOST]


def test_a_certificate_of_another_name_or_of_nobody_is_refused(certificate: Path) -> None:
    with serving(certificate, saying(OK)) as server:
        other = post(server, certificate, url="https://else.example.com/")
        unknown = post(server, certificate, trusts=False)
    assert other == Answer(error="certificate_invalid")
    assert unknown == Answer(error="certificate_invalid")
    assert server.received == []


def test_a_name_that_leads_inside_is_refused_without_a_connection(certificate: Path) -> None:
    with serving(certificate, saying(OK)) as server:
        inside = GuardedPost(
            lambda: START,
            time.monotonic,
            resolve=lambda host, port: ["127.0.0.1"],
            port=server.port,
        )
        assert inside(URL, {}, b"{}") == Answer(error="address_refused")
        mixed = GuardedPost(
            lambda: START, time.monotonic, resolve=lambda h, p: ["1.1.1.1", "169.254.169.254"]
        )
        assert mixed(URL, {}, b"{}") == Answer(error="address_refused")
    assert server.received == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_connected_to(
    certificate: Path,
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with serving(certificate, saying(OK)) as server:
        guarded = GuardedPost(
            lambda: START,
            time.monotonic,
            resolve=resolve,
            may=lambda found: found == ["127.0.0.1"],
            trust=ssl.create_default_context(cafile=str(certificate)),
            port=server.port,
        )
        assert guarded(URL, {}, b"{}") == Answer(200)
    assert asked == [HOST]


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://hooks.example.com/", "https://a/"])
def test_an_address_that_may_not_be_is_refused_at_the_time_of_the_post_too(url: str) -> None:
    guarded = GuardedPost(lambda: START, time.monotonic, resolve=lambda h, p: ["1.1.1.1"])
    assert guarded(url, {}, b"{}") == Answer(error="address_refused")


def test_a_redirect_is_an_answer_and_is_not_followed(certificate: Path) -> None:
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: https://169.254.169.254/\r\n\r\n"
    with serving(certificate, saying(moved)) as server:
        assert post(server, certificate) == Answer(307)
    assert len(server.received) == 1


def _byte_by_byte(connection: socket.socket) -> None:
    for byte in OK:
        connection.sendall(bytes([byte]))
        time.sleep(0.2)


def _silent(connection: socket.socket) -> None:
    time.sleep(4)


def _endless(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 4000)


@pytest.mark.parametrize("speak", [_byte_by_byte, _silent])
def test_a_receiver_that_is_slow_takes_no_more_than_the_time(
    certificate: Path, speak: Speak
) -> None:
    with serving(certificate, speak) as server:
        began = time.monotonic()
        assert post(server, certificate, seconds=1) == Answer(error="timeout")
        assert time.monotonic() - began < 2


def test_an_answer_without_end_is_cut_off(certificate: Path) -> None:
    with serving(certificate, _endless) as server:
        assert post(server, certificate) == Answer(error="answer_too_large")


def test_a_name_that_is_looked_up_for_ever_takes_no_more_than_the_time() -> None:
    def resolve(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["1.1.1.1"]

    guarded = GuardedPost(lambda: START, time.monotonic, resolve=resolve, seconds=0.5)
    assert guarded(URL, {}, b"{}") == Answer(error="timeout")


def test_a_name_that_nobody_has_is_its_own_failure() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror

    guarded = GuardedPost(lambda: START, time.monotonic, resolve=resolve)
    assert guarded(URL, {}, b"{}") == Answer(error="name_unknown")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "no_answer"),
        (b"HTTP/1.1 200 OK\r\n", "no_answer"),
        (b"HTTP/1.1 99 Odd\r\n\r\n", "answer_malformed"),
        (b"HTTP/2 200 OK\r\n\r\n", "answer_malformed"),
        (b"220 smtp.example.com ESMTP\r\n\r\n", "answer_malformed"),
        (b"\x00\x01\x02\r\n\r\n", "answer_malformed"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "answer_malformed"),
    ],
)
def test_what_is_no_answer_is_a_failure(certificate: Path, said: bytes, error: str) -> None:
    with serving(certificate, saying(said)) as server:
        assert post(server, certificate) == Answer(error=error)


def test_what_comes_before_the_answer_is_passed_over(certificate: Path) -> None:
    said = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + OK
    with serving(certificate, saying(said)) as server:
        assert post(server, certificate) == Answer(200)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (b"120", timedelta(minutes=2)),
        (b"0", timedelta(0)),
        (b"99999999999999", timedelta(seconds=10**6)),
        (b"-5", None),
        (b"soon", None),
        ("٣".encode(), None),
    ],
)
def test_retry_after_is_read_in_seconds(
    certificate: Path, value: bytes, wait: timedelta | None
) -> None:
    said = b"HTTP/1.1 503 Busy\r\nRetry-After: " + value + b"\r\n\r\n"
    with serving(certificate, saying(said)) as server:
        assert post(server, certificate) == Answer(503, retry_after=wait)


def test_retry_after_is_read_as_a_date(certificate: Path) -> None:
    at = (START + timedelta(hours=2)).astimezone(UTC)
    said = f"HTTP/1.1 429 Busy\r\nRetry-After: {at:%a, %d %b %Y %H:%M:%S} GMT\r\n\r\n"
    with serving(certificate, saying(said.encode())) as server:
        answer = post(server, certificate)
    assert answer == Answer(429, retry_after=timedelta(hours=2))
    assert isinstance(START, datetime)


@pytest.mark.parametrize(
    "value",
    [b"Mon, 1 Jan 2024 00:00:00 +99999999999999999999", b"Mon, 99999999999 Jan 2024 00:00:00 GMT"],
)
def test_a_retry_after_beyond_all_numbers_is_none(value: bytes) -> None:
    """An error here would end the worker, and the attempt would never count."""
    assert _retry_after(b"HTTP/1.1 503 Busy\r\nRetry-After: " + value, lambda: START) is None


def test_a_closed_port_is_a_failure(certificate: Path) -> None:
    with serving(certificate, saying(OK)) as server:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            server.port = closed.getsockname()[1]
        assert post(server, certificate).error == "connection_failed"


def test_on_a_laptop_a_receiver_on_it_is_posted_to_without_tls() -> None:
    with serving(None, saying(OK)) as server:
        url = f"http://127.0.0.1:{server.port}/hook"
        local = GuardedPost(lambda: START, time.monotonic, local=True)
        assert local(url, {}, b"{}") == Answer(200)
        assert GuardedPost(lambda: START, time.monotonic)(url, {}, b"{}") == Answer(
            error="address_refused"
        )
    assert len(server.received) == 1
