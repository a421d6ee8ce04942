"""Merchants' own words in a letter: placeholders filled in once, and nothing else (M-11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from unicodedata import category

from billing.kernel.branding import Dress, OwnText
from billing.kernel.values import replace

if TYPE_CHECKING:
    from billing.render.mails import Letter

TEMPLATE_MOST = 4000
"""Characters of a filled-in merchant template; what is longer is cut."""

_PLACE = re.compile(r"\{([a-z_]+)\}")


def applied(letter: Letter, dress: Dress | None) -> Letter:
    """Returns a letter with the merchant's own words in the place of ours.

    Where one of their placeholders has no value in it, it stays as it is, and that is told.
    """
    own = None if dress is None else dress.texts.get(letter.purpose)
    if dress is None or own is None:
        return letter
    if not _named(own) <= letter.words.keys():
        dress.fell_back(letter.purpose)
        return letter
    opening = _paragraphs(own.opening, letter.words)
    if opening and own.keeps_ours:
        opening = (*opening, *letter.opening)
    subject = " ".join(filled(own.subject, letter.words))
    return replace(
        letter,
        subject=subject or letter.subject,
        opening=opening or letter.opening,
        closing=_paragraphs(own.closing, letter.words),
    )


def _named(own: OwnText) -> set[str]:
    return {
        name for text in (own.subject, own.opening, own.closing) for name in _PLACE.findall(text)
    }


def _paragraphs(template: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Fills a text whose paragraphs are divided by blank lines; their own line ends stay."""
    blocks = re.split(r"\n{2,}", template)
    return tuple("\n".join(filled(block, values)) for block in blocks if block.strip())


def filled(template: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """Fills a merchant's template, as paragraphs: its known names once, and nothing else."""
    name = "|".join(map(re.escape, values)) or "(?!)"
    # One pass: a value that looks like a placeholder is not filled in again.
    whole = re.sub(rf"\{{({name})\}}", lambda found: values[found[1]], template[:TEMPLATE_MOST])
    return tuple(filter(None, map(one_line, whole[:TEMPLATE_MOST].splitlines())))


def one_line(words: str) -> str:
    """Removes line ends and control characters, so that nothing starts a header of its own."""
    visible = (" " if category(c) in {"Cc", "Zl", "Zp"} else c for c in words)
    return " ".join("".join(visible).split())
