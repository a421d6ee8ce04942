"""The direct client's requests are botocore's, to the last character of the signature."""

from __future__ import annotations

import json
import os
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.storage.dynamo.direct.client import open_client
from billing.storage.dynamo.direct.endpoint import endpoint_of
from billing.storage.dynamo.direct.signing import CONTENT_TYPE, TARGET, Credentials, Signer
from tests.depth import examples
from tests.storage.direct import loopback

OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "TransactWriteItems")
WORDS = st.text(string.ascii_letters + string.digits + "/+=", min_size=1, max_size=60)
TEXTS = st.text(max_size=40)
ATTRIBUTES = st.recursive(
    st.builds(lambda text: {"S": text}, TEXTS)
    | st.builds(lambda number: {"N": str(number)}, st.integers())
    | st.sampled_from([{"NULL": True}, {"BOOL": False}]),
    lambda inner: (
        st.builds(lambda of: {"M": of}, st.dictionaries(TEXTS, inner, max_size=3))
        | st.builds(lambda of: {"L": of}, st.lists(inner, max_size=3))
    ),
    max_leaves=6,
)
TIMES = st.integers(946_684_800, 4_102_444_800).map(lambda at: datetime.fromtimestamp(at, UTC))
KEYS = st.builds(Credentials, WORDS, WORDS, st.none() | WORDS)
REGIONS = st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"])
PORTS = st.none() | st.integers(1, 65535)


@settings(max_examples=examples(10_000))
@given(
    st.sampled_from(OPERATIONS),
    st.dictionaries(TEXTS, ATTRIBUTES, max_size=4),
    KEYS,
    REGIONS,
    PORTS,
    TIMES,
)
def test_signatures_are_those_of_botocore(
    operation: str,
    item: dict[str, Any],
    credentials: Credentials,
    region: str,
    port: int | None,
    at: datetime,
) -> None:
    url = None if port is None else f"http://127.0.0.1:{port}"
    endpoint = endpoint_of({}, region, url)
    body = json.dumps({"TableName": "core", "Item": item}).encode()
    ours = Signer(endpoint.authority, region).headers(operation, body, credentials, at)
    theirs = _by_botocore(
        url or f"https://{endpoint.host}", operation, body, credentials, region, at
    )
    assert ours == theirs


def _by_botocore(
    url: str, operation: str, body: bytes, credentials: Credentials, region: str, at: datetime
) -> dict[str, str]:
    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGET + operation}
    request = botocore.awsrequest.AWSRequest("POST", url + "/", headers, body)
    key = botocore.credentials.Credentials(
        credentials.key_id, credentials.secret, credentials.token
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_: at)
        botocore.auth.SigV4Auth(key, "dynamodb", region).add_auth(request)
    signed = {name.lower(): value for name, value in request.headers.items()}
    host = url.partition("://")[2].removesuffix(":80")  # http's own port is not named
    return {"host": host, **signed}


def test_a_key_is_derived_anew_with_each_day_and_each_secret() -> None:
    signer = Signer("dynamodb.eu-west-1.amazonaws.com", "eu-west-1")
    key, other = Credentials("AK", "one"), Credentials("AK", "two")
    days = [datetime(2026, 11, day, 23, 59, 59, tzinfo=UTC) for day in (28, 29, 28)]

    def signature(key: Credentials, at: datetime) -> str:
        return signer.headers("GetItem", b"{}", key, at)["authorization"]

    kept = [signature(each, at) for at in days for each in (key, other, key)]
    signers = (Signer("dynamodb.eu-west-1.amazonaws.com", "eu-west-1") for _ in kept)
    fresh = [
        next(signers).headers("GetItem", b"{}", each, at)["authorization"]
        for at in days
        for each in (key, other, key)
    ]
    assert kept == fresh


def test_neither_key_nor_token_is_shown() -> None:
    shown = repr(Credentials("AKIAEXAMPLE", "secret", "token"))
    assert shown == "Credentials(AKIA...)"


@pytest.fixture
def server() -> Iterator[loopback.Server]:
    with loopback.running() as running:
        yield running


def test_the_whole_request_is_botocores_but_for_what_only_names_the_sender(
    server: loopback.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 11, 29, 5, 27, 3, tzinfo=UTC)
    environ = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_SESSION_TOKEN": "T"}
    request = {"TableName": "core", "Key": {"pk": {"S": "Zoë"}, "sk": {"S": "☃"}}}
    client = open_client(
        environ, clock=lambda: at, entropy=os.urandom, region="eu-west-1", url=server.url
    )
    assert client.send("GetItem", request) == {}
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: at)
    theirs = botocore.session.Session().create_client(
        "dynamodb",
        "eu-west-1",
        endpoint_url=server.url,
        aws_access_key_id="AK",
        aws_secret_access_key="SK",
        aws_session_token="T",
    )
    theirs.get_item(**request)
    ours, his = server.requests
    assert json.loads(ours.body) == json.loads(his.body)
    assert (ours.line, ours.headers["accept-encoding"]) == (
        his.line,
        his.headers["accept-encoding"],
    )
    differ = {"content-length", "authorization", "user-agent"}
    for name in set(ours.headers) - differ:
        assert ours.headers[name] == his.headers[name], name
    signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    for sent in (ours, his):
        assert f"SignedHeaders={signed}" in sent.headers["authorization"]
