"""The seeds that have ever failed; a test replays them all."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("corpus.txt")


def seeds() -> list[int]:
    """Returns the seeds of the file, one a line; text after a `#` says what the seed found."""
    lines = (line.partition("#")[0].strip() for line in FILE.read_text("utf-8").splitlines())
    return [int(line) for line in lines if line]
