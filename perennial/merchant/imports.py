"""The command that loads a file of another system's subscriptions."""

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


def declare(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_rows)


def import_rows(
    file: Annotated[Path, typer.Argument(help="File of comma-separated values.")],
    preset: Annotated[str, typer.Option(help="Columns that it has: canonical or a system's.")] = (
        "canonical"
    ),
    as_json: Json = False,
) -> None:
    """Check a file for import, and show what blocks it. Nothing is charged, nothing is changed.

    Example: perennial import subscriptions.csv --preset canonical
    """
    content = _content(file)
    with asking("the import", preset="--preset", path="file") as api:
        found = _checked(api, _begun(api, content, preset))
        show_one(found, as_json=as_json)
        if refusal := found.get("refused"):
            raise PerennialError(f"file: {refusal['text']}")
        if found["blocking"]:
            path = f"/v1/imports/{segment(found['id'], 'import')}/rows"
            for row in every(api, path, limit=_SHOWN, result="blocking"):
                say(json.dumps(row))
            raise typer.Exit(1)


def _begun(api: httpx.Client, content: bytes, preset: str) -> Any:
    headers = {"Content-Type": "text/csv"}
    try:
        return read(
            api.post("/v1/imports", params={"preset": preset}, content=content, headers=headers)
        )
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
