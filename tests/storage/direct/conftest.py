"""A store whose requests pass a server that may fail, by either client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from billing.storage.dynamo import botocore_client
from billing.storage.dynamo.botocore_client import BotocoreClient
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.direct import connections
from billing.storage.dynamo.direct.client import DirectClient, open_client
from billing.storage.dynamo.failures import Client
from tests.storage.direct import loopback

REGION = "eu-west-1"
KEY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
PATIENCE = 0.4
"""Seconds that a client waits for an answer here."""


@pytest.fixture(autouse=True)
def impatient(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients give an answer up soon; botocore pauses for no time between attempts."""
    monkeypatch.setattr(connections, "READ_SECONDS", PATIENCE)
    monkeypatch.setattr(botocore_client, "READ_SECONDS", PATIENCE)


@pytest.fixture
def server() -> Iterator[loopback.Server]:
    with loopback.running() as running:
        yield running


def direct(url: str, clock: Callable[[], datetime] | None = None, **environ: str) -> DirectClient:
    """The direct client of a server; without pauses."""
    return open_client(
        {**KEY, **environ} if "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in environ else environ,
        clock=clock or (lambda: datetime.now(UTC)),
        entropy=os.urandom,
        sleep=lambda _: None,
        region=REGION,
        url=url,
    )


CLIENTS: dict[str, Callable[[str], Client]] = {
    "botocore": lambda url: BotocoreClient(REGION, url),
    "direct": direct,
}


@pytest.fixture(params=CLIENTS)
def calls_to(request: pytest.FixtureRequest) -> Callable[[str], Calls]:
    """Makes the calls to a URL, by each client in turn."""
    return lambda url: Calls(CLIENTS[request.param](url), os.urandom, lambda _: None)
