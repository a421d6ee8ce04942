"""The commands that load another system's subscriptions, and compare them with what it charges."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from perennial.merchant.terminal import Json, asking, every, get, read, segment, show_one
from perennial.operator.terminal import refused, say
from perennial_client import NotFound, PerennialError

LARGEST_BYTES = 4_000_000
"""The largest file of one request (CONTRACT.md)."""
_SHOWN = 20
EVERY_SECONDS = 2.0
LONGEST_TURNS = 1800
UPLOAD_SECONDS = 120.0


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("import")(import_rows)
    app.command("import-shadow")(shadow)


def import_rows(
    file: Annotated[
        Path | None, typer.Argument(help="File of comma-separated values.", show_default=False)
    ] = None,
    preset: Annotated[str, typer.Option(help="Columns that it has: canonical or a system's.")] = (
        "canonical"
    ),
    gateway: Annotated[
        str | None,
        typer.Option("--from", help="Gateway to read subscriptions from, such as stripe."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Your account there, if you have several.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check subscriptions for import, and show what blocks them. Nothing is charged or changed.

    Example: perennial import subscriptions.csv --preset canonical

    Example: perennial import --from stripe
    """
    if (file is None) == (gateway is None):
        raise refused("file: name a file, or a gateway with --from")
    if account is not None and gateway is None:
        raise refused("--account: name its gateway with --from")
    content = None if file is None else _content(file)
    with asking(
        "the import",
        preset="--preset",
        path="file",
        gateway="--from",
        gateway_account="--account",
    ) as api:
        if content is None:
            begun = _began(api, json={"gateway": gateway, "gateway_account": account})
        else:
            headers = {"Content-Type": "text/csv"}
            begun = _began(api, params={"preset": preset}, content=content, headers=headers)
        found = _checked(api, begun)
        show_one(found, as_json=as_json)
        if refusal := found.get("refused"):
            raise PerennialError(f"{'file' if gateway is None else '--from'}: {refusal['text']}")
        if found["blocking"]:
            path = f"/v1/imports/{segment(found['id'], 'import')}/rows"
            for row in every(api, path, limit=_SHOWN, result="blocking"):
                say(json.dumps(row))
            raise typer.Exit(1)


def shadow(
    import_id: Annotated[str, typer.Argument(metavar="IMPORT", help="Import that was checked.")],
    charges: Annotated[
        Path | None,
        typer.Option(help="File of what the source charged; without it, the source is asked."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare what an import would have charged with what its source did. Nothing is charged.

    Example: perennial import-shadow imp_20260131150000abc --charges charges.csv
    """
    content = None if charges is None else _content(charges)
    with asking("the comparison", import_id="import", charges="--charges") as api:
        path = f"/v1/imports/{segment(import_id, 'import')}/shadow"
        upload = None if content is None else _uploaded(api, content)
        found = read(api.post(path, json={"charges": upload}))
        for turn in range(LONGEST_TURNS):
            if found.get("state") not in {"queued", "running"}:
                break
            if turn % 3 == 2:
                say(f"{found['rows']} rows")
            time.sleep(EVERY_SECONDS)
            found = get(api, path)
        show_one(found, as_json=as_json)
        if found["state"] != "done":
            raise PerennialError(f"the comparison of {import_id} is not done. Look again later")
        differences = list(every(api, f"{path}/differences", limit=_SHOWN))
        for each in differences:
            say(json.dumps(each))
        if differences:
            raise typer.Exit(1)


def _uploaded(api: httpx.Client, content: bytes) -> str:
    """Uploads a file, and returns the id of its upload."""
    made = read(api.post("/v1/uploads", json={"bytes": len(content)}))
    try:
        httpx.post(
            made["url"], data=made["fields"], files={"file": content}, timeout=UPLOAD_SECONDS
        ).raise_for_status()
    except httpx.HTTPError as error:
        raise PerennialError(f"the file can't be uploaded: {error}") from error
    return str(made["id"])


def _began(api: httpx.Client, **request: Any) -> Any:
    try:
        return read(api.post("/v1/imports", **request))
    except NotFound as error:
        raise PerennialError("this installation has no imports") from error


def _checked(api: httpx.Client, found: Any) -> Any:
    """Waits until all rows are checked, and says every few seconds how far it is."""
    for turn in range(LONGEST_TURNS):
        if found.get("state") != "checking":
            return found
        if turn % 3 == 2:
            say(f"{found['checked']} of {found['rows']} rows")
        time.sleep(EVERY_SECONDS)
        found = get(api, f"/v1/imports/{segment(found['id'], 'import')}")
    raise PerennialError(f"import {found['id']} is still being checked. It goes on")


def _content(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > LARGEST_BYTES:
            raise refused(f"file: {file} has {size:,} bytes, at most {LARGEST_BYTES:,}. Split it")
        content = file.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        raise refused(f"file: {file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise refused(f"file: {file} is not UTF-8 text") from None
    if not content.strip():
        raise refused(f"file: {file} is empty")
    return content
