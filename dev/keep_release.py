"""Keeps what reads and writes items in this release, for the tests of two versions at once.

    python -m dev.keep_release

Writes tests/storage/releases/<version>.zip: the modules of `billing` that storing needs, and no
others. Run it when a release is made; the tests then hold every later change to it.
"""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "layers" / "common"
RELEASES = ROOT / "tests" / "storage" / "releases"

LIST_MODULES = """
import sys
from billing.storage import entity_classes
from billing.storage.dynamo import items, writes
for name in entity_classes.ENTITIES:
    entity_classes.class_of(name)
for name, module in sorted(sys.modules.items()):
    if name.split(".")[0] == "billing" and getattr(module, "__file__", None):
        print(module.__file__)
"""


def kept(layer: Path) -> list[Path]:
    """Returns the source files that storing an entity imports."""
    command = [sys.executable, "-c", LIST_MODULES]
    listed = subprocess.run(
        command, env={"PYTHONPATH": str(layer)}, capture_output=True, check=True, text=True
    )
    return [Path(line) for line in listed.stdout.split()]


def write(layer: Path, target: Path) -> None:
    """Writes the archive; the same sources give the same bytes."""
    with zipfile.ZipFile(target, "w") as archive:
        for source in kept(layer):
            name = zipfile.ZipInfo(str(source.relative_to(layer)))
            name.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(name, source.read_bytes())


def main() -> int:
    """Keeps the present tree, or another tree's layer if its folder and version are given."""
    if len(sys.argv) == 3:
        layer, version = Path(sys.argv[1]), sys.argv[2]
    else:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        layer, version = LAYER, str(project["version"])
    target = RELEASES / f"{version}.zip"
    write(layer, target)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
