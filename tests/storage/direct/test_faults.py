"""Faults on the way to DynamoDB: by either client nothing is lost, and nothing done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import pytest
from pynamodb.connection import Connection
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE
from pynamodb.exceptions import TableError

from billing.kernel.audit import AuditRecord
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Unavailable, Uncertain
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from billing.storage import store
from billing.storage.audit_rows import DynamoAudit
from billing.storage.dynamo import calls as dynamo_calls
from billing.storage.dynamo import tables
from billing.storage.dynamo.calls import Calls, ConditionFailed
from billing.storage.dynamo.ephemeral import DynamoEphemeral
from billing.storage.dynamo.failures import Failed
from billing.storage.store import ItemStore
from tests.storage.direct import loopback
from tests.storage.direct.conftest import REGION
from tests.storage.examples import DAY, MERCHANT, T0, invoice, order, outbox_event, subscription

ON_THE_WAY = {
    "cut before": loopback.cut_before,
    "cut after": loopback.cut_after,
    "reset after": loopback.reset_after,
    "half an answer": loopback.half,
    "half of its headers": loopback.half_head,
    "a wrong checksum": loopback.garbled,
    "silence": loopback.silent,
    "500": loopback.says(loopback.error("InternalServerError", 500)),
    "503 without a word": loopback.says(loopback.reply(b"", 503)),
    "throttled": loopback.says(loopback.error("ThrottlingException")),
    "too much at once": loopback.says(loopback.error("ProvisionedThroughputExceededException")),
}


@dataclass
class Way:
    """The server on the way to the emulator, and the stores that use it."""

    server: loopback.Server
    calls: Calls
    store: ItemStore
    ephemeral: DynamoEphemeral
    audit: DynamoAudit


@pytest.fixture
def way(ministack: str | None, calls_to: Callable[[str], Calls]) -> Iterator[Way]:
    if ministack is None:
        pytest.skip("ministack is not here")
    core, ephemeral, audit = (f"{name}-{uuid4().hex}" for name in ("core", "ephemeral", "audit"))
    connection = Connection(region=REGION, host=ministack)
    models = ((tables.Core, core), (tables.Ephemeral, ephemeral), (tables.Audit, audit))
    for model, name in models:
        with suppress(TableError):
            connection.create_table(
                name, **model._get_schema(), billing_mode=PAY_PER_REQUEST_BILLING_MODE
            )
    with loopback.running(loopback.forwarding(ministack)) as server:
        calls = calls_to(server.url)
        stores = store.on_dynamodb(core, calls), DynamoEphemeral(ephemeral, calls)
        yield Way(server, calls, *stores, DynamoAudit(audit, calls))


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("what", ON_THE_WAY)
def test_each_kind_of_write_and_read_survives(way: Way, what: str) -> None:
    store, server, fault = way.store, way.server, ON_THE_WAY[what]
    read = subscription()
    server.next(fault)
    store.commit(Insert(read))
    server.next(fault)
    assert store.subscription(MERCHANT, "cus_1", "sub_1") == read
    server.next(fault)
    store.commit(Change(read, replace(read, seq=1)))
    (seen,) = store.due(DueKind.BILL, 0, T0 + 31 * DAY, 1)
    server.next(fault)
    assert store.lease_each([seen], T0 + 32 * DAY)
    server.next(fault)
    store.commit(Insert(invoice()), Insert(order()), Insert(outbox_event()))
    server.next(fault)
    store.commit(Remove(outbox_event(), ("claimed_until",)))
    store.commit(Insert(outbox_event()))
    server.next(fault)
    store.commit(Remove(outbox_event()))
    server.next(fault)
    assert len(store.history(MERCHANT, "cus_1").orders) == 1
    assert not server.faults, "each fault has happened"


@pytest.mark.parametrize("what", ON_THE_WAY)
def test_what_is_kept_for_a_while_survives(way: Way, what: str) -> None:
    ephemeral, server, fault = way.ephemeral, way.server, ON_THE_WAY[what]
    until = T0 + DAY
    server.next(fault)
    assert ephemeral.put("t", "k", "v", expires_at=until, now=T0)
    assert not ephemeral.put("t", "k", "v", expires_at=until, now=T0)
    server.next(fault)
    ephemeral.replace("t", "k", "w", expires_at=until)
    server.next(fault)
    assert ephemeral.renew("t", "k", "x", expires_at=until, now=T0)
    assert ephemeral.get("t", "k", now=T0) == "x"
    server.next(fault)
    # Once at most: after a lost answer it is gone, and nobody has it.
    assert ephemeral.take("t", "k", now=T0) in {"x", None}
    assert ephemeral.get("t", "k", now=T0) is None
    server.next(fault)
    # A limit may be reached one hit too early, never too late.
    assert ephemeral.hit("t", "h", window=DAY, now=T0) in {1, 2}
    server.next(fault)
    way.audit.put(AuditRecord(MERCHANT, T0, "req_1", "anna", "signed in", "::1"))
    assert not server.faults


@pytest.mark.spec("R-6")
@pytest.mark.parametrize("what", ["cut after", "silence", "half an answer", "500"])
def test_the_write_of_another_is_a_conflict_all_the_same(way: Way, what: str) -> None:
    read = subscription()
    way.store.commit(Insert(read))
    way.server.next(ON_THE_WAY[what])
    with pytest.raises(Conflict):
        way.store.commit(Insert(read))
    way.server.next(ON_THE_WAY[what])
    with pytest.raises(Conflict):
        way.store.commit(Insert(read), Insert(order()))
    assert way.store.history(MERCHANT, "cus_1").orders == ()


@pytest.mark.parametrize("what", ["cut before", "half of its headers", "silence"])
def test_what_never_answers_is_given_up_after_three_attempts(
    server: loopback.Server, calls_to: Callable[[str], Calls], what: str
) -> None:
    calls = calls_to(server.url)
    server.next(ON_THE_WAY[what], times=99)
    with pytest.raises(Unavailable):
        calls("GetItem", {"TableName": "core"})
    assert len(server.requests) == 3


def test_a_write_that_never_answers_is_uncertain(
    server: loopback.Server, calls_to: Callable[[str], Calls]
) -> None:
    server.next(loopback.cut_before, times=99)
    with pytest.raises(Uncertain):
        store.on_dynamodb("core", calls_to(server.url)).commit(Insert(subscription()))


def test_a_server_that_stays_broken_is_unavailable(
    server: loopback.Server, calls_to: Callable[[str], Calls]
) -> None:
    server.next(loopback.says(loopback.error("InternalServerError", 500)), times=99)
    with pytest.raises(Unavailable):
        calls_to(server.url)("GetItem", {"TableName": "core"})
    assert len(server.requests) == 3


def test_throttling_is_given_up_in_the_end(
    server: loopback.Server, calls_to: Callable[[str], Calls]
) -> None:
    server.next(loopback.says(loopback.error("ThrottlingException")), times=99)
    with pytest.raises(Unavailable):
        calls_to(server.url)("GetItem", {"TableName": "core"})
    # Botocore tries each of ours three times.
    assert len(server.requests) in {dynamo_calls.ATTEMPTS, 3 * dynamo_calls.ATTEMPTS}


def test_nobody_who_listens_is_unavailable(calls_to: Callable[[str], Calls]) -> None:
    with loopback.running() as server:
        calls = calls_to(server.url)
    with pytest.raises(Unavailable):
        calls("GetItem", {"TableName": "core"})


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"]
)
def test_a_refusal_that_will_not_pass_is_raised_as_it_is(
    server: loopback.Server, calls_to: Callable[[str], Calls], code: str
) -> None:
    server.next(loopback.says(loopback.error(code)))
    with pytest.raises(Failed, match=code) as failed:
        calls_to(server.url)("GetItem", {"TableName": "core"})
    assert (failed.value.code, failed.value.status) == (code, 400)
    assert len(server.requests) == 1


def test_a_failed_condition_brings_the_item_that_is_there(
    server: loopback.Server, calls_to: Callable[[str], Calls]
) -> None:
    item = {"pk": {"S": "Zoë"}, "op": {"S": "x"}}
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    server.next(loopback.says(loopback.reply({"__type": kind, "Item": item}, 400)))
    with pytest.raises(ConditionFailed) as failed:
        calls_to(server.url)("PutItem", {"TableName": "core", "Item": item})
    assert (failed.value.places, failed.value.old) == ((0,), item)


def test_a_cancelled_transaction_says_which_conditions_failed(
    server: loopback.Server, calls_to: Callable[[str], Calls]
) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "no"}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    answer = loopback.reply({"__type": kind, "Message": "no", "CancellationReasons": reasons}, 400)
    server.next(loopback.says(answer))
    with pytest.raises(ConditionFailed) as failed:
        calls_to(server.url)("TransactWriteItems", {"TransactItems": [], "ClientRequestToken": "t"})
    assert failed.value.places == (1,)
