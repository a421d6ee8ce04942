"""The dry run of an import, on a page (M-4, M-6)."""

from __future__ import annotations

from billing.console.web.imports import HERE, title_of
from billing.console.web.pages import Desk, page
from billing.kernel.errors import NotFound
from billing.kernel.money import Money
from billing.migration.flows import dry_run, imports
from billing.web import http


def dry_run_page(desk: Desk, import_id: str) -> http.Answer:
    """Shows the last dry run of an import, or offers one."""
    found = imports.one(desk.ports, desk.merchant, import_id).found
    try:
        run = dry_run.one(desk.ports, desk.merchant, import_id)
    except NotFound:
        run = None
    sums = () if run is None or run.sums is None else run.sums.days
    days = [
        (each, Money(each.minor, each.currency), Money(each.source_minor, each.currency))
        for each in sums
    ]
    named = title_of(desk)
    return page(
        desk, "console/import_dry_run.html", found=found, title_of=named, run=run, days=days
    )


def start_dry_run(desk: Desk, import_id: str) -> http.Answer:
    """Begins a dry run, and shows it."""
    dry_run.begin(desk.ports, desk.session.merchant, import_id, now=desk.now)
    return http.redirect(f"{HERE}/{import_id}/dry-run")
