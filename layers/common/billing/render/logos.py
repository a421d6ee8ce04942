"""Draws an uploaded logo anew as PNG, by typst: nothing of the file survives but the picture.

typst is in the layer for documents already, decodes PNG, JPEG and WebP in Rust, and takes 10 to 25
ms for a logo; Pillow would add 22 MB (docs/decisions/2026-11-29-logos-by-typst.md).
"""

from __future__ import annotations

import json
import struct
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typst import Compiler

WIDEST, HIGHEST = 600, 180
"""Pixels of a drawn logo at most: three for each of a page's."""

_TEMPLATE = Path(__file__).parent / "templates" / "logo.typ"
_COMPILING = Lock()


def drawn(content: bytes, kind: str, longest: int) -> tuple[bytes, int, int] | None:
    """Returns a logo as PNG with its width and height; None where the picture is broken.

    `kind` is as typst names it, `longest` the longer side of the picture in pixels.
    """
    from typst import TypstError

    inputs = {
        "source": json.dumps(list(content)),
        "format": kind,
        "most": json.dumps([WIDEST, HIGHEST, longest]),
    }
    with _COMPILING:
        try:
            png = _compiler().compile(format="png", ppi=72, sys_inputs=inputs)
        except TypstError:
            return None
        except BaseException as error:
            # A decoder that gives up in Rust raises a class of its own, which is no Exception.
            if type(error).__name__ != "PanicException":
                raise
            return None
    assert isinstance(png, bytes), "one page"
    width, height = struct.unpack(">II", png[16:24])
    return png, width, height


@cache
def _compiler() -> Compiler:
    from typst import Compiler

    return Compiler(_TEMPLATE, root=_TEMPLATE.parent, ignore_system_fonts=True)
