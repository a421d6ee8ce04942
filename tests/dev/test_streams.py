import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from dev.stack import Function, StreamMapping
from dev.streams import StreamSource, leave_raw
from dev.tally import Tally

FUNCTION = Function("Notify", "functions.notify.app", "deliver", 25, 128, "arn:notify")
OUTBOX = {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OB#"}]}}}}


KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class Raw:
    """The body of an answer, as the SDK reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content


class FakeStream:
    def __init__(self, *keys: str) -> None:
        self.reads = 0
        self.records = [
            {
                "eventName": "INSERT",
                "dynamodb": {
                    "Keys": {"pk": {"S": key}},
                    "NewImage": {"raw": {"B": "AA=="}},
                    "SequenceNumber": str(n),
                },
            }
            for n, key in enumerate(keys)
        ]

    def describe_stream(self, **_: Any) -> Any:
        return {"StreamDescription": {"Shards": [{"ShardId": "shard"}]}}

    def get_shard_iterator(
        self,
        ShardIteratorType: str,  # noqa: N803
        SequenceNumber: str = "-1",  # noqa: N803
        **_: Any,
    ) -> Any:
        if ShardIteratorType == "TRIM_HORIZON":
            return {"ShardIterator": "0"}
        if int(SequenceNumber) >= len(self.records):
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "it")
        return {"ShardIterator": str(int(SequenceNumber) + 1)}

    def get_records(self, ShardIterator: str, Limit: int) -> Any:  # noqa: N803
        self.reads += 1
        start = int(ShardIterator)
        page = self.records[start : start + Limit]
        return {"Records": page, "NextShardIterator": str(start + len(page))}


class Shop:
    def __init__(
        self, stream: FakeStream, folder: Path, *, most_attempts: int | None = None
    ) -> None:
        self.now = datetime(2026, 1, 31, tzinfo=UTC)
        self.answers: list[Any] = []
        self.batches: list[list[str]] = []
        self.events: list[Any] = []
        mapping = StreamMapping(FUNCTION, "core", 2, (OUTBOX,), True, most_attempts)
        self.source = StreamSource(
            mapping,
            "arn:stream",
            cast(Any, stream),
            lambda: self.now,
            self._invoke,
            folder / "position.json",
        )

    def deliver(self, times: int = 1) -> None:
        for _ in range(times):
            self.source.deliver(Tally())

    def _invoke(self, function: Function, event: Any) -> Any:
        self.events.append(event)
        self.batches.append([r["dynamodb"]["Keys"]["pk"]["S"] for r in event["Records"]])
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_matching_records_are_delivered_in_order_and_once(tmp_path: Path) -> None:
    shop = Shop(FakeStream("OB#1", "M#1", "M#2", "M#3", "OB#2", "M#4", "OB#3"), tmp_path)
    shop.deliver(5)
    assert shop.batches == [["OB#1", "OB#2"], ["OB#3"]]


def test_a_page_is_read_once_however_many_batches_it_holds(tmp_path: Path) -> None:
    stream = FakeStream(*(f"OB#{n}" for n in range(10)))
    shop = Shop(stream, tmp_path)
    shop.deliver(5)
    assert len(shop.batches) == 5
    assert stream.reads == 1


def test_a_restart_within_a_page_goes_on_behind_the_last_batch(tmp_path: Path) -> None:
    stream = FakeStream("OB#1", "OB#2", "OB#3")
    Shop(stream, tmp_path).deliver()
    again = Shop(stream, tmp_path)
    again.deliver()
    assert again.batches == [["OB#3"]]


def test_the_sdk_leaves_records_as_they_were_sent() -> None:
    streams = leave_raw(boto3.client("dynamodbstreams", region_name="us-east-1", **KEYS))
    sent = {
        "Records": [{"dynamodb": {"NewImage": {"raw": {"B": "AA=="}}, "SequenceNumber": "7"}}],
        "NextShardIterator": "next",
    }
    answer = AWSResponse("http://127.0.0.1", 200, {}, Raw(json.dumps(sent).encode()))
    streams.meta.events.register("before-send.dynamodb-streams.GetRecords", lambda **_: answer)
    read = streams.get_records(ShardIterator="first")
    assert read["Records"] == sent["Records"]
    assert read["NextShardIterator"] == "next"


def test_a_record_is_what_lambda_hands_over(tmp_path: Path) -> None:
    shop = Shop(FakeStream("OB#1"), tmp_path)
    shop.deliver()
    [record] = shop.events[0]["Records"]
    assert record["eventSourceARN"] == "arn:stream"
    assert record["dynamodb"]["NewImage"] == {"raw": {"B": "AA=="}}
    assert record["dynamodb"]["ApproximateCreationDateTime"] == shop.now.timestamp()


def test_the_position_outlives_the_process(tmp_path: Path) -> None:
    stream = FakeStream("OB#1", "OB#2")
    Shop(stream, tmp_path).deliver(3)
    stream.records += FakeStream("a", "b", "OB#3").records[2:]
    again = Shop(stream, tmp_path)
    again.deliver(3)
    assert again.batches == [["OB#3"]]


def test_a_stream_that_began_anew_is_read_from_its_start(tmp_path: Path) -> None:
    Shop(FakeStream("OB#1", "OB#2"), tmp_path).deliver(3)
    again = Shop(FakeStream("OB#9"), tmp_path)
    again.deliver()
    assert again.batches == [["OB#9"]]


def test_a_failed_batch_is_tried_again_before_what_is_behind_it(tmp_path: Path) -> None:
    shop = Shop(FakeStream("OB#1", "OB#2", "OB#3"), tmp_path)
    shop.answers = [RuntimeError("no")]
    shop.deliver(2)
    assert shop.batches == [["OB#1", "OB#2"]]
    assert shop.source.retry_at() == shop.now + timedelta(seconds=1)
    shop.now += timedelta(seconds=1)
    shop.deliver(2)
    assert shop.batches[1:] == [["OB#1", "OB#2"], ["OB#3"]]


def test_a_partial_failure_goes_on_from_the_failed_record(tmp_path: Path) -> None:
    shop = Shop(FakeStream("OB#1", "OB#2"), tmp_path)
    shop.answers = [{"batchItemFailures": [{"itemIdentifier": "1"}]}]
    shop.deliver()
    shop.now += timedelta(minutes=1)
    shop.deliver()
    assert shop.batches == [["OB#1", "OB#2"], ["OB#2"]]


def test_a_batch_is_given_up_when_the_template_says_so(tmp_path: Path) -> None:
    shop = Shop(FakeStream("OB#1", "OB#2", "OB#3"), tmp_path, most_attempts=2)
    shop.answers = [RuntimeError("no"), RuntimeError("no")]
    shop.deliver()
    shop.now += timedelta(minutes=1)
    shop.deliver(2)
    assert shop.batches == [["OB#1", "OB#2"], ["OB#1", "OB#2"], ["OB#3"]]
