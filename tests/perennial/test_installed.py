"""`pip install .` brings what the command line imports."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADS = """
import sys
import perennial.cli, perennial.audit, perennial.deploy, perennial.regions, perennial.restore
print(*{name.partition(".")[0] for name in sys.modules})
"""


def installed_with(names: set[str]) -> set[str]:
    """Distributions that these bring, without their extras."""
    found: set[str] = set()
    while names:
        name = names.pop()
        found.add(name)
        try:
            wanted = requires(name) or []
        except PackageNotFoundError:
            continue
        names |= {named(each) for each in wanted if "extra ==" not in each} - found
    return found


def named(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_what_the_command_line_imports_is_installed_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    path = [str(ROOT / each) for each in ("layers/common", "sdk/python", ".")]
    code = f"import sys; sys.path[:0] = {path!r}\n{LOADS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    distributions = packages_distributions()
    loaded = {
        named(each)
        for top in done.stdout.split()
        if top in distributions
        for each in distributions[top][:1]
    }
    assert {"typer", "httpx", "msgspec"} <= loaded
    optional = {"blinker", "click", "setuptools"}  # others use them where they are there
    assert (
        loaded - optional - installed_with({named(each) for each in project["dependencies"]})
        == set()
    )
