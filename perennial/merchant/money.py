"""The commands of money: a refund, an export, what will be charged."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from perennial.merchant.terminal import (
    Json,
    asking,
    cell,
    get,
    money,
    read,
    segment,
    show_list,
    show_one,
)
from perennial.operator.terminal import refused, say
from perennial_client import PerennialError
from perennial_client.retries import IDEMPOTENCY_KEY

LOOK_EVERY_SECONDS = 2.0
LONGEST_SECONDS = 3600.0


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(refund)
    app.command("export")(export_rows)
    app.command()(forecast)


def refund(
    order: Annotated[str, typer.Argument(help="Order id of the payment.")],
    amount: Annotated[
        int | None, typer.Option(min=1, help="Minor units, such as 500 for 5.00. Default: all.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Reason, for your records.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask whether to do it.")] = False,
    key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="The same key is the same refund, for ever."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Refund a payment, wholly or in part. Shows it and asks first.

    Example: perennial refund 7K2M-94QX-3B --amount 500
    """
    body = {n: v for n, v in {"amount": amount, "reason": reason}.items() if v is not None}
    named = {"amount": "--amount", "reason": "--reason", "path": "order"}
    named[IDEMPOTENCY_KEY] = "--idempotency-key"
    with asking(**named) as api:
        path = f"/v1/orders/{segment(order, 'order')}"
        paid = get(api, path)
    if not yes:
        given = (
            "all that is left" if amount is None else money({**paid["amount"], "amount": amount})
        )
        say(f"{paid['kind']} of {money(paid['amount'])} to {cell(paid.get('email'))}")
        typer.confirm(f"Refund {given}?", abort=True, err=True)
    with asking(**named) as api:
        headers = {} if key is None else {IDEMPOTENCY_KEY: key}
        done = read(api.post(f"{path}/refund", json=body, headers=headers))
    if done.get("state") and not as_json:
        say("It is recorded, and is finished without being asked for again.")
    show_one(done, as_json=as_json)


def export_rows(
    what: Annotated[
        str, typer.Argument(help="subscriptions, customers, orders, invoices, ledger or consents.")
    ],
    to: Annotated[Path | None, typer.Option(help="File to write. Default: <what>.<form>.")] = None,
    form: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    since: Annotated[str | None, typer.Option("--from", help="Earliest day.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last day.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Export all of something to a file that you alone can read.

    Example: perennial export orders --format jsonl --to orders.jsonl
    """
    file = to or Path(f"{Path(what).name}.{Path(form).name}")
    if file.exists() and not force:
        raise refused(f"--to: {file} exists. Replace it with --force")
    body = {"what": what, "format": form, "from": since, "to": until}
    named = {"what": "what", "format": "--format", "from": "--from", "to": "--until"}
    with asking("the export", **named) as api:
        sent = {name: value for name, value in body.items() if value is not None}
        done = _finished(api, read(api.post("/v1/exports", json=sent)))
        size = _download(done["urls"] or [done["url"]], file)
    shown = {"id": done["id"], "rows": done["done"], "file": str(file), "bytes": size}
    show_one(shown, as_json=as_json)


def _finished(api: httpx.Client, job: Any) -> Any:
    """Waits for an export, and says every few seconds how far it is."""
    begun = said_at = time.monotonic()
    while job["state"] in {"queued", "running"}:
        if time.monotonic() - begun > LONGEST_SECONDS:
            raise PerennialError(f"export {job['id']} is not done after an hour. It goes on")
        if time.monotonic() - said_at > 2 * LOOK_EVERY_SECONDS:
            said_at = time.monotonic()
            say(f"{job['done']} of {cell(job['of'])} rows")
        time.sleep(LOOK_EVERY_SECONDS if time.monotonic() - begun > 5 else 0.2)
        job = get(api, f"/v1/exports/{segment(job['id'], 'export')}")
    if job["state"] != "done":
        raise PerennialError(f"export {job['id']} is {job['state']}. Ask the operator")
    return job


def _download(addresses: list[str], file: Path) -> int:
    """Writes parts one after the other; the file appears once it is whole. Sends no key."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for address in addresses:
                with httpx.stream("GET", address, timeout=60) as answer:
                    answer.raise_for_status()
                    for piece in answer.iter_bytes():
                        out.write(piece)
            size = out.tell()
        part.replace(file)
    except httpx.HTTPError as error:
        raise PerennialError(f"the file could not be fetched: {error}") from error
    except OSError as error:
        raise ValueError(f"--to: {file} can't be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def forecast(
    to: Annotated[str, typer.Option(help="Last day, such as 2026-12-31.")],
    as_json: Json = False,
) -> None:
    """Show what would be charged from now on, per day and currency. Charges nothing.

    Example: perennial forecast --to 2026-12-31
    """
    with asking(to="--to") as api:
        found = get(api, "/v1/forecast", to=to)
        show_list(found["data"], ("date", "amount", "charges"), as_json=as_json)
    if not as_json:
        for total in found["totals"]:
            print(f"in all      {money(total['amount'])}  {total['charges']}")
    if not found["complete"]:
        print("There is more than is counted at once.", file=sys.stderr)
