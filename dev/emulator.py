"""The AWS API under `make run`: one ministack process, which outlives ours when ours is killed.

It keeps its state in memory and saves it only when it is asked to stop. So it runs in a session
of its own, where Ctrl-C does not reach it, and the next `make run` attaches to one that still
answers. Only `stop` ends it, and never by force.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from dev import saved
from dev.template import REGION

_START_SECONDS = 30
_STOP_SECONDS = 60


class EmulatorError(Exception):
    """The emulator did not start, or did not stop, in time."""


class Emulator:
    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._program = program
        self._record = folder / "running.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def attach_or_start(self) -> bool:
        """Attaches to the emulator or starts it; True when one from an earlier run was still
        there.
        """
        recorded = saved.read(self._record)
        self._pid, self._port = recorded.get("pid", 0), recorded.get("port", 0)
        if self._pid and self.is_running():
            # It may still be starting, or saving its state after it was asked to stop.
            if self._answers(within_seconds=10):
                return True
            self._wait_until_gone()
        self._start()
        return False

    def is_running(self) -> bool:
        """Returns whether the recorded process is there, and still is ministack: pids are
        used again.
        """
        if self._process is not None:
            return self._process.poll() is None
        return "ministack" in _command_of(self._pid)

    def stop(self) -> None:
        if self.is_running():
            os.kill(self._pid, signal.SIGTERM)
            self._wait_until_gone()
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self._temporary, ignore_errors=True)

    @property
    def _temporary(self) -> Path:
        return self._folder / "tmp"

    def _start(self) -> None:
        if not Path(self._program).exists():
            raise EmulatorError(f"{self._program} is not there; make run installs it")
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        self._port = _free_port(preferred=self._port)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid = self._process.pid
        saved.write(self._record, {"pid": self._pid, "port": self._port})
        if not self._answers(within_seconds=_START_SECONDS):
            self.stop()
            raise EmulatorError(f"ministack does not answer; see {self._folder / 'log'}")

    def _environment(self) -> dict[str, str]:
        """Returns an environment without the caller's AWS settings and other listeners' ports."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder / "objects"),
            "TMPDIR": str(self._temporary),
            "LOG_LEVEL": "WARNING",
            # On by default, the MQTT broker listens on every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # At start it removes what it takes for its own containers; keep it off a real daemon.
            "DOCKER_HOST": f"unix://{self._temporary}/no-docker",
        }

    def _answers(self, within_seconds: float) -> bool:
        ends = time.monotonic() + within_seconds
        while time.monotonic() < ends and self.is_running():
            try:
                ready = f"{self.url}/_ministack/ready"
                with urllib.request.urlopen(ready, timeout=2):  # nosec B310
                    return True
            except OSError:
                time.sleep(0.05)
        return False

    def _wait_until_gone(self) -> None:
        ends = time.monotonic() + _STOP_SECONDS
        while self.is_running():
            if time.monotonic() > ends:
                raise EmulatorError(f"ministack (process {self._pid}) is still saving its state")
            time.sleep(0.05)


def _command_of(pid: int) -> str:
    """Returns the command of a process; empty when there is none, or only what is left of one."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            return ""
    asked = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def _free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmulatorError("there is no free port on 127.0.0.1")
