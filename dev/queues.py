"""Delivers SQS to a handler as an event source mapping does, with visibility on the dev clock.

A failed message stays invisible in the emulator, which counts real time. When the dev clock has
passed the queue's visibility timeout first, it is made visible again. The list of those is only in
memory: after a restart the emulator's own time-out brings them back.
"""

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dev.invoke import Invoke
from dev.stack import QueueMapping
from dev.tally import Tally
from dev.template import REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MOST_PER_CALL = 10


class QueueSource:
    def __init__(
        self, mapping: QueueMapping, sqs: "SQSClient", clock: Callable[[], datetime], invoke: Invoke
    ) -> None:
        self._mapping = mapping
        self._sqs = sqs
        self._clock = clock
        self._invoke = invoke
        self._url = sqs.get_queue_url(QueueName=mapping.queue)["QueueUrl"]
        self._visibility = self._visibility_timeout()
        self._visible_at: dict[str, datetime] = {}

    def deliver(self, tally: Tally) -> int:
        """Hands one batch to the function; returns how many messages it held."""
        self._show_again()
        messages = self._receive()
        if not messages:
            return 0
        failed = self._failed(messages, tally)
        again = self._clock() + self._visibility
        for message in messages:
            if message["MessageId"] in failed:
                self._visible_at[message["ReceiptHandle"]] = again
        self._delete([m for m in messages if m["MessageId"] not in failed])
        return len(messages)

    def retry_at(self) -> datetime | None:
        return min(self._visible_at.values(), default=None)

    def _failed(self, messages: Sequence[Any], tally: Tally) -> set[str]:
        everything = {message["MessageId"] for message in messages}
        function = self._mapping.function
        try:
            answer = self._invoke(function, {"Records": [self._record(m) for m in messages]})
        except Exception:
            traceback.print_exc(file=sys.stderr)
            tally.failed(function.logical_id)
            return everything
        tally.add(function.logical_id, answer)
        if not self._mapping.reports_failures:
            return set()
        listed = (answer or {}).get("batchItemFailures") or []
        failed = {item.get("itemIdentifier") for item in listed}
        # Lambda takes a list that it cannot match for the failure of the whole batch.
        return failed if failed <= everything else everything

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        sent_at_ms = str(int(self._clock().timestamp() * 1000))
        attributes = dict(message.get("Attributes", {}))
        # The emulator stamps real time, which is not the time that anybody here lives in.
        attributes |= {"SentTimestamp": sent_at_ms, "ApproximateFirstReceiveTimestamp": sent_at_ms}
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": attributes,
            "messageAttributes": {
                name: {
                    "stringValue": value.get("StringValue"),
                    "dataType": value["DataType"],
                    "stringListValues": [],
                    "binaryListValues": [],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.queue_arn,
            "awsRegion": REGION,
        }

    def _receive(self) -> list[Any]:
        messages: list[Any] = []
        while (missing := self._mapping.batch_size - len(messages)) > 0:
            received = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(missing, _MOST_PER_CALL),
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            messages.extend(received)
            if not received:
                break
        return messages

    def _delete(self, messages: Sequence[Any]) -> None:
        for part in _parts(messages):
            self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                    for n, message in enumerate(part)
                ],
            )

    def _show_again(self) -> None:
        now = self._clock()
        for handle in [handle for handle, at in self._visible_at.items() if at <= now]:
            del self._visible_at[handle]
            try:
                self._sqs.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0
                )
            except ClientError:
                # Real time was quicker: it is visible, or delivered under another handle.
                continue

    def _visibility_timeout(self) -> timedelta:
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["VisibilityTimeout"]
        )["Attributes"]
        return timedelta(seconds=int(attributes["VisibilityTimeout"]))


def _parts(messages: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(messages), _MOST_PER_CALL):
        yield messages[start : start + _MOST_PER_CALL]
