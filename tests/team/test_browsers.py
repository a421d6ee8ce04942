"""A session is shown by its browser and system, and by the header itself where that is unknown."""

from __future__ import annotations

import pytest

from billing.team.browsers import Browser, browser

MOZILLA = "Mozilla/5.0"
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.spec("M-9")
@pytest.mark.parametrize(
    ("agent", "name", "system"),
    [
        (
            f"{MOZILLA} (X11; Linux x86_64) {KHTML} Chrome/156.0.0.0 Safari/537.36",
            "Chrome",
            "Linux",
        ),
        (f"{MOZILLA} (Windows NT 10.0; Win64) {KHTML} Chrome/1 Safari/1 Edg/1", "Edge", "Windows"),
        (f"{MOZILLA} (Linux; Android 10; K) {KHTML} Chrome/1 Mobile Safari/1", "Chrome", "Android"),
        (
            f"{MOZILLA} (Linux; Android 13) {KHTML} SamsungBrowser/21.0 Chrome/1 Safari/1",
            "Samsung Internet",
            "Android",
        ),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari",
            "iPhone",
        ),
        (f"{MOZILLA} (iPad; CPU OS 18_0 like Mac OS X) CriOS/1 Safari/604.1", "Chrome", "iPad"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10.15) Gecko/20100101 Firefox/1", "Firefox", "Mac"),
        (f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) {KHTML} Chrome/1 Safari/1", "Chrome", "ChromeOS"),
    ],
)
def test_a_browser_and_its_system_are_read(agent: str, name: str, system: str) -> None:
    assert browser(agent) == Browser(name, system)


@pytest.mark.spec("M-9")
@pytest.mark.parametrize("agent", ["", "curl/8.7.1", "Linux", "Chrome/1", "\x00<b>", "é" * 300])
def test_what_is_no_known_browser_is_not_guessed(agent: str) -> None:
    assert browser(agent) is None
