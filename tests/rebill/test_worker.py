"""The worker of the charge queue: many messages in one batch, and a failing one alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.aws.sqs_queue import body_of, leases_of
from billing.kernel.errors import Unreachable
from billing.runtime import wiring
from functions.rebill import app
from tests.test_events import CONTEXT
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
Records = list[dict[str, str]]


@pytest.fixture
def world() -> Iterator[World]:
    world = World(shards=1)
    wiring.install(world.ports)
    yield world
    wiring.install(None)


def due(world: World, customers: int) -> Records:
    """So many renewals, each in a message of its own, named after its subscription."""
    for number in range(customers):
        world.buy(email=f"{number}@example.com")
    world.now += timedelta(days=28)
    world.sweep()
    leases = [lease for body in world.queue.bodies for lease in leases_of(body)]
    return [{"messageId": each.owner[-1], "body": body_of([each])} for each in leases]


def charge(records: Records) -> tuple[list[str], Any]:
    answer = app.charge({"Records": records}, CONTEXT)
    return [item["itemIdentifier"] for item in answer.pop("batchItemFailures")], answer


class Confirms:
    """The sandbox's confirm, counted by invoice; one subscription's breaks."""

    def __init__(self, world: World, broken: str, error: Exception) -> None:
        self._confirm = world.sandbox.confirm
        self._broken, self._error = broken, error
        self.calls: Counter[str] = Counter()

    def __call__(self, reference: str, method: str, *, key: str, **others: Any) -> Any:
        self.calls[key.partition(".")[0]] += 1
        if key.startswith(self._broken):
            raise self._error
        return self._confirm(reference, method, key=key, **others)


@pytest.mark.spec("R-1")
def test_messages_share_their_steps_and_what_comes_twice_is_taken_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = due(world, 4)
    commits: list[int] = []
    commit_each = type(world.store).commit_each

    def counted(store: Any, transactions: Any) -> Any:
        commits.append(len(transactions))
        return commit_each(store, transactions)

    monkeypatch.setattr(type(world.store), "commit_each", counted)
    failed, tally = charge([*records, {**records[0], "messageId": "doubled"}])
    assert (failed, tally["paid"]) == ([], 4)
    assert [size for size in commits if size] == [4] * 2, "steps 1 to 3 at once, and step 5"
    assert len(world.charges()) == 4 + 4


@pytest.mark.spec("R-1", "R-9")
def test_a_message_that_breaks_fails_alone_and_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = due(world, 4)
    broken = world.subscription("2@example.com").id
    confirms = Confirms(world, broken, KeyError("what the gateway calls it"))
    monkeypatch.setattr(world.sandbox, "confirm", confirms)
    unread = {"messageId": "unread", "body": '{"leases": 3}'}
    for times in (1, 2):
        failed, _ = charge([*records, unread])
        assert set(failed) == {"unread", broken}
        (trouble,) = world.store.failures("acme")
        assert (trouble.times, trouble.error) == (times, "KeyError")
        assert len(world.charges()) == 4 + 3


def test_claims_are_dispatched_in_one_place() -> None:
    """The function, the simulator, the benchmarks and the tests' world all come by it."""
    finishing = re.compile(r"\b(expire_abandoned|refund\.finish|charge\.charge)\(")
    found = [
        str(path.relative_to(ROOT))
        for folder in ("layers", "functions", "sim", "bench", "dev", "tests/world.py")
        for path in ([ROOT / folder] if folder.endswith(".py") else (ROOT / folder).rglob("*.py"))
        if len(set(finishing.findall(path.read_text("utf-8")))) > 1
    ]
    assert found == ["layers/common/billing/rebill/flows/worker.py"]


@pytest.mark.spec("R-6")
def test_while_the_world_fails_every_message_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = due(world, 3)

    def throttled(*_: Any, **__: Any) -> Any:
        raise Unreachable("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.store), "bill_tos", throttled)
        failed, _ = charge(records)
        assert failed == [record["messageId"] for record in records]
        assert world.store.failures("acme") == []
    failed, tally = charge(records)
    assert (failed, tally["paid"]) == ([], 3)
