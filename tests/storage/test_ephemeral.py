"""Both implementations of the Ephemeral port forget and count alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.storage.conftest import Backend
from tests.storage.examples import T0

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def test_a_value_is_kept_until_it_expires(backend: Backend) -> None:
    rows = backend.ephemeral
    assert rows.get("session", "a", now=T0) is None
    assert rows.put("session", "a", "value", expires_at=T0 + MINUTE, now=T0)
    assert rows.get("session", "a", now=T0 + MINUTE - SECOND) == "value"
    assert rows.get("session", "a", now=T0 + MINUTE) is None
    assert rows.get("token", "a", now=T0) is None


def test_a_value_is_put_where_none_stands(backend: Backend) -> None:
    rows = backend.ephemeral
    assert rows.put("answer", "a", "first", expires_at=T0 + MINUTE, now=T0)
    assert not rows.put("answer", "a", "second", expires_at=T0 + MINUTE, now=T0)
    assert rows.get("answer", "a", now=T0) == "first"
    assert rows.put("answer", "a", "third", expires_at=T0 + 2 * MINUTE, now=T0 + MINUTE)
    assert rows.get("answer", "a", now=T0 + MINUTE) == "third"


def test_a_value_can_be_replaced(backend: Backend) -> None:
    rows = backend.ephemeral
    rows.replace("session", "a", "one", expires_at=T0 + MINUTE)
    rows.replace("session", "a", "", expires_at=T0 + MINUTE)
    assert rows.get("session", "a", now=T0) == ""


def test_only_what_stands_is_renewed(backend: Backend) -> None:
    rows = backend.ephemeral
    assert not rows.renew("session", "a", "one", expires_at=T0 + MINUTE, now=T0)
    assert rows.get("session", "a", now=T0) is None
    rows.replace("session", "a", "one", expires_at=T0 + MINUTE)
    assert rows.renew("session", "a", "two", expires_at=T0 + 2 * MINUTE, now=T0)
    assert rows.get("session", "a", now=T0 + MINUTE) == "two"
    assert not rows.renew("session", "a", "three", expires_at=T0 + 9 * MINUTE, now=T0 + 2 * MINUTE)
    assert rows.get("session", "a", now=T0 + 2 * MINUTE) is None


def test_a_value_is_taken_once_and_not_when_it_has_expired(backend: Backend) -> None:
    rows = backend.ephemeral
    rows.replace("token", "a", "one", expires_at=T0 + MINUTE)
    assert rows.take("token", "a", now=T0) == "one"
    assert rows.take("token", "a", now=T0) is None
    rows.replace("token", "a", "two", expires_at=T0 + MINUTE)
    assert rows.take("token", "a", now=T0 + MINUTE) is None


def test_one_of_sixteen_threads_takes_the_value(backend: Backend) -> None:
    backend.needs("threads")
    backend.ephemeral.replace("token", "a", "one", expires_at=T0 + MINUTE)
    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(lambda _: backend.ephemeral.take("token", "a", now=T0), range(16)))
    assert sorted(taken, key=str) == [None] * 15 + ["one"]


def test_hits_are_counted_in_fixed_windows(backend: Backend) -> None:
    def hit(key: str, seconds: int, window: timedelta = MINUTE) -> int:
        return backend.ephemeral.hit("login", key, window=window, now=T0 + seconds * SECOND)

    assert [hit("a", 0), hit("a", 59), hit("b", 0), hit("a", 60), hit("a", 61)] == [1, 2, 1, 1, 2]
    assert hit("a", 0, 2 * MINUTE) == 1


def test_no_hit_of_concurrent_threads_is_lost(backend: Backend) -> None:
    backend.needs("threads")
    with ThreadPoolExecutor(16) as threads:
        counts = list(
            threads.map(
                lambda _: backend.ephemeral.hit("login", "a", window=MINUTE, now=T0), range(64)
            )
        )
    assert sorted(counts) == list(range(1, 65))


@pytest.mark.parametrize("millis", [1, 999])
def test_a_row_is_gone_rather_too_early_than_too_late(backend: Backend, millis: int) -> None:
    end = T0 + timedelta(milliseconds=millis)
    backend.ephemeral.replace("token", "a", "one", expires_at=end)
    assert backend.ephemeral.get("token", "a", now=end) is None
    assert backend.ephemeral.get("token", "a", now=T0 - SECOND) == "one"
