"""The commands that sign in and out."""

import getpass
import sys
from typing import Annotated

import typer

from perennial.merchant import saved
from perennial.merchant.terminal import REPEATS, read, why
from perennial.operator.terminal import refused
from perennial.progress import waiting
from perennial_client import Forbidden, PerennialError, connect


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(login)
    app.command()(logout)


def login(
    address: Annotated[
        str, typer.Option(help="Address of the installation. Default: the local `make run`.")
    ] = saved.LOCAL,
) -> None:
    """Sign in with an API key, and keep it for the other commands. Prompts for it, or reads it.

    Example: perennial login --address https://billing.example.com
    """
    key = _typed_key()
    if not key.startswith("sk_") or not key.isascii() or not key.isprintable() or len(key) > 255:
        raise refused("an API key begins with sk_. Create one in the console under Keys")
    try:
        with waiting("an answer"), connect(key, address, repeats=REPEATS) as api:
            found = read(api.get("/v1/products", params={"limit": 1}))
            if not isinstance(found, dict) or "data" not in found:
                raise ValueError(f"{address} is not a Perennial installation")
    except Forbidden as error:
        if error.code != "scope_missing":
            raise refused(error.detail) from error
    except (PerennialError, ValueError) as error:
        raise refused(f"--address: {why(error, {})}") from error
    file = saved.save(saved.new(address.rstrip("/"), key))
    print(f"Signed in to {address}. The key is in {file}")


def logout() -> None:
    """Forget the API key. It stays valid: revoke it in the console if it was seen.

    Example: perennial logout
    """
    print("Signed out." if saved.forget() else "You weren't signed in.")


def _typed_key() -> str:
    typed = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    return typed.strip()
