"""Registers each room's kinds of background job under the name that is stored with a job."""

from __future__ import annotations

from collections.abc import Mapping

from billing.accounts.flows import account_life, align, closing
from billing.customers.flows import index_lists
from billing.figures.flows import rebuild
from billing.gateway_events.flows import lost_events
from billing.jobs.flows.steps import Kind
from billing.migration import moving
from billing.migration.flows import cut_over, dry_run, export, precheck, undo
from billing.rebill.flows import forecast_rollup
from billing.webhooks.flows import recover, resend

KINDS: Mapping[str, Kind] = {
    account_life.ALIGN: align.ALIGN,
    account_life.ERASE: closing.ERASE,
    rebuild.JOB: rebuild.REBUILD,
    rebuild.NIGHTLY: rebuild.CHECK,
    index_lists.JOB: index_lists.INDEX,
    export.JOB: export.EXPORT,
    moving.JOB: cut_over.MOVE,
    moving.UNDO: undo.UNDO,
    dry_run.JOB: dry_run.DRY_RUN,
    precheck.JOB: precheck.CHECK_FILE,
    lost_events.JOB: lost_events.LOOK,
    forecast_rollup.NIGHTLY: forecast_rollup.LOOK,
    forecast_rollup.JOB: forecast_rollup.ADD_UP,
    recover.JOB: recover.RECOVER,
    resend.JOB: resend.REPLAY,
}
"""The kinds of job; a name stays for as long as there may be a job of it."""
