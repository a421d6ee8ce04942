"""Stores objects in one S3 bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from billing.kernel.errors import Refused, Unavailable
from billing.kernel.objects import (
    ObjectKey,
    StoredObject,
    Upload,
    check_link,
    check_object,
    check_upload,
)

PUT_ATTEMPTS = 3
"""Attempts of a write that met another one at its key; S3 asks for them with a 409."""

CONNECT_SECONDS = 1
READ_SECONDS = 3
"""The time-outs of a call, which is made twice at most: a page that waits for it still answers."""

_THERE_ALREADY = "PreconditionFailed"
_MEETS_ANOTHER = "ConditionalRequestConflict"
_MISSING = frozenset({"NoSuchKey", "AccessDenied"})
"""Codes of an object that is not there: without leave to list, which no function has, S3 answers
AccessDenied (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)."""


def connect(*, region: str | None = None, endpoint: str | None = None) -> Any:
    """Returns an S3 client that gives up early."""
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return boto3.client("s3", region_name=region, endpoint_url=endpoint, config=config)


class S3Objects:
    """The Objects port over one bucket; `connect` makes an S3 client when the first is needed."""

    def __init__(self, bucket: str, connect: Callable[[], Any]) -> None:
        self._bucket = bucket
        self._connect = connect

    def put(
        self,
        key: ObjectKey,
        content: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Stores an object once, by S3's own condition (If-None-Match)."""
        check_object(content, content_type, metadata or {})
        request = {
            **self._at(key),
            "Body": content,
            "ContentType": content_type,
            "Metadata": dict(metadata or {}),
            "IfNoneMatch": "*",
        }
        for _ in range(PUT_ATTEMPTS):
            code = self._refusal(self._client.put_object, request, {_THERE_ALREADY, _MEETS_ANOTHER})
            if code != _MEETS_ANOTHER:
                return code is None
        raise Unavailable("Another write of this object is under way.")

    def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
        """Returns an object; of one that is too large no byte is read."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.get_object(**self._at(key))
            if answer["ContentLength"] > at_most:
                answer["Body"].close()
                raise Refused("file_too_large", code="too_large", count=at_most)
            content = answer["Body"].read()
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise _unavailable(error) from error
        except BotoCoreError as error:
            raise _unavailable(error) from error
        return StoredObject(content, answer["ContentType"], answer["Metadata"])

    def delete(self, key: ObjectKey) -> None:
        """Deletes an object; a bucket with versions only marks it as deleted."""
        self._refusal(self._client.delete_object, self._at(key), frozenset())

    def link(self, key: ObjectKey, *, filename: str, expires_in: timedelta) -> str:
        """Returns a presigned address; it is made here, without a call."""
        check_link(filename, expires_in)
        saved_as = f'attachment; filename="{filename}"'
        link: str = self._client.generate_presigned_url(
            "get_object",
            Params={**self._at(key), "ResponseContentDisposition": saved_as},
            ExpiresIn=int(expires_in.total_seconds()),
        )
        return link

    def upload_link(
        self, key: ObjectKey, *, content_type: str, at_most: int, expires_in: timedelta
    ) -> Upload:
        """Returns a presigned form, whose policy S3 holds the upload to; it is made here."""
        check_upload(content_type, at_most, expires_in)
        typed = {"Content-Type": content_type}
        made = self._client.generate_presigned_post(
            self._bucket,
            key.text,
            Fields=typed,
            Conditions=[typed, ["content-length-range", 1, at_most]],
            ExpiresIn=int(expires_in.total_seconds()),
        )
        return Upload(made["url"], made["fields"])

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def _at(self, key: ObjectKey) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": key.text}

    @staticmethod
    def _refusal(
        call: Callable[..., Any], request: Mapping[str, Any], expected: frozenset[str] | set[str]
    ) -> str | None:
        """Makes a call and returns the expected code that S3 refused it with, None if it did it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            call(**request)
        except ClientError as error:
            if _code(error) in expected:
                return _code(error)
            raise _unavailable(error) from error
        except BotoCoreError as error:
            raise _unavailable(error) from error
        return None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"The object store does not answer: {type(error).__name__}.")
