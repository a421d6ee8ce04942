from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from dev.queues import QueueSource
from dev.stack import Function, QueueMapping
from dev.tally import Tally

FUNCTION = Function("Charge", "functions.rebill.app", "charge", 25, 128, "arn:charge")


class FakeQueue:
    """As much of SQS as the source asks for; time-outs never come by themselves."""

    def __init__(self, *bodies: str) -> None:
        self.waiting = {f"id-{body}": body for body in bodies}
        self.hidden: dict[str, str] = {}

    def get_queue_url(self, **_: Any) -> Any:
        return {"QueueUrl": "http://queue"}

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"VisibilityTimeout": "360"}}

    def receive_message(self, MaxNumberOfMessages: int, **_: Any) -> Any:  # noqa: N803
        taken: Any = list(self.waiting.items())[:MaxNumberOfMessages]
        for message_id, _body in taken:
            self.hidden[message_id] = self.waiting.pop(message_id)
        return {
            "Messages": [
                {"MessageId": i, "ReceiptHandle": i, "Body": body, "MD5OfBody": ""}
                for i, body in taken
            ]
        }

    def delete_message_batch(self, Entries: Any, **_: Any) -> Any:  # noqa: N803
        for entry in Entries:
            del self.hidden[entry["ReceiptHandle"]]

    def change_message_visibility(self, ReceiptHandle: str, **_: Any) -> Any:  # noqa: N803
        self.waiting[ReceiptHandle] = self.hidden.pop(ReceiptHandle)


class Shop:
    def __init__(self, queue: FakeQueue, *, batch_size: int = 10, reports: bool = True) -> None:
        self.now = datetime(2026, 1, 31, tzinfo=UTC)
        self.answer: Any = None
        self.batches: list[list[str]] = []
        mapping = QueueMapping(FUNCTION, "charge", "arn:queue", batch_size, reports)
        self.source = QueueSource(mapping, cast(Any, queue), lambda: self.now, self._invoke)

    def _invoke(self, function: Function, event: Any) -> Any:
        self.batches.append([record["body"] for record in event["Records"]])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def failing(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": i} for i in ids]}


def test_what_succeeded_is_deleted() -> None:
    queue = FakeQueue("a", "b")
    shop = Shop(queue)
    assert shop.source.deliver(Tally()) == 2
    assert shop.source.deliver(Tally()) == 0
    assert not queue.hidden


def test_a_batch_may_be_larger_than_one_call_of_sqs() -> None:
    shop = Shop(FakeQueue(*(str(n) for n in range(30))), batch_size=25)
    assert [shop.source.deliver(Tally()) for _ in range(3)] == [25, 5, 0]


def test_a_failed_message_comes_back_when_the_dev_clock_has_passed_its_timeout() -> None:
    queue = FakeQueue("a", "b")
    shop = Shop(queue)
    shop.answer = failing("id-b")
    shop.source.deliver(Tally())
    assert list(queue.hidden) == ["id-b"]
    assert shop.source.retry_at() == shop.now + timedelta(seconds=360)
    shop.now += timedelta(seconds=359)
    assert shop.source.deliver(Tally()) == 0
    shop.now += timedelta(seconds=1)
    shop.answer = None
    assert shop.source.deliver(Tally()) == 1
    assert shop.batches == [["a", "b"], ["b"]]
    assert shop.source.retry_at() is None


@pytest.mark.parametrize("answer", [RuntimeError("no"), failing("unknown"), failing("")])
def test_a_failure_of_the_whole_batch_deletes_nothing(answer: Any) -> None:
    queue = FakeQueue("a", "b")
    shop = Shop(queue)
    shop.answer = answer
    shop.source.deliver(Tally())
    assert list(queue.hidden) == ["id-a", "id-b"]


def test_failures_do_not_count_where_the_mapping_does_not_ask_for_them() -> None:
    queue = FakeQueue("a")
    shop = Shop(queue, reports=False)
    shop.answer = failing("id-a")
    shop.source.deliver(Tally())
    assert not queue.hidden
