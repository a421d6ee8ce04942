"""Finds source files that are too long to be read as one subject.

    python -m dev.file_lengths

Prints a line for each tracked Python file of layers/ and functions/ with more than `LINES_MOST`
lines; exits with 1 if there is any. Files are split by subject, so that their names lead to it.
"""

import sys
from pathlib import Path

from dev.docstrings import ROOT, tracked

LINES_MOST = 320
FOLDERS = ("functions", "layers")


def too_long(files: dict[Path, str]) -> list[tuple[Path, int]]:
    """Returns each source file with too many lines and how many it has; paths from the root."""
    counted = [(path, len(text.splitlines())) for path, text in sorted(files.items())]
    return [
        (path, lines) for path, lines in counted if path.parts[0] in FOLDERS and lines > LINES_MOST
    ]


def main() -> int:
    """Prints each source file that is too long; returns 1 if there is any."""
    found = too_long({path.relative_to(ROOT): path.read_text("utf-8") for path in tracked()})
    for path, lines in found:
        print(f"{path}: {lines} lines, at most {LINES_MOST}: split it by subject")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
