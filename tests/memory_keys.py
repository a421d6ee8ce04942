"""Gateway keys in memory, as the secret store keeps them: as one JSON object for each account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from billing.kernel.gateways import AccountRef


class MemoryKeys:
    """A `KeyStore`; `kept` is what each account's parameter holds."""

    def __init__(self) -> None:
        self.kept: dict[AccountRef, str] = {}

    def read(self, account: AccountRef) -> Mapping[str, Any] | None:
        text = self.kept.get(account)
        found: Mapping[str, Any] | None = None if text is None else json.loads(text)
        return found

    def put(self, account: AccountRef, keys: Mapping[str, Any]) -> None:
        self.kept[account] = json.dumps(dict(keys))

    def remove(self, account: AccountRef) -> None:
        self.kept.pop(account, None)
