"""Writes the API document, generates both SDKs from it, and compiles the TypeScript one.

    python -m dev.sdk TOOLS

TOOLS is the environment with the generator and Node (`make sdk` has one). Without Node the
TypeScript SDK is left out, and that is said.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from dev.sdk import document, facade

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "sdk" / "python"
TYPESCRIPT = ROOT / "sdk" / "typescript"
DOCUMENT = ROOT / "sdk" / "openapi.json"
OF_PYTHON = ROOT / "sdk" / "openapi.python.json"


def main(tools: Path) -> int:
    """Generates; returns 1 where a generator left an operation out."""
    served = document.served()
    # A file of text is text in TypeScript; in Python all files are bytes.
    _write(DOCUMENT, document.for_generators(served))
    _write(OF_PYTHON, document.for_generators(served, document.FILES | document.TEXT_FILES))
    wanted = len(list(document.operations(served)))
    made = _python(tools)
    print(f"sdk/python: {made} of {wanted} operations")
    if made != wanted:
        return 1
    if shutil.which("npm", path=_path(tools)) is None:
        print("Left out: sdk/typescript. There is no Node here.")
        return 0
    _typescript(tools)
    print("sdk/typescript: generated and compiled")
    return 0


def _write(file: Path, shaped: dict[str, Any]) -> None:
    file.write_text(json.dumps(shaped, indent=1) + "\n", "utf-8")


def _python(tools: Path) -> int:
    generated = PYTHON / "perennial_client" / "generated"
    _run(
        tools,
        PYTHON,
        "openapi-python-client",
        "generate",
        "--path",
        str(OF_PYTHON),
        "--config",
        "generator.yaml",
        "--meta",
        "none",
        "--output-path",
        str(generated),
        "--overwrite",
    )
    return facade.write(generated)


def _typescript(tools: Path) -> None:
    # npm names itself up to date by the lock's copy that it leaves in node_modules.
    lock = TYPESCRIPT / "package-lock.json"
    installed = TYPESCRIPT / "node_modules" / ".installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        _run(tools, TYPESCRIPT, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        installed.write_bytes(lock.read_bytes())
    _run(tools, TYPESCRIPT, "npm", "run", "--silent", "generate")
    _run(tools, TYPESCRIPT, "npm", "run", "--silent", "build")


def _path(tools: Path) -> str:
    return os.pathsep.join([str(tools / "bin"), os.environ.get("PATH", os.defpath)])


def _run(tools: Path, place: Path, *command: str) -> None:
    """Runs a tool quietly; shows all that it said where it fails."""
    environment = {**os.environ, "PATH": _path(tools), "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise SystemExit(f"{command[0]} failed")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
