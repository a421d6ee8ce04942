"""Makes docs/screenshots again: each page on a desktop and on a phone, in light and in dark.

python -m tests.browser.screenshots [page ..]
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.browser import chromium, tour
from tests.browser.tour.town import settle
from tests.house.laptop import ROOT, Laptop

FOLDER = ROOT / "docs" / "screenshots"

SCREENS: dict[str, Any] = {
    "desktop": {"width": 1120, "height": 720},
    "phone": {"width": 390, "height": 760},
}
COLOURS = 28
"""The most frequent ones of a page are all that it is painted with; the rest is smoothing."""

ALIKE = {
    "checkout-one-time",
    "checkout-trial",
    "console-not-found",
    "portal-cancel-ask",
    "portal-refund-ask",
}
"""They differ from another page by a few words, and have no picture unless asked for."""


def main(wanted: Iterable[str]) -> int:
    if chromium.PROGRAM is None:
        print("There is no chromium here.", file=sys.stderr)  # noqa: T201 - a script
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        laptop = Laptop(Path(folder) / "data", SELL_AT="sandbox").start()
        try:
            _picture_all(laptop, set(wanted) or set(tour.STOPS) - ALIKE)
        finally:
            laptop.stop()
    return 0


def _picture_all(laptop: Laptop, wanted: set[str]) -> None:
    with chromium.running() as browser:
        town = settle(browser, laptop)
        for name, lead in tour.STOPS.items():
            if name in wanted:
                page = lead(town)
                for screen, colours in product(SCREENS, ("light", "dark")):
                    page.set_viewport_size(SCREENS[screen])
                    page.emulate_media(color_scheme=colours, reduced_motion="reduce")
                    (FOLDER / f"{name}-{screen}-{colours}.png").write_bytes(_picture(page))


def _picture(page: Page) -> bytes:
    """The whole page, however long, as a small file."""
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    counted = taken.getcolors(taken.width * taken.height)
    assert counted is not None
    frequent = [colour for _, colour in sorted(counted, reverse=True)[:COLOURS]]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in frequent for part in colour])
    reduced = taken.quantize(palette=palette, dither=Image.Dither.NONE)
    file = io.BytesIO()
    reduced.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
