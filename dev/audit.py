"""`make audit`: looks for known vulnerabilities in what is pinned, and names what it could not
check.

pip-audit calls a package that its database does not know "skipped", and then reports that nothing
was found. Here what was not checked is no success: 0 is checked and clean, 1 is vulnerable, 2 is
that something could not be checked.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CLEAN, VULNERABLE, UNCHECKED = 0, 1, 2
_ROOT = Path(__file__).parent.parent
_SECONDS = 600


def main(files: Sequence[Path], program: str | None) -> int:
    """Audits each file; returns the worst result."""
    if program is None:
        print("Not checked: there is no pip-audit on PATH. `pipx install pip-audit` brings one.")
        return UNCHECKED
    results = [_audit(program, file) for file in files]
    if VULNERABLE in results:
        return VULNERABLE
    return max(results, default=UNCHECKED)


def _audit(program: str, file: Path) -> int:
    options = ["--format", "json", "--progress-spinner", "off", "--disable-pip", "--require-hashes"]
    try:
        ended = subprocess.run(
            [program, *options, "-r", str(file)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        found = json.loads(ended.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        print(f"{file.name}: not checked, pip-audit gave no answer.")
        return UNCHECKED
    return _judged(file.name, found)


def _judged(name: str, found: Sequence[dict[str, Any]]) -> int:
    vulnerable = [one for one in found if one.get("vulns")]
    skipped = [one["name"] for one in found if "vulns" not in one]
    for one in vulnerable:
        ids = ", ".join(each["id"] for each in one["vulns"])
        print(f"{name}: {one['name']} {one['version']} has {ids}")
    if skipped or not found:
        print(f"{name}: {len(skipped)} of {len(found)} not checked: {', '.join(skipped[:5])} ..")
    if vulnerable:
        return VULNERABLE
    if skipped or not found:
        return UNCHECKED
    print(f"{name}: {len(found)} packages, none with a known vulnerability.")
    return CLEAN


if __name__ == "__main__":
    pinned = [_ROOT / "layers/common/requirements.txt", *sorted(_ROOT.glob("requirements/*.txt"))]
    sys.exit(main(pinned, shutil.which("pip-audit")))
