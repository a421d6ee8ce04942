"""QR codes drawn as SVG: a checkout link to print, the key of a second factor (M-4, M-9).

Only the pages that show one load the library: it is 360 KB, and 100 ms of a cold start.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from segno import QRCode

QUIET_ZONE = 4
"""Modules of white on each side, without which readers do not find the code (ISO/IEC 18004)."""

_LOOK: dict[str, Any] = {"border": QUIET_ZONE, "light": "#fff", "svgclass": None, "lineclass": None}
"""Black on white in any colours of the page: many readers take no other."""


def inline(text: str) -> Markup:
    """Draws a code for the inside of a page, as large as its place."""
    return Markup(_code(text).svg_inline(omitsize=True, **_LOOK))  # noqa: S704  # nosec B704 - paths alone


def file(text: str) -> str:
    """Draws a code as a file of its own, of a millimetre for each module."""
    out = BytesIO()
    _code(text).save(out, kind="svg", unit="mm", **_LOOK)
    return out.getvalue().decode()


def _code(text: str) -> QRCode:
    """Codes a text, readable with 15 % of it covered."""
    import segno

    return segno.make_qr(text, error="m")
