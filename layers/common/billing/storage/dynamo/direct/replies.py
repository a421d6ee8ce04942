"""Reads DynamoDB's answers: what was asked for, or the error that it names."""

from __future__ import annotations

from binascii import crc32
from typing import Any

import msgspec

from billing.storage.dynamo.direct.connections import Reply
from billing.storage.dynamo.failures import Answer, Failed, Unanswered

OK = 200
CHECKSUM = "x-amz-crc32"


class Garbled(Unanswered):
    """An answer that arrived damaged."""


class Foreign(Unanswered):
    """An answer that is none of DynamoDB's."""


def answer_of(operation: str, reply: Reply) -> Answer:
    """Returns what an answer says; raises `Failed` for an error that DynamoDB names.

    Raises `Garbled` where its checksum is another one, `Foreign` where it is not JSON.
    """
    checksum = reply.headers.get(CHECKSUM)
    if checksum is not None and checksum.strip() != str(crc32(reply.body)):
        raise Garbled(f"{operation}: the checksum of the answer is wrong.")
    said = _json_of(reply.body)
    if reply.status == OK:
        if said is None:
            raise Foreign(f"{operation}: the answer is not JSON.")
        return said
    raise _failed(operation, reply.status, said or {})


def _json_of(body: bytes) -> dict[str, Any] | None:
    try:
        said = msgspec.json.decode(body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _failed(operation: str, status: int, said: dict[str, Any]) -> Failed:
    # As "com.amazonaws.dynamodb.v20120810#ThrottlingException", or without what stands before.
    code = str(said.get("__type") or status).partition(":")[0].rpartition("#")[2]
    reasons = said.get("CancellationReasons") or ()
    return Failed(
        operation,
        code,
        str(said.get("message") or said.get("Message") or ""),
        status=status,
        item=said.get("Item"),
        reasons=[str(reason.get("Code")) for reason in reasons],
    )
