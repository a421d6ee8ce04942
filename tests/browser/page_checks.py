"""The checks of each page: everybody can read it and use it, on any screen, by keyboard alone.

Two files of tests take them, each for half of the pages, because a worker runs a whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser import tour
from tests.browser.tour import routes
from tests.browser.tour.town import Town

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
NARROWEST = 320
"""Pixels of a desktop's window at 400 %, at which nothing may be lost (WCAG 1.4.10)."""

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
EVERY_RULE: dict[str, Any] = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
OF_COLOURS: dict[str, Any] = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
"""The rules that read colours: the dark page differs from the light one in nothing else."""

# Where Tab should stop, in the order of the page: of radio buttons the chosen one, or the first.
CONTROLS = """() => {
  const all = document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')
  const radios = new Set()
  const stops = [...all].filter(each => {
    if (!each.checkVisibility()) return false
    if (each.type !== 'radio') return true
    const group = [...document.getElementsByName(each.name)]
    const chosen = group.find(one => one.checked) ?? group[0]
    return each === chosen
  })
  stops.forEach((each, number) => { each.dataset.stop = number })
  return stops.map(each => each.outerHTML.slice(0, 120))
}"""

# What has the focus: which control, and how it shows, itself or by the label around it.
FOCUS = """() => {
  const at = document.activeElement
  if (at === document.body) return null
  const box = at.getBoundingClientRect()
  const shown = [at, at.closest('label')].some(each => {
    if (!each) return false
    const style = getComputedStyle(each)
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
  })
  // A box of several lines is scrolled to the first of them, where one writes.
  // Of one that is larger than the screen, a part is enough.
  const within = (place, length) => Math.min(Math.max(place, 1), length - 2)
  const x = within(box.x + box.width / 2, innerWidth)
  const y = within(box.y + Math.min(box.height / 2, 24), innerHeight)
  const on_top = document.elementFromPoint(x, y)
  const seen = on_top !== null && (at.contains(on_top) || on_top.contains(at))
  return {stop: Number(at.dataset.stop), shown, seen, html: at.outerHTML.slice(0, 120)}
}"""


def visit(town: Town, stop: str) -> Iterator[Page]:
    """Yields the page of a stop for all its checks; then no complaint may have come."""
    complaints: list[str] = []
    shown = tour.lead(stop, town)
    assert routes.is_at(stop, urlsplit(shown.url).path), shown.url
    # What the content security policy refuses, the browser complains of.
    shown.on("console", lambda message: complaints.append(message.text))
    yield shown
    assert [text for text in complaints if "Security Policy" in text] == []


class PageChecks:
    """Checks every page; `page` is a fixture of the file that takes these tests."""

    @pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
    @pytest.mark.parametrize("colours", ["light", "dark"])
    def test_axe_finds_nothing(self, page: Page, colours: Any, screen: Any) -> None:
        page.set_viewport_size(screen)
        page.emulate_media(color_scheme=colours, reduced_motion="reduce")
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE_SCRIPT)
        rules = EVERY_RULE if colours == "light" else OF_COLOURS
        violations = page.evaluate("rules => axe.run(rules)", rules)["violations"]
        found = [
            (
                each["id"],
                each["help"],
                [(node["html"], node["failureSummary"]) for node in each["nodes"]],
            )
            for each in violations
        ]
        assert found == []

    @pytest.mark.parametrize("width", [PHONE["width"], NARROWEST])
    def test_nothing_scrolls_sideways(self, page: Page, width: int) -> None:
        page.set_viewport_size({**PHONE, "width": width})
        wide = """() => [...document.querySelectorAll('body *')]
            .filter(each => each.getBoundingClientRect().right > innerWidth + 0.5)
            .map(each => each.outerHTML.slice(0, 120))"""
        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert page.evaluate(fits), page.evaluate(wide)

    def test_tab_comes_to_every_control_in_order_and_shows_where_it_is(self, page: Page) -> None:
        page.set_viewport_size(PHONE)
        controls = page.evaluate(CONTROLS)
        reached: list[int] = []
        for _ in range(3 * len(controls) + 9):  # a date takes several presses
            page.keyboard.press("Tab")
            focus = page.evaluate(FOCUS)
            if focus is None or focus["stop"] in reached[-1:]:
                continue
            if focus["stop"] in reached:
                break  # around once
            assert focus["shown"], f"nothing shows the focus on {focus['html']}"
            assert focus["seen"], f"out of sight: {focus['html']}"
            reached.append(focus["stop"])
        missed = [html for number, html in enumerate(controls) if number not in reached]
        assert missed == []
        # The visit may have ended anywhere on the page: from there to its end, then from its top.
        top = reached.index(0)
        assert reached[top:] + reached[:top] == sorted(reached)

    def test_there_is_no_script_and_nothing_comes_from_elsewhere(self, page: Page) -> None:
        scripts = """() => [...document.querySelectorAll('*')].filter(each =>
            each.tagName === 'SCRIPT' || each.tagName === 'LINK' || each.tagName === 'IFRAME'
            || [...each.attributes].some(one => one.name.startsWith('on') || one.name === 'style'
                || one.value.trim().toLowerCase().startsWith('javascript:')))
            .map(each => each.outerHTML.slice(0, 120))"""
        assert page.evaluate(scripts) == []
        assert (
            page.evaluate("performance.getEntriesByType('resource').map(each => each.name)") == []
        )
