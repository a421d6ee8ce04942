"""A built function under Lambda's own runtime interface, without Docker.

`aws-lambda-rie` comes with the SAM command line, the runtime client with `.venv-lambda`. One call
at a time: calls that come together end the emulator.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from billing.kernel.values import Value
from dev.expand import ROOT
from tests.storage.emulators import free_port

START_SECONDS = 30
ANSWER_SECONDS = 60
MACHINE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def emulator() -> Path:
    """The runtime interface emulator that aws-sam-cli carries."""
    (found,) = (ROOT / ".venv-tools").glob(f"lib/*/site-packages/samcli/local/rapid/*-{MACHINE}")
    return found


class Runtime(Value):
    """One function, waiting to be invoked."""

    url: str

    def invoke(self, event: Any) -> Any:
        """Returns the function's answer, or Lambda's form of an error: `errorType` and
        `errorMessage`.
        """
        path = f"{self.url}/2015-03-31/functions/function/invocations"
        with urlopen(Request(path, data=json.dumps(event).encode()), timeout=ANSWER_SECONDS) as ok:
            return json.loads(ok.read())


@contextmanager
def running(
    function: Path, layer: Path, handler: str, environment: Mapping[str, str], log: Path
) -> Iterator[Runtime]:
    """A built function with its layer, as Lambda starts it; no source is on its path."""
    outside, inside = free_port(), free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(emulator()),
                *("--log-level", "error"),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{outside}"),
                *("--runtime-api-address", f"127.0.0.1:{inside}"),
                *(str(ROOT / ".venv-lambda/bin/python"), "-m", "awslambdaric", handler),
            ],
            cwd=function,
            env={
                **kept,
                **environment,
                "LAMBDA_TASK_ROOT": str(function),
                "PYTHONPATH": os.pathsep.join([str(function), str(layer / "python")]),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            _wait_for(outside, process)
            yield Runtime(f"http://127.0.0.1:{outside}")
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        assert process.poll() is None, "the emulator ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the emulator does not listen")
