"""Builds the source tree with `sam build`."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest

from dev.expand import ROOT


def packaged() -> Path:
    """Builds the package that is deployed; returns its folder."""
    return _made("build", ROOT / ".aws-sam" / "build")


def runnable() -> Path:
    """The same, for the processor of this machine."""
    return _made("build-here", ROOT / ".aws-sam" / "here" / "build")


def _made(target: str, folder: Path) -> Path:
    with (ROOT / "Makefile").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # tests run side by side, and wait for one build
        done = subprocess.run(["make", "-s", target], cwd=ROOT, capture_output=True, text=True)
    if "there is none here" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder
