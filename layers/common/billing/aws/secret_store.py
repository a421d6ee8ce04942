"""Keeps merchants' gateway keys as SecureStrings in SSM Parameter Store.

`/perennial/<stage>/<merchant>/<gateway>/<account>` holds one JSON object per gateway account, which
the gateway's adapter reads. Cached for five minutes at most, so that rotated keys come into use by
themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from billing.kernel.errors import Unavailable
from billing.kernel.gateways import AccountRef

KEPT = timedelta(minutes=5)


class ParameterSecrets:
    """The secrets of one stage; `connect` makes an SSM client when the first is read."""

    def __init__(
        self, stage: str, connect: Callable[[], Any], clock: Callable[[], datetime]
    ) -> None:
        self._stage = stage
        self._connect = connect
        self._clock = clock
        self._client: Any = None
        self._kept: dict[AccountRef, tuple[datetime, Mapping[str, Any]]] = {}

    def of(self, account: AccountRef) -> Callable[[bool], Mapping[str, Any]]:
        """Returns a reader of one account's secrets; called with True, it skips the cache."""
        return lambda fresh: self.read(account, fresh=fresh)

    def read(self, account: AccountRef, *, fresh: bool = False) -> Mapping[str, Any]:
        """Returns an account's secrets; raises `Unavailable` where they are missing, unreadable or
        unreachable.

        That does not make the account gone for existing purchases: only its merchant can remove it.
        """
        now = self._clock()
        kept = self._kept.get(account)
        if kept is not None and not fresh and now - kept[0] < KEPT:
            return kept[1]
        secrets = self._fetch(account)
        self._kept[account] = (now, secrets)
        return secrets

    def _fetch(self, account: AccountRef) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        name = _name(self._stage, account)
        self._client = self._client or self._connect()
        try:
            answer = self._client.get_parameter(Name=name, WithDecryption=True)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"No keys could be read at {name}.", code="no_keys") from error
        try:
            secrets = json.loads(answer["Parameter"]["Value"])
        except ValueError:
            secrets = None
        if not isinstance(secrets, dict):
            # The message leaves out the value and the error: a malformed value is still a secret.
            raise Unavailable(f"What is at {name} is no JSON object.", code="no_keys")
        return secrets


class ParameterKeys:
    """A `KeyStore` over the same parameters, of the one function that may write them.

    An error names the parameter and never its value.
    """

    def __init__(self, stage: str, connect: Callable[[], Any]) -> None:
        self._stage = stage
        self._connect = cache(connect)

    def read(self, account: AccountRef) -> Mapping[str, Any] | None:
        """Returns an account's keys, afresh; None where there are none, or none that can be
        read."""
        found = self._call("get_parameter", account, WithDecryption=True)
        try:
            keys = json.loads(found["Parameter"]["Value"]) if found else None
        except ValueError:
            return None
        return keys if isinstance(keys, dict) else None

    def put(self, account: AccountRef, keys: Mapping[str, Any]) -> None:
        self._call(
            "put_parameter",
            account,
            Value=json.dumps(dict(keys)),
            Type="SecureString",
            Overwrite=True,
        )

    def remove(self, account: AccountRef) -> None:
        self._call("delete_parameter", account)

    def _call(self, operation: str, account: AccountRef, **parameters: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        name = _name(self._stage, account)
        try:
            return getattr(self._connect(), operation)(Name=name, **parameters)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "ParameterNotFound":
                return None
            raise Unavailable(f"{operation} failed at {name}: {code}.", code="no_keys") from None
        except BotoCoreError as error:
            kind = type(error).__name__
            raise Unavailable(f"{operation} failed at {name}: {kind}.", code="no_keys") from None


def _name(stage: str, account: AccountRef) -> str:
    return f"/perennial/{stage}/{account.merchant}/{account.gateway}/{account.account}"
