"""Delivers a DynamoDB stream to its handler, as a Lambda event source mapping does.

Batches go out in order and a failed one is tried again before anything behind it. The position is
saved after each batch; what it does not know it reads from the oldest record on, because a second
delivery is harmless and a lost one is not.
"""

import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from billing.kernel.values import Value, replace
from dev import saved
from dev.invoke import Invoke
from dev.patterns import matches
from dev.stack import StreamMapping
from dev.tally import Tally

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

_LONGEST_WAIT_SECONDS = 60
# A batch that failed this often is tried only when something else happens, or a clock that
# jumps from one due instant to the next would stop at it for ever.
_PROMPT_ATTEMPTS = 8
# As many as GetRecords returns: most are nothing to the function, and a page costs a call.
_PAGE = 1000


class _Page(Value):
    records: Sequence[Any]
    next_iterator: str | None


class StreamSource:
    def __init__(
        self,
        mapping: StreamMapping,
        stream_arn: str,
        streams: "DynamoDBStreamsClient",
        clock: Callable[[], datetime],
        invoke: Invoke,
        positions: Path,
    ) -> None:
        self._mapping = mapping
        self._arn = stream_arn
        self._streams = streams
        self._clock = clock
        self._invoke = invoke
        self._positions = positions
        self._last_read: dict[str, str] = saved.read(positions).get(stream_arn, {})
        self._iterators: dict[str, str] = {}
        self._pages: dict[str, _Page] = {}
        self._finished: set[str] = set()
        self._attempts = 0
        self._blocked_until: datetime | None = None

    def deliver(self, tally: Tally) -> int:
        """Hands one batch of each shard to the function; returns how many records were read."""
        if self._blocked_until and self._clock() < self._blocked_until:
            return 0
        if not self._iterators:
            self._open_shards()
        return sum(self._deliver_from(shard, tally) for shard in list(self._iterators))

    def retry_at(self) -> datetime | None:
        return self._blocked_until if self._attempts <= _PROMPT_ATTEMPTS else None

    def _deliver_from(self, shard: str, tally: Tally) -> int:
        page = self._pages.pop(shard, None) or self._read(shard)
        if page is None:
            return 0
        batch, rest = self._cut(page.records)
        failed_from = self._failed_from(shard, batch, tally)
        if failed_from is not None:
            self._try_again(shard, batch, failed_from)
            return len(batch)
        if batch:
            self._save_position(shard, batch[-1]["dynamodb"]["SequenceNumber"])
            self._attempts, self._blocked_until = 0, None
        if rest:
            self._pages[shard] = replace(page, records=rest)
        else:
            self._advance(shard, page.next_iterator)
        return len(batch)

    def _read(self, shard: str) -> _Page | None:
        try:
            found = self._streams.get_records(ShardIterator=self._iterators[shard], Limit=_PAGE)
        except ClientError:
            # Expired, trimmed, or from before the emulator was restarted.
            del self._iterators[shard]
            return None
        return _Page(found["Records"], found.get("NextShardIterator"))

    def _cut(self, records: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Splits records behind as many as the function takes: what the filter leaves out does
        not count."""
        wanted = [i for i, record in enumerate(records) if self._is_wanted(record)]
        size = self._mapping.batch_size
        end = wanted[size] if len(wanted) > size else len(records)
        return records[:end], records[end:]

    def _failed_from(self, shard: str, records: Sequence[Any], tally: Tally) -> int | None:
        """Returns the place of the first record to deliver again; None when the batch is done."""
        wanted = [i for i, record in enumerate(records) if self._is_wanted(record)]
        if not wanted:
            return None
        function = self._mapping.function
        try:
            images = [_image(records[i], self._arn, self._clock()) for i in wanted]
            window = {"shardId": shard, "state": {}} if self._mapping.has_window else {}
            answer = self._invoke(function, {"Records": images, **window})
        except Exception:
            traceback.print_exc(file=sys.stderr)
            tally.failed(function.logical_id)
            return wanted[0]
        tally.add(function.logical_id, answer)
        if not self._mapping.reports_failures or not (answer or {}).get("batchItemFailures"):
            return None
        failed = {item.get("itemIdentifier") for item in answer["batchItemFailures"]}
        places = [i for i in wanted if records[i]["dynamodb"]["SequenceNumber"] in failed]
        return min(places, default=wanted[0])

    def _is_wanted(self, record: Mapping[str, Any]) -> bool:
        patterns = self._mapping.patterns
        return not patterns or any(matches(pattern, record) for pattern in patterns)

    def _try_again(self, shard: str, records: Sequence[Any], failed_from: int) -> None:
        if failed_from > 0:
            self._save_position(shard, records[failed_from - 1]["dynamodb"]["SequenceNumber"])
            self._attempts = 0
        self._attempts += 1
        if self._mapping.most_attempts and self._attempts >= self._mapping.most_attempts:
            print("A stream batch is given up, as the template says", file=sys.stderr)
            self._save_position(shard, records[-1]["dynamodb"]["SequenceNumber"])
            self._attempts, self._blocked_until = 0, None
        else:
            wait = min(2 ** (self._attempts - 1), _LONGEST_WAIT_SECONDS)
            self._blocked_until = self._clock() + timedelta(seconds=wait)
        # What was read behind it is read again.
        del self._iterators[shard]

    def _advance(self, shard: str, next_iterator: str | None) -> None:
        if next_iterator:
            self._iterators[shard] = next_iterator
        else:
            self._finished.add(shard)
            del self._iterators[shard]

    def _open_shards(self) -> None:
        found = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]
        for described in found["Shards"]:
            shard = described["ShardId"]
            if shard not in self._finished:
                self._iterators[shard] = self._iterator(shard)

    def _iterator(self, shard: str) -> str:
        start: dict[str, Any] = {"StreamArn": self._arn, "ShardId": shard}
        if shard in self._last_read:
            try:
                return self._streams.get_shard_iterator(
                    **start,
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    SequenceNumber=self._last_read[shard],
                )["ShardIterator"]
            except ClientError:
                # The emulator forgets its stream when it stops.
                del self._last_read[shard]
        return self._streams.get_shard_iterator(**start, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]

    def _save_position(self, shard: str, sequence_number: str) -> None:
        self._last_read[shard] = sequence_number
        saved.write(self._positions, {self._arn: self._last_read})


def _image(record: Any, stream_arn: str, now: datetime) -> dict[str, Any]:
    """Returns the record as Lambda hands it over.

    Its time is ours, for the emulator knows only real.
    """
    change = record["dynamodb"] | {"ApproximateCreationDateTime": now.timestamp()}
    return {**record, "dynamodb": change, "eventSourceARN": stream_arn}


def leave_raw(streams: "DynamoDBStreamsClient") -> "DynamoDBStreamsClient":
    """Has a client return records as they are sent, which is what Lambda hands over.

    The SDK's parser needs ten times the time, and what it makes of them had to be undone.
    """

    def unparsed(
        response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
    ) -> None:
        if response_dict["status_code"] == HTTPStatus.OK:
            customized_response_dict.update(json.loads(response_dict["body"]))
            response_dict["body"] = b"{}"

    streams.meta.events.register("before-parse.dynamodb-streams.GetRecords", unparsed)
    return streams
