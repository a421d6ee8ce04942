"""A bench of each gateway in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateways.benches import BENCHES, Bench


@pytest.fixture(params=sorted(BENCHES))
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with BENCHES[request.param]() as made:
        yield made
