"""The backends that one contract suite runs over, and what each of them cannot do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import sleep
from typing import Any
from uuid import uuid4

import pytest
from botocore.retries.standard import ExponentialBackoff
from pynamodb.connection import Connection
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.exceptions import TableError

from billing.kernel.ephemeral import Ephemeral
from billing.storage import store
from billing.storage.dynamo import calls as dynamo_calls
from billing.storage.dynamo import tables as dynamo_tables
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.direct.client import DirectClient, open_client
from billing.storage.dynamo.ephemeral import DynamoEphemeral
from billing.storage.dynamo.failures import Answer, Request
from billing.storage.memory.ephemeral import MemoryEphemeral
from billing.storage.store import ItemStore
from tests.storage import emulators
from tests.storage.wire import Wire, wire_of

REGION = "eu-west-1"

MOTO_CANNOT = {
    "tokens": "moto ignores ClientRequestToken and carries a repeated transaction out again",
    "threads": "moto loses updates of concurrent threads",
}


@dataclass
class Backend:
    """One technology under the contract; DynamoDB's have a table and a wire too."""

    name: str
    store: ItemStore
    ephemeral: Ephemeral
    cannot: dict[str, str] = field(default_factory=dict)
    calls: Calls | None = None
    table: str = ""
    endpoint: str | None = None

    def needs(self, ability: str) -> None:
        """Skips the test where the backend lacks the ability, saying why."""
        if ability in self.cannot:
            pytest.skip(f"{self.name}: {self.cannot[ability]}")

    @property
    def wire(self) -> Wire:
        assert self.calls is not None
        return wire_of(self.calls)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """DynamoDB directly, behind the store's back."""
        assert self.calls is not None
        return self.calls(operation, {"TableName": self.table, **request})


DIRECT = "ministack-direct"
"""The emulator, called by the direct client; all others are called by botocore."""

DYNAMODB = ("moto", "ministack", DIRECT, "dynamodb-local")
BACKENDS = ("memory", *DYNAMODB)

EMULATORS = ("ministack", DIRECT, "dynamodb-local")
ALSO_FAST = ("test_store_agreement.py", "test_access_patterns.py")
"""The files that the fast lane runs on emulators too; all others do so in the slow lane."""


def pytest_itemcollected(item: pytest.Item) -> None:
    backend = getattr(item, "callspec", None) and item.callspec.params  # type: ignore[attr-defined]
    named = {(backend or {}).get(fixture) for fixture in ("backend", "dynamodb")}
    if named & set(EMULATORS) and item.path.name not in ALSO_FAST:
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.delenv("AWS_PROFILE", raising=False)
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        environment.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        # Botocore tries a lost reply again after up to two seconds.
        environment.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
        yield


@pytest.fixture(scope="session")
def ministack(credentials: None) -> Iterator[str | None]:
    """The endpoint of PERENNIAL_TEST_DYNAMODB, or of a ministack of our own, if it is installed."""
    program = emulators.ministack()
    if endpoint := os.environ.get("PERENNIAL_TEST_DYNAMODB"):
        yield endpoint
    elif program is not None:
        with emulators.running_ministack(program) as endpoint:
            yield endpoint
    else:
        yield None


@pytest.fixture(scope="session")
def dynamodb_local(credentials: None) -> Iterator[str | None]:
    """The endpoint that PERENNIAL_DYNAMODB_LOCAL is, or of the jar in the folder that it names."""
    named = os.environ.get("PERENNIAL_DYNAMODB_LOCAL", "")
    if named.startswith("http"):
        yield named
    elif (folder := emulators.dynamodb_local()) is not None:
        with emulators.running_dynamodb_local(folder) as endpoint:
            yield endpoint
    else:
        yield None


@pytest.fixture
def open_backend(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Backend]]:
    """Opens a backend by name, with tables of its own."""
    moto: Any = None

    def open_one(name: str) -> Backend:
        nonlocal moto
        if name == "memory":
            return Backend(name, store.in_memory(), MemoryEphemeral())
        if name == "moto":
            request.getfixturevalue("credentials")
            from moto import mock_aws

            moto = mock_aws()
            moto.start()
            return _on_dynamodb(name, None, MOTO_CANNOT)
        emulator = "ministack" if name == DIRECT else name
        endpoint = request.getfixturevalue(emulator.replace("-", "_"))
        if endpoint is None:
            pytest.skip(f"{emulator} is not here")
        return _on_dynamodb(name, endpoint, {}, _direct(endpoint) if name == DIRECT else None)

    yield open_one
    if moto is not None:
        moto.stop()


def _briefly(seconds: float) -> None:
    """Waits a tenth of the time: as long as others on this machine need."""
    sleep(seconds / 10)


def _direct(endpoint: str) -> DirectClient:
    return open_client(
        {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        clock=lambda: datetime.now(UTC),
        entropy=os.urandom,
        sleep=lambda _: None,
        region=REGION,
        url=endpoint,
    )


def _on_dynamodb(
    name: str, endpoint: str | None, cannot: dict[str, str], client: DirectClient | None = None
) -> Backend:
    core, ephemeral = f"core-{uuid4().hex}", f"ephemeral-{uuid4().hex}"
    calls = dynamo_calls.connect(os.urandom, region=REGION, endpoint=endpoint, sleep=_briefly)
    if client is not None:
        calls = Calls(client, os.urandom, _briefly)
    tables = Connection(region=REGION, host=endpoint)
    for model, table in ((dynamo_tables.Core, core), (dynamo_tables.Ephemeral, ephemeral)):
        # Asked again after a lost reply, an emulator says that it is there already.
        with suppress(TableError):
            tables.create_table(
                table, **model._get_schema(), billing_mode=PAY_PER_REQUEST_BILLING_MODE
            )
    return Backend(
        name,
        store.on_dynamodb(core, calls),
        DynamoEphemeral(ephemeral, calls),
        cannot,
        calls,
        core,
        endpoint,
    )


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, open_backend: Callable[[str], Backend]) -> Backend:
    """Each backend in turn."""
    return open_backend(request.param)


@pytest.fixture(params=DYNAMODB)
def dynamodb(request: pytest.FixtureRequest, open_backend: Callable[[str], Backend]) -> Backend:
    """Each backend that speaks DynamoDB's protocol."""
    return open_backend(request.param)


@pytest.fixture
def calls() -> Iterator[Counter[str]]:
    """Counts of operations, by either client."""
    counted: Counter[str] = Counter()
    made = Calls.__call__

    def counting(self: Calls, operation: str, request: Request) -> Answer:
        counted[operation] += 1
        return made(self, operation, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Calls, "__call__", counting)
        yield counted
