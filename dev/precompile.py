"""Precompiles a package after `sam build`: what can be worked out before a function starts.

    .venv-lambda/bin/python dev/precompile.py <build>

Templates become modules, catalogs JSON, and every module bytecode: `sam build` leaves none, the
layer is read-only, so each cold start would compile all that it imports. Run by the runtime's own
Python with the packaged layer, whose versions it is for. The bytecode is not checked against its
source again, because a package does not keep the time of files to the second. Compiled libraries in
the package are for Lambda's processor, so this machine's own are imported, and the package comes
last.
"""

from __future__ import annotations

import sys
from compileall import compile_dir
from pathlib import Path
from py_compile import PycInvalidationMode


def main(build: Path) -> None:
    """Precompiles both for the layer, only bytecode for the functions."""
    sys.path.append(str(build / "CommonLayer" / "python"))
    templates_and_catalogs(build / "CommonLayer" / "python" / "billing")
    for folder in sorted(build.iterdir()):
        if folder.is_dir():
            bytecode(folder, "/opt" if folder.name == "CommonLayer" else "/var/task")


def templates_and_catalogs(package: Path) -> None:
    """Writes templates and catalogs to `render/compiled` of the package that is imported from
    there.
    """
    from billing.render import messages, pages

    compiled = package / "render" / "compiled"
    assert compiled.resolve() == messages.COMPILED.resolve(), "another package billing comes first"
    compiled.mkdir(exist_ok=True)
    messages.compile_into(compiled)
    pages.compile_into(compiled)


def bytecode(folder: Path, unpacked_at: str) -> None:
    """Writes bytecode beside each module; tracebacks name the places where Lambda unpacks them."""
    done = compile_dir(
        folder,
        quiet=1,
        workers=0,
        stripdir=str(folder),
        prependdir=unpacked_at,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    assert done, f"not all of {folder} could be compiled"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
