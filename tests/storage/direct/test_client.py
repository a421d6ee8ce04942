"""The direct client alone: connections, threads, clocks, keys that end, TLS, too little time."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from billing.runtime import deadline
from billing.storage.dynamo.botocore_client import BotocoreClient
from billing.storage.dynamo.direct import connections
from billing.storage.dynamo.direct.connections import NameUnknown, TlsRefused
from billing.storage.dynamo.failures import Failed, Unanswered
from tests.storage.direct import loopback
from tests.storage.direct.conftest import REGION, direct

GET = {"TableName": "core"}


def echo(request: loopback.Request) -> bytes:
    return loopback.reply({"Item": json.loads(request.body)["Key"]})


def test_one_connection_serves_many_calls(server: loopback.Server) -> None:
    client = direct(server.url)
    for _ in range(5):
        assert client.send("GetItem", GET) == {}
    assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_replaced(server: loopback.Server) -> None:
    client = direct(server.url)
    server.next(loopback.says(loopback.reply({}, Connection="close")))
    client.send("GetItem", GET)

    def answer_and_end(peer: loopback.Peer, request: loopback.Request, answer: object) -> bool:
        peer.socket.sendall(loopback.reply({}))
        return False

    server.next(answer_and_end)
    client.send("GetItem", GET)
    time.sleep(0.05)
    client.send("GetItem", GET)
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_connection_that_rested_long_is_not_used_again(server: loopback.Server) -> None:
    now = [datetime.now(UTC)]
    client = direct(server.url, lambda: now[0])
    client.send("GetItem", GET)
    now[0] += connections.IDLE
    client.send("GetItem", GET)
    assert server.connections == 2


def test_an_answer_that_comes_too_late_is_nobodys(server: loopback.Server) -> None:
    server.answer = echo

    def late(peer: loopback.Peer, request: loopback.Request, answer: loopback.Answer) -> bool:
        peer.over.wait(0.6)
        peer.socket.sendall(answer(request))
        return True

    client = direct(server.url)
    assert client.send("GetItem", {"Key": "warm"}) == {"Item": "warm"}
    server.next(late, late, late)
    with pytest.raises(Unanswered):
        client.send("GetItem", {"Key": "one"})
    time.sleep(0.3)
    assert client.send("GetItem", {"Key": "two"}) == {"Item": "two"}
    assert server.requests[-1].connection == server.connections


def test_threads_get_their_own_answers(server: loopback.Server) -> None:
    server.answer = echo
    client = direct(server.url)

    def ask(n: int) -> bool:
        while True:  # three faults in a row may fall on one call
            with suppress(Unanswered):
                return client.send("GetItem", {"Key": f"{n}" * 50}) == {"Item": f"{n}" * 50}

    server.next(loopback.cut_after, loopback.garbled, loopback.half, times=10)
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(600)))
    assert server.connections < 100


def test_an_answer_in_chunks_is_read(server: loopback.Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.next(loopback.says(head + b'5\r\n{"Ite\r\n9\r\nm": "one"\r\n1\r\n}\r\n0\r\n\r\n'))
    client = direct(server.url)
    assert client.send("GetItem", GET) == {"Item": "one"}
    assert client.send("GetItem", GET) == {}
    assert server.connections == 1


def test_a_redirection_is_not_followed(server: loopback.Server) -> None:
    server.next(loopback.says(loopback.reply(b"", 301, Location="https://elsewhere")))
    with pytest.raises(Failed, match="301"):
        direct(server.url).send("GetItem", GET)
    assert len(server.requests) == 1


def test_a_transaction_without_a_token_is_a_bug(server: loopback.Server) -> None:
    with pytest.raises(AssertionError):
        direct(server.url).send("TransactWriteItems", {"TransactItems": []})


def strict(now: Callable[[], datetime]) -> loopback.Answer:
    """Refuses a request that was signed for another time, as AWS does."""

    def answer(request: loopback.Request) -> bytes:
        signed = datetime.fromisoformat(request.headers["x-amz-date"])
        if abs(signed - now()) > timedelta(minutes=5):
            return loopback.error("InvalidSignatureException", Date=loopback.date(now()))
        return loopback.reply({})

    return answer


@pytest.mark.parametrize("wrong_by", [timedelta(hours=1), timedelta(days=-400)])
def test_a_clock_that_is_wrong_is_put_right_by_the_server(
    server: loopback.Server, wrong_by: timedelta
) -> None:
    server.answer = strict(lambda: datetime.now(UTC))
    client = direct(server.url, lambda: datetime.now(UTC) + wrong_by)
    for _ in range(3):
        assert client.send("GetItem", GET) == {}
    assert len(server.requests) == 4


def test_a_wrong_signature_is_not_taken_for_a_wrong_clock(server: loopback.Server) -> None:
    answer = loopback.error("InvalidSignatureException", Date=loopback.date(datetime.now(UTC)))
    server.next(loopback.says(answer), loopback.says(loopback.error("InvalidSignatureException")))
    for _ in range(2):
        with pytest.raises(Failed, match="InvalidSignature"):
            direct(server.url).send("GetItem", GET)
    assert len(server.requests) == 2


def test_botocore_raises_both(server: loopback.Server) -> None:
    server.next(loopback.says(loopback.error("InvalidSignatureException")))
    server.next(loopback.says(loopback.error("ExpiredTokenException")))
    for code in ("InvalidSignatureException", "ExpiredTokenException"):
        with pytest.raises(Failed, match=code):
            BotocoreClient(REGION, server.url).send("GetItem", GET)


def test_a_key_that_ended_early_is_replaced_by_the_containers_next_one(
    server: loopback.Server,
) -> None:
    with loopback.running() as container:
        ends = datetime.now(UTC) + timedelta(hours=6)

        def given(request: loopback.Request) -> bytes:
            said = {
                "AccessKeyId": f"AK{len(container.requests)}",
                "SecretAccessKey": "SK",
                "Token": "T",
                "Expiration": ends.isoformat(),
            }
            return loopback.reply(said)

        container.answer = given
        client = direct(server.url, AWS_CONTAINER_CREDENTIALS_FULL_URI=container.url)
        client.send("GetItem", GET)
        server.next(loopback.says(loopback.error("ExpiredTokenException")))
        assert client.send("GetItem", GET) == {}
    used = [r.headers["authorization"].partition("=")[2][:3] for r in server.requests]
    assert used == ["AK1", "AK1", "AK2"]


def test_a_key_of_the_environment_that_ended_is_refused(server: loopback.Server) -> None:
    server.next(loopback.says(loopback.error("ExpiredTokenException")), times=2)
    with pytest.raises(Failed, match="ExpiredToken"):
        direct(server.url).send("GetItem", GET)
    assert len(server.requests) == 1


def left(seconds: float) -> SimpleNamespace:
    return SimpleNamespace(get_remaining_time_in_millis=lambda: int(seconds * 1000))


@pytest.mark.parametrize("slow", [loopback.silent, loopback.dripping])
def test_a_call_ends_with_its_invocation(server: loopback.Server, slow: loopback.Fault) -> None:
    server.next(slow, times=9)
    began = time.monotonic()
    with deadline.of_invocation(left(0.3)), pytest.raises(Unanswered):
        direct(server.url).send("GetItem", GET)
    assert time.monotonic() - began < 0.9


def test_without_time_nothing_is_sent(server: loopback.Server) -> None:
    with deadline.of_invocation(left(0)), pytest.raises(Unanswered):
        direct(server.url).send("GetItem", GET)
    assert server.requests == []


def test_the_reserve_after_the_last_gateway_call_is_for_the_store(server: loopback.Server) -> None:
    with deadline.of_invocation(left(deadline.RESERVE_SECONDS - 0.5)):
        assert deadline.seconds_left() == 0
        assert direct(server.url).send("GetItem", GET) == {}


def test_a_name_that_nobody_knows_is_named_as_the_cause() -> None:
    with pytest.raises(Unanswered) as failed:
        direct("http://dynamodb.invalid").send("GetItem", GET)
    assert isinstance(failed.value.__cause__, NameUnknown)


@pytest.fixture
def tls(server: loopback.Server, tmp_path: Path) -> Path:
    """Puts TLS before the server, with a certificate of its own for `localhost`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = tmp_path / "key.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    server.tls = context
    return pem


def test_tls_is_used_where_the_certificate_is_trusted(server: loopback.Server, tls: Path) -> None:
    url = server.url.replace("http://127.0.0.1", "https://localhost")
    client = direct(url, AWS_CA_BUNDLE=str(tls))
    for _ in range(3):
        assert client.send("GetItem", GET) == {}
    assert server.connections == 1
    server.next(loopback.cut_after, loopback.half)
    assert client.send("GetItem", GET) == {}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_of_another_or_of_nobody_is_refused(
    server: loopback.Server, tls: Path, host: str
) -> None:
    trusted = {} if host == "localhost" else {"AWS_CA_BUNDLE": str(tls)}
    url = server.url.replace("http://127.0.0.1", f"https://{host}")
    with pytest.raises(Unanswered) as failed:
        direct(url, **trusted).send("GetItem", GET)
    assert isinstance(failed.value.__cause__, TlsRefused)
    assert server.requests == []
