"""Pictures each page on a desktop and on a phone, in light and in dark, into .screenshots/.

python -m tests.browser.screenshots [page ..]   (make screenshots)
python -m tests.browser.screenshots --docs      the six of README and docs/, in docs/screenshots/
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.browser import chromium, tour
from tests.browser.tour.town import settle
from tests.local_stack.laptop import ROOT, Laptop

FOLDER = ROOT / ".screenshots"
KEPT = ROOT / "docs" / "screenshots"
"""The ones in git. A test holds them to six, each shown by README or a page of docs/."""

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


def main(wanted: Sequence[str]) -> int:
    if chromium.PROGRAM is None:
        print("There is no chromium here.", file=sys.stderr)  # noqa: T201 - a script
        return 1
    kept = {path.stem for path in KEPT.glob("*.png")}
    only = kept if "--docs" in wanted else None
    folder = FOLDER if only is None else KEPT
    pages = {name.rsplit("-", 2)[0] for name in kept} if only else set(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        laptop = Laptop(Path(place) / "data", SELL_AT="sandbox").start()
        try:
            _picture_all(laptop, pages or set(tour.STOPS) - ALIKE, folder, only)
        finally:
            laptop.stop()
    return 0


def _picture_all(laptop: Laptop, wanted: set[str], folder: Path, only: set[str] | None) -> None:
    with chromium.running() as browser:
        town = settle(browser, laptop)
        for name in tour.STOPS:
            if name in wanted:
                page = tour.lead(name, town)
                for screen, colours in product(SCREENS, ("light", "dark")):
                    picture = f"{name}-{screen}-{colours}"
                    if only is not None and picture not in only:
                        continue
                    page.set_viewport_size(SCREENS[screen])
                    page.emulate_media(color_scheme=colours, reduced_motion="reduce")
                    (folder / f"{picture}.png").write_bytes(_picture(page))


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
