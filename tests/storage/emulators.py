"""DynamoDB emulators as child processes on free ports of the loopback, stopped at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory
from typing import IO

ROOT = Path(__file__).parents[2]
START_SECONDS = 30


def ministack() -> Path | None:
    """Its program, if it is there: `MINISTACK`, or the one installed beside this Python."""
    program = ROOT / os.environ.get("MINISTACK", Path(sys.executable).with_name("ministack"))
    return program if program.exists() else None


def dynamodb_local() -> Path | None:
    """The folder of the jar that PERENNIAL_DYNAMODB_LOCAL names, if there is Java to run it."""
    folder = Path(os.environ.get("PERENNIAL_DYNAMODB_LOCAL", ""))
    there = (folder / "DynamoDBLocal.jar").exists() and shutil.which("java") is not None
    return folder if there else None


@contextmanager
def running_ministack(program: Path) -> Iterator[str]:
    """Its endpoint, while it runs."""
    port = free_port()
    with TemporaryDirectory() as folder:
        settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TMPDIR": folder}
        with running([str(program)], {**os.environ, **settings}, folder, port) as endpoint:
            yield endpoint


@contextmanager
def running_dynamodb_local(folder: Path) -> Iterator[str]:
    """Its endpoint, while it runs."""
    port = free_port()
    program = [
        "java",
        f"-Djava.library.path={folder / 'DynamoDBLocal_lib'}",
        *("-jar", str(folder / "DynamoDBLocal.jar")),
        *("-port", str(port), "-inMemory", "-sharedDb", "-disableTelemetry"),
    ]
    with (
        TemporaryDirectory() as scratch,
        running(program, dict(os.environ), scratch, port) as endpoint,
    ):
        yield endpoint


@contextmanager
def running(
    program: list[str],
    environment: dict[str, str],
    folder: str,
    port: int,
    log: int | IO[bytes] = DEVNULL,
) -> Iterator[str]:
    """Its endpoint, while it runs."""
    process = subprocess.Popen(
        program,
        env=environment,
        cwd=folder,
        stdout=log,
        stderr=log,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen")


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
