"""The commands that read records: the law by region, the audit trail, a restored table."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from perennial import audit as audit_trail
from perennial import installation
from perennial.operator.terminal import Deployed, asking, refused, say

_LOOK_EVERY_SECONDS = 20


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("regions")(show_regions)
    app.command()(audit)
    app.command("restore-drill")(restore_drill)


def show_regions(
    stale: Annotated[
        bool, typer.Option("--stale", help="Only rows not checked for six months.")
    ] = False,
) -> None:
    """Show the law of cancelling, withdrawing and reminding by region, as this version knows it.

    Example: perennial regions --stale
    """
    from perennial import regions

    for line in regions.lines(datetime.now(UTC).date(), stale_only=stale):
        print(line)


def audit(
    merchant: Annotated[
        str, typer.Argument(help="Merchant id, or '*' for changes that affect all.")
    ],
    stack: Deployed,
    on: Annotated[str | None, typer.Option(help="Day in UTC. Default: today.")] = None,
) -> None:
    """List the changes made for a merchant on one day.

    Example: perennial audit harbor-lane --on 2026-01-31 --stack perennial
    """
    try:
        day = date.fromisoformat(on or datetime.now(UTC).date().isoformat())
    except ValueError:
        raise refused("--on must be a day in UTC, such as 2026-01-31") from None
    with asking("the audit table"):
        table = installation.outputs(stack)["AuditTable"]
        found = list(audit_trail.lines(table, merchant, day))
    for line in found:
        print(line)


def restore_drill(
    stack: Deployed,
    at: Annotated[
        str | None, typer.Option(help="Time to restore to. Default: the latest possible.")
    ] = None,
) -> None:
    """Restore the core table to a new table and check it. Changes nothing in use.

    Example: perennial restore-drill --at 2026-01-31T14:59:00Z --stack perennial
    """
    from perennial import restore

    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        raise refused("--at must be a time, such as 2026-01-31T14:59:00Z") from None
    with asking():
        table = installation.outputs(stack)["CoreTable"]
        done = restore.drill(table, moment, every_seconds=_LOOK_EVERY_SECONDS, progress=say)
    for violation in done.wrong:
        print(f"  {violation}")
    print(f"{done.table}: {done.items} items, {len(done.wrong) or 'no'} violations")
    print(f"To switch over, deploy with RestoredStream={done.stream}")
    if done.wrong:
        raise typer.Exit(1)
