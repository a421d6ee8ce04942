"""Where the direct client cannot work, botocore takes its place from the first call on."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest

from billing.runtime import telemetry
from billing.storage.dynamo import chosen
from billing.storage.dynamo.direct.connections import NameUnknown, TlsRefused
from billing.storage.dynamo.direct.endpoint import Unsuited
from billing.storage.dynamo.direct.fallback import WithFallback
from billing.storage.dynamo.direct.replies import Foreign, Garbled
from billing.storage.dynamo.failures import Answer, Client, Failed, Request, Unanswered
from tests.storage.direct import loopback
from tests.storage.direct.conftest import KEY, REGION, direct

GET = {"TableName": "core"}


class Scripted:
    """A client that fails as it was told, and then answers with its name."""

    def __init__(self, name: str, *failures: Exception) -> None:
        self.name = name
        self.failures = list(failures)

    def send(self, operation: str, request: Request) -> Answer:
        if self.failures:
            raise self.failures.pop(0)
        return {"by": self.name}


def caused(cause: Exception) -> Unanswered:
    error = Unanswered("GetItem")
    error.__cause__ = cause
    return error


def settled(*failures: Exception) -> tuple[WithFallback, list[str]]:
    noticed: list[str] = []
    first = Scripted("direct", *failures)
    client = WithFallback(lambda: first, lambda: Scripted("botocore"), noticed.append)
    return client, noticed


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (Unsuited("proxy"), "proxy"),
        (caused(NameUnknown()), "name"),
        (caused(TlsRefused()), "tls"),
        (Foreign("html"), "answer"),
        (Failed("GetItem", "407", status=407), "answer"),
        (Failed("GetItem", "InvalidSignatureException"), "signature"),
        (Failed("GetItem", "UnrecognizedClientException"), "signature"),
        (Failed("GetItem", "ExpiredTokenException"), "signature"),
        (Failed("GetItem", "MissingAuthenticationTokenException"), "signature"),
    ],
)
def test_a_first_call_that_is_not_dynamodbs_fault_is_made_by_botocore(
    failure: Exception, why: str
) -> None:
    client, noticed = settled(failure)
    assert [client.send("GetItem", GET) for _ in range(3)] == [{"by": "botocore"}] * 3
    assert noticed == [why]


@pytest.mark.parametrize(
    "failure",
    [
        Failed("PutItem", "ConditionalCheckFailedException"),
        Failed("PutItem", "ThrottlingException"),
        Failed("PutItem", "AccessDeniedException"),
        Failed("PutItem", "InternalServerError", status=500),
    ],
)
def test_an_error_of_dynamodbs_own_proves_that_it_works(failure: Failed) -> None:
    client, noticed = settled(failure, caused(TlsRefused()))
    with pytest.raises(Failed):
        client.send("PutItem", GET)
    with pytest.raises(Unanswered):
        client.send("PutItem", GET)  # later, the same is an outage
    assert client.send("PutItem", GET) == {"by": "direct"}
    assert noticed == []


@pytest.mark.parametrize(
    "failure",
    [caused(TimeoutError()), caused(ConnectionRefusedError()), Garbled("crc")],
)
def test_an_outage_is_no_reason_and_no_proof(failure: Unanswered) -> None:
    client, noticed = settled(failure, caused(NameUnknown()))
    with pytest.raises(Unanswered):
        client.send("GetItem", GET)
    assert noticed == []
    assert client.send("GetItem", GET) == {"by": "botocore"}
    assert noticed == ["name"]


def test_a_server_error_without_a_name_is_no_proof() -> None:
    client, noticed = settled(Failed("GetItem", "503", status=503), caused(TlsRefused()))
    with pytest.raises(Failed):
        client.send("GetItem", GET)
    assert client.send("GetItem", GET) == {"by": "botocore"}
    assert noticed == ["tls"]


def test_threads_whose_first_calls_fail_together_notice_once() -> None:
    together = Barrier(8)

    class Failing:
        def send(self, operation: str, request: Request) -> Answer:
            together.wait(5)
            raise caused(NameUnknown())

    made: list[Client] = []
    noticed: list[str] = []

    def botocore() -> Client:
        made.append(Scripted("botocore"))
        return made[-1]

    client = WithFallback(Failing, botocore, noticed.append)
    answers: list[Answer] = []
    threads = [Thread(target=lambda: answers.append(client.send("GetItem", GET))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"by": "botocore"}] * 8
    assert (len(made), noticed) == (1, ["name"])


def test_a_process_behind_a_proxy_is_served_by_botocore_with_a_metric(
    server: loopback.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    counted: list[str] = []
    monkeypatch.setattr(telemetry, "count", lambda name, value=1: counted.append(name))
    behind = {**os.environ, "HTTP_PROXY": "http://proxy.invalid:3128"}
    calls = chosen.connect(
        chosen.DIRECT, behind, entropy=os.urandom, clock=lambda: datetime.now(UTC)
    )
    for _ in range(2):
        assert "Item" not in calls("GetItem", {"TableName": "core", "Key": {"pk": {"S": "a"}}})
    assert counted == [chosen.FELL_BACK]
    assert all("Botocore" in sent.headers["user-agent"] for sent in server.requests)


def test_the_deployment_chooses(server: loopback.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    environ = {
        **KEY,
        "AWS_ENDPOINT_URL_DYNAMODB": server.url,
        "AWS_DEFAULT_REGION": REGION,
    }
    for name in (chosen.DIRECT, chosen.BOTOCORE):
        calls = chosen.connect(name, environ, entropy=os.urandom, clock=lambda: datetime.now(UTC))
        calls("GetItem", GET)
    ours, theirs = server.requests
    assert "user-agent" not in ours.headers
    assert "Botocore" in theirs.headers["user-agent"]


def test_a_server_that_is_none_of_dynamodbs_is_no_answer(server: loopback.Server) -> None:
    server.next(loopback.says(loopback.reply(b"<html>Sign in</html>")), times=3)
    with pytest.raises(Foreign):
        direct(server.url).send("GetItem", GET)
