"""The address and API key of `perennial login`, in the user's own folder for configuration.

The file can be read by its owner alone. `PERENNIAL_API_KEY` with `PERENNIAL_ADDRESS` come first:
they are for machines that have no home.
"""

import json
import os
import secrets
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any

import typer

from billing.kernel.values import Value

KEY = "PERENNIAL_API_KEY"
ADDRESS = "PERENNIAL_ADDRESS"
LOCAL = "http://127.0.0.1:3000"


class SavedError(Exception):
    """A login that is missing, or kept where others can read it; the message says what to do."""


class Login(Value):
    """An installation and a key; `secret` signs the events of `listen` and `trigger`."""

    address: str
    api_key: str
    secret: str


def path() -> Path:
    """Returns the file's place on this system."""
    return Path(typer.get_app_dir("perennial")) / "login.json"


def new(address: str, api_key: str) -> Login:
    return Login(address, api_key, "whsec_" + b64encode(secrets.token_bytes(24)).decode())


def save(login: Login) -> Path:
    """Writes the file for its owner alone, or not at all."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    content = {"address": login.address, "api_key": login.api_key, "secret": login.secret}
    try:
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(content, out)
        written.replace(file)
    finally:
        written.unlink(missing_ok=True)
    return file


def load() -> Login:
    """Returns the login in use. Raises `SavedError`."""
    if key := os.environ.get(KEY):
        return Login(os.environ.get(ADDRESS, LOCAL), key, os.environ.get("PERENNIAL_SECRET", ""))
    file = path()
    try:
        mode = file.stat().st_mode
        found: Any = json.loads(file.read_text("utf-8"))
        login = Login(found["address"], found["api_key"], found["secret"])
    except FileNotFoundError:
        raise SavedError("you aren't signed in. Run `perennial login`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SavedError(f"{file} can't be read. Run `perennial login` again") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SavedError(f"{file} can be read by others. Run `chmod 600 {file}`, or log in again")
    return login


def forget() -> bool:
    """Removes the file; returns whether there was one."""
    file = path()
    is_there = file.exists()
    file.unlink(missing_ok=True)
    return is_there
