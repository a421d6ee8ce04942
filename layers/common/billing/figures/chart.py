"""Bars of a chart, computed for a server-rendered SVG; a table has the same numbers (M-10)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from billing.kernel.values import Value

WIDTH, HEIGHT = 720, 200
LABELS_HEIGHT = 24
GAP_SHARE = 0.3
CHARACTER_WIDTH = 6.6
"""The room that a character of a label takes, in the drawing's units."""

CHARACTERS_BETWEEN = 3
"""The characters for which there is room between two labels: a month is shown longer than named."""


class Bar(Value):
    """One bar: its place and size in the drawing's units, and the label under it, if there is
    room."""

    x: float
    y: float
    width: float
    height: float
    label: str
    label_x: float
    is_negative: bool


class Chart(Value):
    """A chart of bars on a line at zero; `top` and `bottom` are the values at its edges."""

    width: int
    height: int
    zero_y: float
    bars: tuple[Bar, ...]
    top: int
    bottom: int

    @property
    def whole_height(self) -> int:
        return self.height + LABELS_HEIGHT


def of(values: Sequence[tuple[str, int]]) -> Chart:
    """Returns the chart of labelled values, from left to right."""
    top = max(0, *(value for _, value in values)) if values else 0
    bottom = min(0, *(value for _, value in values)) if values else 0
    span = (top - bottom) or 1
    zero_y = HEIGHT * top / span if top or bottom else float(HEIGHT)
    step = WIDTH / max(1, len(values))
    longest = max((len(label) for label, _ in values), default=0)
    every = ceil((longest + CHARACTERS_BETWEEN) * CHARACTER_WIDTH / step)
    bars = []
    for place, (label, value) in enumerate(values):
        height = HEIGHT * abs(value) / span
        bars.append(
            Bar(
                x=round(step * (place + GAP_SHARE / 2), 2),
                y=round(zero_y - height if value >= 0 else zero_y, 2),
                width=round(step * (1 - GAP_SHARE), 2),
                height=round(height, 2),
                label=label if place % every == 0 else "",
                label_x=round(step * (place + 0.5), 2),
                is_negative=value < 0,
            )
        )
    return Chart(WIDTH, HEIGHT, round(zero_y, 2), tuple(bars), top, bottom)
