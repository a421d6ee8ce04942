"""Sizes of the tree that releases are compared by: prefixes left in file names, bytes."""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIBLINGS = 3
"""The number of files of one folder whose common first word could be a folder."""


def prefixed(paths: list[Path]) -> list[Path]:
    """Returns the files whose first word, before `_`, is that of a folder above or of siblings.

    A word counts with and without an `s` at its end: `account_life` is in `accounts`.
    """
    siblings: dict[Path, Counter[str]] = defaultdict(Counter)
    for path in paths:
        siblings[path.parent][_first_word(path)] += 1
    return [
        path
        for path in paths
        if "_" in path.stem.strip("_")
        and (
            _first_word(path) in {_singular(part) for part in path.parent.parts}
            or siblings[path.parent][_first_word(path)] >= SIBLINGS
        )
    ]


def _first_word(path: Path) -> str:
    return _singular(path.stem.partition("_")[0])


def _singular(word: str) -> str:
    return word.removesuffix("s")


def described() -> str:
    """Returns the sizes as lines of text."""
    tracked = [Path(name) for name in _git("ls-files", "layers", "functions").split("\n")]
    left = prefixed([path for path in tracked if path.suffix == ".py"])
    lines = [f"prefixes left: {len(left)}", *(f"  {path}" for path in left)]
    for name in ("README.md", "template.yaml"):
        lines.append(f"{name}: {(ROOT / name).stat().st_size} bytes")
    lines.append(f"git objects of HEAD: {_git('rev-list', '--objects', '--disk-usage', 'HEAD')}")
    return "\n".join(lines)


def _git(*args: str) -> str:
    # Whatever git the developer has.
    command = ["git", *args]  # nosec B607
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
