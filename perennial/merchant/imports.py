"""The command that loads a file of another system's subscriptions."""

import json
from pathlib import Path
from typing import Annotated

import typer

from perennial.merchant.terminal import Json, asking, every, read, segment, show_one
from perennial.operator.terminal import refused, say
from perennial_client import NotFound, PerennialError

LARGEST_BYTES = 4_000_000
"""The largest file of one request (CONTRACT.md)."""
_SHOWN = 20


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
    """Load a file and show what blocks its import. Nothing is sold or charged by that.

    Example: perennial import subscriptions.csv --preset canonical
    """
    content = _content(file)
    with asking("the import", preset="--preset", path="file") as api:
        try:
            found = read(
                api.post(
                    "/v1/imports",
                    params={"preset": preset},
                    content=content,
                    headers={"Content-Type": "text/csv"},
                )
            )
        except NotFound as error:
            raise PerennialError("this installation has no imports") from error
        show_one(found, as_json=as_json)
        if found.get("blocking"):
            path = f"/v1/imports/{segment(found['id'], 'import')}/rows"
            for row in every(api, path, limit=_SHOWN, result="blocking"):
                say(json.dumps(row))
            raise typer.Exit(1)


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
