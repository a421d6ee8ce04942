"""Credentials come from the environment or the container, and are renewed before they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from billing.storage.dynamo.direct.credentials import CredentialStore, source_of
from billing.storage.dynamo.direct.endpoint import Unsuited
from billing.storage.dynamo.direct.signing import Credentials
from billing.storage.dynamo.failures import Unanswered
from tests.storage.direct import loopback

T0 = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that a test sets."""

    now = T0

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def container() -> Iterator[loopback.Server]:
    with loopback.running() as running:
        yield running


def given(key_id: str, ends: datetime) -> loopback.Answer:
    said = {"AccessKeyId": key_id, "SecretAccessKey": "SK", "Token": "T"}
    body = json.dumps({**said, "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
    return lambda _: loopback.reply(body)


def test_the_environments_key_comes_first(clock: Clock) -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "SK",
        "AWS_SESSION_TOKEN": "T",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
    }
    assert source_of(environ, clock)() == Credentials("AK", "SK", "T")
    del environ["AWS_SESSION_TOKEN"]
    assert source_of(environ, clock)() == Credentials("AK", "SK", None)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"AWS_ROLE_ARN": "arn:x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"},
        {
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/role",
        },
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/role"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "ftp://localhost/role"},
    ],
)
def test_credentials_of_another_kind_are_left_to_botocore(
    environ: dict[str, str], clock: Clock
) -> None:
    with pytest.raises(Unsuited):
        source_of(environ, clock)


def test_half_a_key_is_left_to_botocore(clock: Clock) -> None:
    with pytest.raises(Unsuited):
        source_of({"AWS_ACCESS_KEY_ID": "AK"}, clock)()


def store(url: str, clock: Clock, **environ: str) -> CredentialStore:
    known = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/role?x=1", **environ}
    return CredentialStore(source_of(known, clock), clock)


def test_the_container_is_asked_with_its_token_and_again_before_the_end(
    container: loopback.Server, clock: Clock, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    container.answer = given("first", T0 + 60 * MINUTE)
    kept = store(container.url, clock, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token))
    assert [kept.current().key_id for _ in range(3)] == ["first"] * 3
    container.answer = given("second", T0 + 120 * MINUTE)
    clock.now = T0 + 49 * MINUTE
    assert kept.current().key_id == "first"
    token.write_text("two")
    clock.now = T0 + 50 * MINUTE
    assert kept.current() == Credentials("second", "SK", "T", T0 + 120 * MINUTE)
    assert [asked.headers["authorization"] for asked in container.requests] == ["one", "two"]
    assert {asked.line for asked in container.requests} == {"GET /v1/role?x=1 HTTP/1.1"}


def test_valid_credentials_are_used_while_the_container_is_silent(
    container: loopback.Server, clock: Clock
) -> None:
    container.answer = given("first", T0 + 60 * MINUTE)
    kept = store(container.url, clock)
    assert kept.current().key_id == "first"
    container.next(loopback.cut_before, times=99)
    clock.now = T0 + 55 * MINUTE
    assert [kept.current().key_id for _ in range(5)] == ["first"] * 5
    assert len(container.requests) == 4  # asked three times, and not again for a minute
    clock.now = T0 + 60 * MINUTE
    with pytest.raises(Unanswered):
        kept.current()
    container.faults.clear()
    container.answer = given("second", T0 + 120 * MINUTE)
    assert kept.current().key_id == "second"


def test_an_answer_without_credentials_is_asked_for_again(
    container: loopback.Server, clock: Clock
) -> None:
    container.answer = given("first", T0 + 60 * MINUTE)
    container.next(loopback.says(loopback.reply(b"no", 500)), loopback.says(loopback.reply(b"{}")))
    assert store(container.url, clock).current().key_id == "first"
    container.next(loopback.says(loopback.reply(b"no", 404)), times=3)
    with pytest.raises(Unanswered):
        store(container.url, clock).current()


def test_a_token_that_is_no_header_is_not_sent(container: loopback.Server, clock: Clock) -> None:
    kept = store(container.url, clock, AWS_CONTAINER_AUTHORIZATION_TOKEN="a\r\nX: y")
    with pytest.raises(Unanswered):
        kept.current()
    assert container.requests == []


def test_threads_renew_once(container: loopback.Server, clock: Clock) -> None:
    container.answer = given("first", T0 + 60 * MINUTE)
    kept = store(container.url, clock)
    seen: list[str] = []
    ask: Callable[[], None] = lambda: seen.append(kept.current().key_id)  # noqa: E731
    threads = [Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["first"] * 16
    assert len(container.requests) == 1


def test_refused_credentials_are_replaced_if_there_are_others(
    container: loopback.Server, clock: Clock
) -> None:
    container.answer = given("first", T0 + 60 * MINUTE)
    kept = store(container.url, clock)
    used = kept.current()
    assert not kept.renewed(used)
    container.answer = given("second", T0 + 120 * MINUTE)
    assert kept.renewed(kept.current())
    assert kept.renewed(used)  # by another thread
    assert kept.current().key_id == "second"
