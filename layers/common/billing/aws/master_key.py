"""The installation's master key, a SecureString in SSM Parameter Store (M-5).

It is drawn with the first endpoint and never changes, for the secrets of all endpoints are derived
from it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from billing.kernel.errors import Unavailable

BYTES = 32


class ParameterMasterKey:
    """The `MasterKey` port over one parameter; read once for a process."""

    def __init__(
        self, stage: str, connect: Callable[[], Any], draw: Callable[[int], bytes]
    ) -> None:
        self._name = f"/perennial/{stage}/-/webhooks/master"
        self._connect = connect
        self._draw = draw
        self._client: Any = None
        self._key: bytes | None = None

    def __call__(self, *, create: bool = False) -> bytes:
        if self._key is None:
            self._key = self._read(create)
        return self._key

    def _read(self, create: bool) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        self._client = self._client or self._connect()
        try:
            return self._stored()
        except ClientError as error:
            missing = error.response["Error"]["Code"] == "ParameterNotFound"
            if not (missing and create):
                raise Unavailable("No master key could be read.", code="no_keys") from error
        except BotoCoreError as error:
            raise Unavailable("No master key could be read.", code="no_keys") from error
        return self._made()

    def _stored(self) -> bytes:
        answer = self._client.get_parameter(Name=self._name, WithDecryption=True)
        try:
            key = b64decode(answer["Parameter"]["Value"], validate=True)
        except ValueError:
            key = b""
        if len(key) != BYTES:
            # The message leaves out the value: a malformed key is still a secret.
            raise Unavailable("The master key is malformed.", code="no_keys")
        return key

    def _made(self) -> bytes:
        """Draws the key; where another process was first, that one's counts."""
        from botocore.exceptions import BotoCoreError, ClientError

        drawn = b64encode(self._draw(BYTES)).decode()
        try:
            self._client.put_parameter(
                Name=self._name, Value=drawn, Type="SecureString", Overwrite=False
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterAlreadyExists":
                raise Unavailable("No master key could be kept.", code="no_keys") from error
        except BotoCoreError as error:
            raise Unavailable("No master key could be kept.", code="no_keys") from error
        try:
            return self._stored()
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("No master key could be read.", code="no_keys") from error
