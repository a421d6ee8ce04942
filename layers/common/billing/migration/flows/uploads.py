"""Addresses to which large files are uploaded, and files that are sent in a request (M-6)."""

from __future__ import annotations

import re
from datetime import timedelta

from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.objects import Upload
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.migration.imports import BODY_MOST_BYTES, UPLOAD_MOST_BYTES, file_key

CSV_TYPE = "text/csv"
LASTS = timedelta(minutes=30)
"""The time within which an upload must begin."""

_ID = re.compile(r"upl_[A-Za-z0-9]{1,64}")


class Address(Value):
    """An address that takes one file of up to `most_bytes`."""

    id: str
    upload: Upload
    most_bytes: int


def address(ports: Ports, merchant: str, *, size: int | None) -> Address:
    """Returns where a file can be uploaded to; raises `Invalid` where its announced size is too
    large."""
    if size is not None and size > UPLOAD_MOST_BYTES:
        raise Invalid("upload_too_large", field="bytes", most=UPLOAD_MOST_BYTES // 2**20)
    upload = ports.new_id("upl")
    made = ports.objects.upload_link(
        file_key(merchant, upload),
        content_type=CSV_TYPE,
        at_most=UPLOAD_MOST_BYTES,
        expires_in=LASTS,
    )
    return Address(upload, made, UPLOAD_MOST_BYTES)


def keep(ports: Ports, merchant: str, content: bytes) -> str:
    """Keeps a file that was sent in a request; returns the id of its upload."""
    if len(content) > BODY_MOST_BYTES:
        raise Invalid("file_for_upload", field="csv", most=BODY_MOST_BYTES // 2**20)
    if not content.strip():
        raise Invalid("required", field="csv")
    upload = ports.new_id("upl")
    ports.objects.put(file_key(merchant, upload), content, content_type=CSV_TYPE)
    return upload


def content_of(ports: Ports, merchant: str, upload: str, field: str) -> bytes:
    """Returns an uploaded file of a merchant; raises `NotFound` (upload_unknown) where there is
    none, `Invalid` where it is too large."""
    if not _ID.fullmatch(upload):
        raise NotFound("upload_unknown")
    try:
        found = ports.objects.get(file_key(merchant, upload), at_most=UPLOAD_MOST_BYTES)
    except Refused:
        raise Invalid("upload_too_large", field=field, most=UPLOAD_MOST_BYTES // 2**20) from None
    if found is None:
        raise NotFound("upload_unknown")
    return found.content
