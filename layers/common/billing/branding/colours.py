"""Colours: contrast by WCAG 2.2, the nearest colour that passes, and the palette of an accent.

An accent is read in two ways: white words stand on it (buttons), and it is the colour of words
(links) on our light backgrounds. Both need a contrast of 4.5 (success criterion 1.4.3).
"""

from __future__ import annotations

import colorsys
import re

from billing.kernel.branding import Palette
from billing.kernel.errors import Invalid

LEAST_CONTRAST = 4.5
WHITE = "#ffffff"
LIGHT = (WHITE, "#f4f7f6")
"""Paper and ground of a light page, as in render/templates/style.css; mails have both too."""

DARK = ("#151c1a", "#0d1211")
"""Paper and ground of a dark page."""

_TINT_LIGHT, _TINT_DARK = 0.1, 0.18
"""The share of the accent in the tint behind it."""

_STEPS = 200
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


def parsed(text: str, *, field: str = "accent") -> str:
    """Returns a colour as `#rrggbb`; raises `Invalid` for what is no colour in hexadecimal."""
    found = _HEX.fullmatch(text.strip()) if text.isascii() else None
    if found is None:
        raise Invalid("colour_malformed", field=field)
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(each * 2 for each in digits))


def checked(text: str, *, field: str = "accent") -> str:
    """Returns an accent colour; raises `Invalid`, which names the nearest one that can be read."""
    colour = parsed(text, field=field)
    if not passes(colour):
        raise Invalid(
            "colour_contrast",
            field=field,
            ratio=f"{lowest(colour):.1f}",
            nearest=nearest(colour),
        )
    return colour


def passes(colour: str) -> bool:
    """Tells whether white words can be read on a colour, and its words on light pages."""
    return lowest(colour) >= LEAST_CONTRAST


def lowest(colour: str) -> float:
    """Returns the lowest contrast that a colour has as an accent of a light page."""
    return min(contrast(colour, ground) for ground in LIGHT)


def nearest(colour: str) -> str:
    """Returns the nearest darker colour of the same hue that passes."""
    return _moved(colour, passes, 0.0)


def palette(accent: str) -> tuple[Palette, Palette]:
    """Returns the palettes of an accent that passes, for light pages and for dark ones."""
    tint = _tint_that_passes(accent)
    light = Palette(accent, _mixed(accent, "#000000", 0.22), tint, WHITE)
    bright = _moved(accent, lambda c: min(contrast(c, g) for g in _dark_grounds(c)) >= 4.5, 1.0)
    deep = _mixed(bright, WHITE, 0.25)
    on_bright = _mixed(bright, "#000000", 0.85)
    return light, Palette(bright, deep, _mixed(DARK[0], bright, _TINT_DARK), on_bright)


def _dark_grounds(colour: str) -> tuple[str, ...]:
    """Returns what a colour stands on in a dark page; its own tint and button words among it."""
    tint, words = _mixed(DARK[0], colour, _TINT_DARK), _mixed(colour, "#000000", 0.85)
    return (*DARK, tint, words)


def _tint_that_passes(accent: str) -> str:
    share = _TINT_LIGHT
    while share > 0.01:
        tint = _mixed(WHITE, accent, share)
        if contrast(accent, tint) >= LEAST_CONTRAST:
            return tint
        share -= 0.01
    return LIGHT[1]


def contrast(one: str, other: str) -> float:
    """Returns the contrast of two colours, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _moved(colour: str, good: object, towards: float) -> str:
    """Returns the first good colour on the way to black (0) or white (1), hue kept."""
    assert callable(good), "a test of a colour"
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    for step in range(_STEPS + 1):
        at = lightness + (towards - lightness) * step / _STEPS
        tried = _written(colorsys.hls_to_rgb(hue, at, saturation)) if step else colour
        if good(tried):
            return tried
    raise AssertionError("black and white pass")


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    red, green, blue = (a + (b - a) * share for a, b in pairs)
    return _written((red, green, blue))


def _luminance(colour: str) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _written(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(min(max(c, 0), 1) * 255):02x}" for c in channels)
