"""The seeds that ever failed; a test replays them all."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("corpus.txt")


def seeds() -> list[int]:
    """One a line; what follows a `#` says what it found."""
    lines = (line.partition("#")[0].strip() for line in FILE.read_text("utf-8").splitlines())
    return [int(line) for line in lines if line]
