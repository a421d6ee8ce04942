"""DynamoDB's own behaviour: lost replies, refusals that pass, two versions of the code at once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from billing.event_log.logged_events import id_at
from billing.figures.flows import read
from billing.figures.periods import Filter
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Unavailable, Uncertain
from billing.kernel.merchants import Merchant, Settings
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from billing.storage.dynamo import calls as dynamo_calls
from tests.storage.conftest import Backend
from tests.storage.examples import (
    DAY,
    MERCHANT,
    T0,
    customer,
    invoice,
    order,
    outbox_event,
    subscription,
)


@pytest.mark.spec("R-6")
def test_a_write_whose_reply_was_lost_knows_itself_when_it_is_sent_again(
    dynamodb: Backend,
) -> None:
    wire, read = dynamodb.wire, subscription()
    wire.lose_reply()
    dynamodb.store.commit(Insert(read))
    wire.lose_reply()
    dynamodb.store.commit(Change(read, replace(read, seq=1)))
    assert wire.sent == 4
    (seen,) = dynamodb.store.due(DueKind.BILL, 0, T0 + 31 * DAY, 1)
    wire.lose_reply()
    assert dynamodb.store.lease_each([seen], T0 + 32 * DAY)
    dynamodb.store.commit(Insert(outbox_event()))
    wire.lose_reply()
    dynamodb.store.commit(Remove(outbox_event()))
    wire.lose_reply()
    assert dynamodb.ephemeral.put("t", "k", "v", expires_at=T0 + DAY, now=T0)
    assert not dynamodb.ephemeral.put("t", "k", "v", expires_at=T0 + DAY, now=T0)


def test_the_write_of_another_is_not_taken_for_ones_own(dynamodb: Backend) -> None:
    read = subscription()
    dynamodb.store.commit(Insert(read))
    wire = dynamodb.wire
    wire.lose_reply()
    with pytest.raises(Conflict):
        dynamodb.store.commit(Insert(read))
    assert wire.sent == 2


@pytest.mark.spec("R-6")
def test_a_transaction_whose_reply_was_lost_is_carried_out_once(dynamodb: Backend) -> None:
    dynamodb.needs("tokens")
    read = subscription()
    wire = dynamodb.wire
    wire.lose_reply()
    dynamodb.store.commit(Insert(read), Insert(invoice()))
    claimed = outbox_event()
    dynamodb.store.commit(Insert(claimed))
    wire.lose_reply()
    dynamodb.store.commit(Remove(claimed, ("claimed_until",)))
    assert wire.sent == 5
    assert dynamodb.store.outbox_event(0, T0, claimed.id) is None


def test_replies_that_keep_being_lost_make_it_unavailable_and_unknown(dynamodb: Backend) -> None:
    wire = dynamodb.wire
    wire.lose_reply(times=3)
    with pytest.raises(Uncertain):
        dynamodb.store.commit(Insert(subscription()))
    assert wire.sent == 3
    assert dynamodb.store.subscription(MERCHANT, "cus_1", "sub_1") == subscription()


@pytest.mark.spec("R-6")
def test_a_write_that_others_kept_from_being_made_is_known_not_to_be_made(
    dynamodb: Backend,
) -> None:
    refused = ("None", "TransactionConflict")
    dynamodb.wire.refuse(CANCELLED, *refused, times=dynamo_calls.ATTEMPTS)
    with pytest.raises(Unavailable) as busy:
        dynamodb.store.commit(Insert(subscription()), Insert(order()))
    assert not isinstance(busy.value, Uncertain)
    assert dynamodb.store.subscription(MERCHANT, "cus_1", "sub_1") is None


HOUR = timedelta(hours=1)
CANCELLED = "TransactionCanceledException"


@pytest.mark.parametrize(
    "refusal",
    [
        (CANCELLED, "None", "TransactionConflict"),
        (CANCELLED, "ThrottlingError", "TransactionConflict"),
        ("TransactionInProgressException",),
        ("ProvisionedThroughputExceededException",),
    ],
)
def test_a_transaction_is_tried_again_when_the_refusal_will_pass(
    dynamodb: Backend, refusal: tuple[str, ...]
) -> None:
    dynamodb.wire.refuse(*refusal, times=4)
    dynamodb.store.commit(Insert(subscription()), Insert(order()))
    assert len(dynamodb.store.history(MERCHANT, "cus_1").orders) == 1


@pytest.mark.spec("R-1")
def test_what_others_keep_writing_is_left_to_them_and_the_rest_is_done(dynamodb: Backend) -> None:
    wire = dynamodb.wire
    refused = ("None", "TransactionConflict", "None")
    wire.refuse(CANCELLED, *refused, times=dynamo_calls.ATTEMPTS)
    first, second, third = dynamodb.store.commit_each([(Insert(order(n)),) for n in range(3)])
    assert (first, third) == (None, None)
    assert isinstance(second, Conflict)
    assert len(dynamodb.store.history(MERCHANT, "cus_1").orders) == 2
    dynamodb.store.commit_each([(Insert(subscription(n)),) for n in range(3)])
    dues = dynamodb.store.due(DueKind.BILL, 0, T0 + 31 * DAY, 9)
    wire.refuse(CANCELLED, *refused, times=dynamo_calls.ATTEMPTS)
    assert len(dynamodb.store.lease_each(dues, T0 + 32 * DAY)) == 2
    assert dynamodb.store.due(DueKind.BILL, 0, T0 + 31 * DAY, 9) == [dues[1]]


def test_a_single_write_and_a_read_are_tried_again_too(dynamodb: Backend) -> None:
    wire = dynamodb.wire
    wire.refuse("TransactionConflictException", times=2)
    dynamodb.store.commit(Insert(subscription()))
    wire.refuse("ThrottlingException", times=2)
    assert dynamodb.store.subscription(MERCHANT, "cus_1", "sub_1") is not None
    assert wire.sent == 6


def test_what_does_not_pass_is_unavailable_after_a_bounded_number_of_attempts(
    dynamodb: Backend,
) -> None:
    wire = dynamodb.wire
    wire.refuse(CANCELLED, "TransactionConflict", "None", times=99)
    with pytest.raises(Unavailable):
        dynamodb.store.commit(Insert(subscription()), Insert(order()))
    assert wire.sent == dynamo_calls.ATTEMPTS


def test_a_server_error_is_unavailable(dynamodb: Backend) -> None:
    wire = dynamodb.wire
    wire.refuse("InternalServerError", status=500, times=2)
    dynamodb.store.commit(Insert(subscription()))
    wire.refuse("InternalServerError", status=500, times=3)
    with pytest.raises(Unavailable):
        dynamodb.store.subscription(MERCHANT, "cus_1", "sub_1")
    assert wire.sent == 6


def test_a_condition_that_fails_beside_a_conflict_is_a_conflict_at_once(dynamodb: Backend) -> None:
    wire = dynamodb.wire
    wire.refuse(CANCELLED, "TransactionConflict", "ConditionalCheckFailed")
    with pytest.raises(Conflict):
        dynamodb.store.commit(Insert(subscription()), Insert(order()))
    assert wire.sent == 1


def test_a_bug_is_not_taken_for_a_conflict(dynamodb: Backend) -> None:
    dynamodb.wire.refuse("ValidationException")
    with pytest.raises(Exception, match="ValidationException"):
        dynamodb.store.commit(Insert(subscription()))


def test_keys_that_were_left_unprocessed_are_asked_for_again(dynamodb: Backend) -> None:
    dynamodb.store.commit(Insert(subscription(1)), Insert(subscription(2)))
    owners = [(MERCHANT, "cus_1", f"sub_{n}") for n in (1, 2)]
    keys = [{"pk": {"S": f"M#{m}#C#{c}"}, "sk": {"S": f"SUB#{s}"}} for m, c, s in owners]
    unprocessed = {dynamodb.table: {"Keys": keys, "ConsistentRead": True}}
    dynamodb.wire.answer({"Responses": {}, "UnprocessedKeys": unprocessed})
    assert dynamodb.store.subscriptions(owners) == [subscription(1), subscription(2)]


def test_an_older_item_without_a_field_can_be_read_and_changed(dynamodb: Backend) -> None:
    """A rolling deploy: the item was written before the fields with defaults were thought of."""
    merchant = Merchant(MERCHANT, "Acme", "a@example.com", T0)
    dynamodb.store.commit(Insert(merchant))
    dynamodb.call(
        "UpdateItem",
        Key={"pk": {"S": f"M#{MERCHANT}"}, "sk": {"S": "MERCHANT"}},
        UpdateExpression="REMOVE body.armed, body.settings.departments, "
        "body.settings.catch_up_days",
    )
    assert dynamodb.store.merchant(MERCHANT) == merchant
    after = replace(merchant, armed=False, settings=replace(merchant.settings, language="de"))
    dynamodb.store.commit(Change(merchant, after, expecting=("stopped",)))
    assert dynamodb.store.merchant(MERCHANT) == after
    with pytest.raises(Conflict):
        dynamodb.store.commit(Change(merchant, replace(merchant, settings=Settings(grace_days=3))))


def test_what_a_newer_version_wrote_is_ignored_and_kept(dynamodb: Backend) -> None:
    read = subscription()
    dynamodb.store.commit(Insert(read))
    key = {"pk": {"S": f"M#{MERCHANT}#C#cus_1"}, "sk": {"S": "SUB#sub_1"}}
    dynamodb.call(
        "UpdateItem",
        Key=key,
        UpdateExpression="SET body.colour = :red, body.terms.colour = :red",
        ExpressionAttributeValues={":red": {"S": "red"}},
    )
    newer = {"type": {"S": "Hologram"}, "body": {"M": {}}, "op": {"S": "x"}}
    dynamodb.call("PutItem", Item={**newer, **key, "sk": {"S": "HOLOGRAM#1"}})
    assert dynamodb.store.history(MERCHANT, "cus_1").subscriptions == (read,)
    dynamodb.store.commit(Change(read, replace(read, seq=1), expecting=("terms",)))
    stored = dynamodb.call("GetItem", Key=key)["Item"]["body"]["M"]
    assert (stored["colour"], stored["seq"]) == ({"S": "red"}, {"N": "1"})


def test_the_budget_of_each_question_is_kept(dynamodb: Backend, calls: Counter[str]) -> None:
    store = dynamodb.store
    many = [(Insert(subscription(n)), Insert(invoice(n)), Insert(order(n))) for n in range(33)]
    calls.clear()
    assert store.commit_each([*many, (Insert(customer()),)]) == [None] * 34
    assert calls == {"TransactWriteItems": 1}
    calls.clear()
    (seen,) = store.due(DueKind.BILL, 0, T0 + 31 * DAY, 1)
    assert calls == {"Query": 1}
    calls.clear()
    store.lease_each([seen], T0 + 32 * DAY)
    assert calls == {"UpdateItem": 1}
    seen = store.due(DueKind.BILL, 0, T0 + 32 * DAY, 100)
    calls.clear()
    assert len(store.lease_each(seen, T0 + 33 * DAY)) == 33
    assert calls == {"TransactWriteItems": 1}
    calls.clear()
    store.subscriptions([(MERCHANT, "cus_1", f"sub_{n}") for n in range(33)])
    assert calls == {"BatchGetItem": 1}
    calls.clear()
    store.history(MERCHANT, "cus_1")
    assert calls == {"Query": 1}
    calls.clear()
    store.orders(MERCHANT, since=T0 - DAY, until=T0 + HOUR, limit=9)
    assert calls == {"Query": 1, "BatchGetItem": 1}


@pytest.mark.spec("M-5")
def test_a_range_that_ends_before_it_begins_is_not_asked_for(dynamodb: Backend) -> None:
    """DynamoDB refuses one, and a reader of the log asks for one where an event reached them by
    webhook less than ten seconds ago."""
    second = timedelta(seconds=1)
    after, until = id_at(T0 + second, "c1"), id_at(T0)
    store, asked = dynamodb.store, dynamodb.wire.sent
    assert store.logged_events(MERCHANT, T0, after=after, until=until, limit=5) == []
    assert store.event_hours(MERCHANT, T0 + 2 * HOUR, T0, 5) == []
    movement = read.behind(MERCHANT, f"2026-02-01~{T0.isoformat()}~x", Filter("USD"))
    assert store.movements(MERCHANT, T0.date(), T0.date(), limit=5, after=movement) == []
    assert dynamodb.wire.sent == asked
