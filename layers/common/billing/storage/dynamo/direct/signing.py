"""Signs requests to DynamoDB with AWS Signature Version 4."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

TARGET = "DynamoDB_20120810."
CONTENT_TYPE = "application/x-amz-json-1.0"


class Credentials(NamedTuple):
    """A key of AWS, until when it is valid, and the session token that goes with it."""

    key_id: str
    secret: str
    token: str | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.key_id[:4]}...)"


class Signer:
    """Makes the headers of requests to one host and region."""

    def __init__(self, host: str, region: str) -> None:
        self._host = host
        self._region = region
        self._key: tuple[tuple[str, str], bytes] | None = None

    def headers(
        self, operation: str, body: bytes, credentials: Credentials, at: datetime
    ) -> dict[str, str]:
        """Returns all headers of a request but its length, at a time of UTC."""
        stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {"content-type": CONTENT_TYPE, "host": self._host, "x-amz-date": stamp}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        signed["x-amz-target"] = TARGET + operation
        names = ";".join(signed)  # they are in the order of their names
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in signed.items())
        canonical = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/dynamodb/aws4_request"
        digest = sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        key = self._signing_key(credentials.secret, stamp[:8])
        signature = hmac.new(key, text.encode(), sha256).hexdigest()
        signed["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def _signing_key(self, secret: str, day: str) -> bytes:
        """Returns the key of a day, derived once a day and secret."""
        wanted, kept = (secret, day), self._key
        if kept is not None and kept[0] == wanted:
            return kept[1]
        key = f"AWS4{secret}".encode()
        for part in (day, self._region, "dynamodb", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = (wanted, key)
        return key
