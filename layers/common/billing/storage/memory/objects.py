"""The Objects port in memory, for tests, the simulator and benchmarks.

`open` and `receive` stand in for S3's own web server: they answer a link and an upload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from threading import Lock

from billing.kernel.errors import Refused
from billing.kernel.objects import (
    ObjectKey,
    StoredObject,
    Upload,
    check_link,
    check_object,
    check_upload,
)
from billing.kernel.values import Value, field

ADDRESS = "https://objects.invalid/"
OK, CREATED, BAD, FORBIDDEN, MISSING = 200, 204, 400, 403, 404


class WebAnswer(Value):
    """An answer of the store to a browser that follows a link or uploads."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Permission(Value):
    """The access that one address gives, until it expires."""

    key: str
    expires_at: datetime
    filename: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    at_most: int = 0


class MemoryObjects:
    """Objects in a dict behind a lock; `clock` says when links expire."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._objects: dict[str, StoredObject] = {}
        self._permissions: dict[str, _Permission] = {}
        self._numbers = count(1)

    def put(
        self,
        key: ObjectKey,
        content: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        check_object(content, content_type, metadata or {})
        with self._lock:
            if key.text in self._objects:
                return False
            self._objects[key.text] = StoredObject(content, content_type, dict(metadata or {}))
            return True

    def get(self, key: ObjectKey, *, at_most: int) -> StoredObject | None:
        found = self._objects.get(key.text)
        if found is not None and len(found.content) > at_most:
            raise Refused("file_too_large", code="too_large", count=at_most)
        return found

    def delete(self, key: ObjectKey) -> None:
        with self._lock:
            self._objects.pop(key.text, None)

    def link(self, key: ObjectKey, *, filename: str, expires_in: timedelta) -> str:
        check_link(filename, expires_in)
        return self._permit(_Permission(key.text, self._clock() + expires_in, filename))

    def upload_link(
        self, key: ObjectKey, *, content_type: str, at_most: int, expires_in: timedelta
    ) -> Upload:
        check_upload(content_type, at_most, expires_in)
        fields = {"key": key.text, "Content-Type": content_type}
        permitted = _Permission(
            key.text, self._clock() + expires_in, fields=fields, at_most=at_most
        )
        policy = self._permit(permitted).removeprefix(ADDRESS)
        return Upload(ADDRESS, {**fields, "policy": policy})

    def open(self, url: str) -> WebAnswer:
        """Answers a download link, as S3 does."""
        permitted = self._permitted(url.removeprefix(ADDRESS))
        if permitted is None or permitted.fields:
            return WebAnswer(FORBIDDEN)
        found = self._objects.get(permitted.key)
        if found is None:
            return WebAnswer(MISSING)
        saved_as = f'attachment; filename="{permitted.filename}"'
        headers = {"content-type": found.content_type, "content-disposition": saved_as}
        return WebAnswer(OK, found.content, headers)

    def receive(self, url: str, fields: Mapping[str, str], content: bytes) -> WebAnswer:
        """Answers an upload, as S3 does: held to what its address permits."""
        permitted = self._permitted(fields.get("policy", ""))
        given = {name: text for name, text in fields.items() if name != "policy"}
        if url != ADDRESS or permitted is None or given != permitted.fields:
            return WebAnswer(FORBIDDEN)
        if not 0 < len(content) <= permitted.at_most:
            return WebAnswer(BAD)
        with self._lock:
            self._objects[permitted.key] = StoredObject(content, given["Content-Type"])
        return WebAnswer(CREATED)

    def _permit(self, permission: _Permission) -> str:
        """Keeps a permission under a name that nobody guesses from another one."""
        name = sha256(f"{next(self._numbers)} {permission}".encode()).hexdigest()
        self._permissions[name] = permission
        return ADDRESS + name

    def _permitted(self, name: str) -> _Permission | None:
        found = self._permissions.get(name)
        return None if found is None or self._clock() >= found.expires_at else found
