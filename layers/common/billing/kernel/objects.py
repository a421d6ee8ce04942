"""The object store port: files of merchants, each under a key that names its merchant.

An object is written once and never listed: whoever wants one knows its key. An address for a
download or an upload works for a while and for one object (ARCHITECTURE.md, section 4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from billing.kernel.values import Value, field

DOCUMENTS = "documents"
"""The area of issued invoices and credit notes; template.yaml keeps them for ever."""

EXPORTS = "exports"
"""The area of what is wanted for days: exports, uploads, what a job has so far; template.yaml lets
it expire."""

KEY_MOST_BYTES = 1024
"""The longest key that S3 takes, in bytes
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)."""

OBJECT_MOST_BYTES = 100 * 2**20
"""The largest object that is written or uploaded: S3 itself takes 5 GiB in one request."""

METADATA_MOST_BYTES = 2048
"""The most metadata of one object, names and values in ASCII: S3's limit."""

LINK_MOST = timedelta(hours=1)
"""The longest life of a link: a function's credentials sign it, and it dies with them at the
latest."""

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]*")
_NAME = re.compile(r"[a-z0-9-]+")
_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(; charset=utf-8)?")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ObjectKey(Value):
    """The key of an object, `<area>/<merchant>/<name>`.

    The area decides how long it is kept; the name may have parts, divided by `/`. It consists of
    ids of ours, never of text that people type.
    """

    area: str
    merchant: str
    name: str

    def __post_init__(self) -> None:
        assert all(map(_PART.fullmatch, (self.area, self.merchant, *self.name.split("/")))), self
        assert len(self.text.encode()) <= KEY_MOST_BYTES, "S3 takes no longer keys"

    @property
    def text(self) -> str:
        """The whole key, as it is in the bucket."""
        return f"{self.area}/{self.merchant}/{self.name}"


class StoredObject(Value):
    """An object as it is stored."""

    content: bytes
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Upload(Value):
    """An address that takes one upload: a form with these fields, the file last, named `file`."""

    url: str
    fields: Mapping[str, str]


class Objects(Protocol):
    """The object store.

    `Unavailable` from any method means that it is not known what is stored.
    """

    def put(
        self,
        key: ObjectKey,
        content: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Stores an object if there is none; False, and nothing written, if there is one.

        That may be its own: a first try whose answer was lost.
        """
        ...

    def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
        """Returns an object, or None; raises `Refused` (too_large) for more than `at_most`
        bytes."""
        ...

    def delete(self, key: ObjectKey) -> None:
        """Deletes an object, if there is one; the bucket keeps it as an old version for a while."""
        ...

    def link(self, key: ObjectKey, *, filename: str, expires_in: timedelta) -> str:
        """Returns an address from which anybody can download an object, under `filename`, until it
        expires.

        It is made without asking whether there is such an object.
        """
        ...

    def upload_link(
        self, key: ObjectKey, *, content_type: str, at_most: int, expires_in: timedelta
    ) -> Upload:
        """Returns an address that takes an object of this type and 1 to `at_most` bytes, until it
        expires.

        It replaces an object that is there: such a key is drawn for one upload.
        """
        ...


def check_object(content: bytes, content_type: str, metadata: Mapping[str, str]) -> None:
    """Asserts what every store holds an object to, so that none takes what S3 would refuse."""
    assert len(content) <= OBJECT_MOST_BYTES, "no object is larger"
    assert _TYPE.fullmatch(content_type), content_type
    assert all(map(_NAME.fullmatch, metadata)), "S3 lowers the names of metadata"
    words = "".join((*metadata, *metadata.values()))
    assert words.isascii() and words.isprintable(), "metadata travels in headers"
    assert len(words) <= METADATA_MOST_BYTES, "S3 takes no more metadata"


def check_link(filename: str, expires_in: timedelta) -> None:
    """Asserts what every download link is held to."""
    assert _FILENAME.fullmatch(filename), "the name travels in a header"
    assert timedelta() < expires_in <= LINK_MOST, "a link expires before what signs it"


def check_upload(content_type: str, at_most: int, expires_in: timedelta) -> None:
    """Asserts what every upload link is held to."""
    assert _TYPE.fullmatch(content_type), content_type
    assert 0 < at_most <= OBJECT_MOST_BYTES, "no object is larger"
    assert timedelta() < expires_in <= LINK_MOST, "a link expires before what signs it"
