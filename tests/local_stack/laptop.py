"""`make run` as a test drives it: started, asked over HTTP, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60
ANSWER_SECONDS = 300


class Laptop:
    """One data folder, and the process that serves it, if it lives."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = _free_port()
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> Laptop:
        """Start it, and wait until it answers."""
        path = os.pathsep.join([str(ROOT / "layers" / "common"), str(ROOT)])
        ours = {"PORT": str(self.port), "DATA": str(self.data), "PYTHONPATH": path}
        log = (self.data.parent / f"{self.data.name}.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dev.run"],
            cwd=ROOT,
            env={**os.environ, **self._environment, **ours, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.get("/health")["status"] == "ok":
                    return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError(Path(log.name).read_text()[-4000:])

    def kill(self) -> None:
        """kill -9 of every process of ours; the emulator lives in a session of its own."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def died(self, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until it has died by itself."""
        assert self._process is not None
        self._process.wait(seconds)

    def interrupt(self) -> None:
        """Ctrl-C, and wait until everything is saved."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(60)

    def stop(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is not None:
            # Killed: start once more, so that the emulator is stopped with it.
            self.start()
        self.interrupt()

    @property
    def group(self) -> int:
        """The process group of all processes of ours."""
        assert self._process is not None
        return self._process.pid

    @property
    def key(self) -> str:
        return (self.data / "demo-api-key").read_text().strip()

    def get(self, path: str) -> Any:
        return self.ask("GET", path)[1]

    def post(self, path: str, body: Any) -> Any:
        return self.ask("POST", path, body)[1]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if path.startswith("/v1/"):
            headers["Authorization"] = f"Bearer {self.key}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(
            f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers, method=method
        )
        try:
            with urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def buy(self, price_point: str, email: str, **fields: Any) -> tuple[int, Any]:
        """Send the checkout form."""
        form = {
            "attempt_key": f"attempt-{email}",
            "email": email,
            "name": "Ann Example",
            "address": {"line1": "1 Main Street", "city": "Springfield", "country": "US"},
            "payment_method": "pm_card_visa",
            **fields,
        }
        return self.ask("POST", f"/checkout/{price_point}", form)

    def charges(self) -> list[Any]:
        """The gateway's own ledger, newest first."""
        return list(self.get("/_dev/charges")["data"])

    def mails(self) -> list[Any]:
        """Mails sent, newest first."""
        return list(self.get("/_dev/mail")["data"])

    def now(self) -> datetime:
        """The time on its clock, which a test may have moved on."""
        return datetime.fromisoformat(self.get("/_dev/clock")["now"])

    def pass_a_month(self) -> None:
        self.post("/_dev/clock", {"advance": "P31D"})

    def fetch(self, url: str) -> bytes:
        with urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return bytes(answer.read())

    def all(self, path: str) -> list[Any]:
        """A list, over all its pages."""
        found: list[Any] = []
        cursor = ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self.get(f"{path}{joint}limit=200{cursor}")
            found += page["data"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
