"""The health of an account's webhooks: the last event, and the last that was refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from billing.kernel.values import Value

EVENT = "gateway_event"
REFUSAL = "gateway_refusal"
"""Kinds of rows in the ephemeral table."""

EVERY = timedelta(hours=1)
"""The time for which one is enough: no account is written about more often."""

KEPT = timedelta(days=90)
LONGEST = 120


class Noted(Value):
    """An event or a refusal; `what` is the event's type, or the refusal's reason."""

    what: str
    at: datetime

    def written(self) -> str:
        return json.dumps({"what": self.what[:LONGEST], "at": self.at.isoformat()})

    @classmethod
    def read(cls, text: str) -> Noted:
        """Reads what `written` wrote."""
        kept = json.loads(text)
        return cls(kept["what"], datetime.fromisoformat(kept["at"]))
