"""The browser and the system of a session, as people know them, read from a User-Agent header."""

from __future__ import annotations

from billing.kernel.values import Value

# In this order: each names itself beside those that stand below it.
_BROWSERS = (
    (("Edg/", "EdgA/", "EdgiOS/"), "Edge"),
    (("OPR/",), "Opera"),
    (("SamsungBrowser/",), "Samsung Internet"),
    (("Firefox/", "FxiOS/"), "Firefox"),
    (("Chrome/", "CriOS/", "HeadlessChrome/"), "Chrome"),
    (("Safari/",), "Safari"),
)
_SYSTEMS = (
    (("iPhone",), "iPhone"),
    (("iPad",), "iPad"),
    (("Android",), "Android"),
    (("Windows",), "Windows"),
    (("CrOS",), "ChromeOS"),
    (("Macintosh", "Mac OS X"), "Mac"),
    (("Linux",), "Linux"),
)


class Browser(Value):
    """A browser and the system that it runs on."""

    name: str
    system: str


def browser(agent: str) -> Browser | None:
    """Reads a User-Agent header; None for one that is no known browser on a known system.

    Whoever signs in writes the header: it helps to recognize one's own, and proves nothing.
    """
    name = _first(_BROWSERS, agent)
    system = _first(_SYSTEMS, agent)
    return Browser(name, system) if name and system else None


def _first(known: tuple[tuple[tuple[str, ...], str], ...], agent: str) -> str | None:
    return next((name for marks, name in known if any(mark in agent for mark in marks)), None)
