"""Reads README and docs for their tests."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
AGREED = ("SPEC", "ARCHITECTURE", "CONTRACT", "FIGURES", "IMPORT", "REGIONS", "RELIABILITY")
"""Copies of what was agreed elsewhere; they also speak of what comes."""


def ours() -> list[Path]:
    """The documents that we write ourselves."""
    top = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*/README.md")]
    return sorted(path for path in top if path.stem not in AGREED)


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.M))


def makes_named(text: str) -> set[str]:
    """Targets after `make` in code spans and at prompts."""
    return set(re.findall(r"(?:`|\$ |^)make ([a-z][a-z-]*)", text, re.M))


def links(text: str) -> list[str]:
    """Relative links and pictures, without their anchors."""
    found = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
    return [link for link in found if "://" not in link and not link.startswith("mailto:")]
