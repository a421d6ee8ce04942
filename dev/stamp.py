"""Marks a built template as one deployment, so that it goes live whatever changed in it.

    python -m dev.stamp .aws-sam/build/template.yaml

A function's version is published when its properties change as the template has them; another value
of a parameter is no such change. The stamp is.
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

_STAMP = re.compile(r"^(\s+DEPLOYMENT:) .*$", re.MULTILINE)


def stamped(template: str, mark: str) -> str:
    """Returns the template with this mark; raises `ValueError` where there is no place for it."""
    text, times = _STAMP.subn(rf'\1 "{mark}"', template)
    if times != 1:
        raise ValueError(f"the template has {times} lines DEPLOYMENT, and should have one")
    return text


def main(path: Path) -> None:
    mark = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    path.write_text(stamped(path.read_text(encoding="utf-8"), mark), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
