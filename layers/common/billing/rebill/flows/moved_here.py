"""Asks the source of an imported subscription, once before its first charge, if it ended there.

Its customer may still cancel at the site where they bought it; the source is stopped, and tells
nobody here (M-6). What was charged here once is cancelled there, and is not asked about again.
"""

from __future__ import annotations

from datetime import datetime

from billing.cancel.flows import cancel
from billing.kernel.errors import Conflict, NotFound, Refused, Unavailable
from billing.kernel.gateways import AccountRef
from billing.kernel.live_sources import Obstacle, SourceState, row_of
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, Subscription, When


def ended_there(ports: Ports, subscription: Subscription) -> bool | None:
    """Tests whether a subscription has ended at its source, or is to; None where that is not known.

    False for what was not imported, was charged here before, or has no source that can be asked.
    """
    imported = row_of(subscription.id)
    if imported is None or subscription.last_charged_on is not None:
        return False
    row = ports.store.imported_row(subscription.merchant, *imported)
    if row is None:
        return False
    # Its customer may have given a card here since, at another account than where it came from.
    named = row.columns.get("gateway"), row.columns.get("gateway_account")
    gateway, account = named[0] or subscription.gateway, named[1] or subscription.gateway_account
    try:
        source = ports.source(AccountRef(subscription.merchant, gateway, account))
        live = None if source is None else source.find(row.external_id)
    except NotFound:
        return False
    except Unavailable:
        return None
    if live is None or live.mark != imported[0]:
        return False
    return live.state is SourceState.ENDED or Obstacle.ENDS in live.obstacles


def end(ports: Ports, subscription: Subscription, now: datetime) -> bool:
    """Ends it here too, uncharged; False where another writer came first."""
    try:
        cancel.request(ports, subscription, when=When.NOW, source=Source.GATEWAY, now=now)
    except (Conflict, Refused):
        return False
    return True
