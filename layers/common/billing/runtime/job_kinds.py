"""Registers each room's kinds of background job under the name that is stored with a job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from billing.accounts.flows import account_life, align, closing
from billing.customers.flows import index_lists
from billing.event_log.flows import append
from billing.figures.closing import DayFigures
from billing.figures.flows import rebuild
from billing.gateway_events.flows import lost_events
from billing.jobs.flows.steps import Kind
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.writes import Insert, Write
from billing.migration import moving
from billing.migration.flows import (
    cut_over,
    dry_run,
    erase_rows,
    export,
    listing,
    precheck,
    shadow,
    undo,
)
from billing.operations.flows import samples
from billing.plans.flows import announce_price
from billing.rebill.flows import forecast_rollup
from billing.webhooks.flows import fan_out, recover, resend


def _log_day_closed(
    ports: Ports, merchant: Merchant, closed: DayFigures, now: datetime
) -> tuple[Write, ...]:
    """Returns the writes that log a closed day, for readers and endpoints."""
    from billing.figures.web import shapes  # the shapes of /v1, which few jobs need

    logged = append.day_closed(ports, merchant.id, shapes.day_closed(closed), now)
    if merchant.webhooks_since is None:
        return (Insert(logged),)
    return fan_out.writes_of(ports, logged)


KINDS: Mapping[str, Kind] = {
    account_life.ALIGN: align.ALIGN,
    account_life.ERASE: closing.ERASE,
    rebuild.JOB: rebuild.REBUILD,
    rebuild.NIGHTLY: rebuild.check(_log_day_closed),
    index_lists.JOB: index_lists.INDEX,
    export.JOB: export.EXPORT,
    moving.JOB: cut_over.MOVE,
    moving.UNDO: undo.UNDO,
    dry_run.JOB: dry_run.DRY_RUN,
    erase_rows.JOB: erase_rows.ERASE_ROWS,
    shadow.JOB: shadow.SHADOW,
    listing.JOB: listing.LIST,
    precheck.JOB: precheck.CHECK_FILE,
    lost_events.JOB: lost_events.LOOK,
    forecast_rollup.NIGHTLY: forecast_rollup.LOOK,
    forecast_rollup.JOB: forecast_rollup.ADD_UP,
    announce_price.JOB: announce_price.ALL,
    recover.JOB: recover.RECOVER,
    resend.JOB: resend.REPLAY,
    samples.NIGHTLY: samples.LOOK,
}
"""The kinds of job; a name stays for as long as there may be a job of it."""
