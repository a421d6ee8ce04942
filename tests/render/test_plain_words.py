"""English texts are what a bank would write: none has the words that docs/STYLE.md bans."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from billing.render import messages

ENGLISH_PARTS = sorted((Path(messages.__file__).parent / "messages").glob("en*.toml"))

BANNED = {
    r"put in": "write: update, add, enter",
    r"\bnoted\b": "write what is so: confirmed, saved, sent",
    r"\bis over\b|\blink over\b": "write: has expired, has ended",
    r"\bby (ourselves|itself|themselves)\b": "write: automatically",
    r"what follows": "write what it is: upcoming payments",
    r"\b(told|bidden|spared)\b": "write: emailed, informed",
    r"\bgoes on\b|\bgo on\b": "write: continues, continue",
    r"\bany more\b": "write: won't .. again, no longer",
    r"\bat once\b": "write: immediately, right away",
    r"\bfor ever\b": "write: permanently",
    r"\bstands\b": "write: appears, is",
    r"\bmails?\b|\bmailed\b": "write: email",
    r"\bwhose it is\b": "write: ownership",
    r"\ba person\b": "write: someone",
    r"\b(do|does|did|is|are|was|were|will|can|could|has|have) ?not\b": "write the contraction",
    r"\bwrite to\b": "write: contact",
}
"""Words from another century, or with a meaning of our own, and what a reader expects instead."""

ELSEWHERE = ("error.", "wrong.", "gateway.", "onward.", "sandbox.")
"""Sections that are rewritten with the errors and the gateways that they explain."""

PRESCRIBED = {
    "mail.confirmation.order": "the default of a stored setting, word for word (kernel/merchants)",
    "account.inactive.title": "SPEC A-7 gives its words",
    "mail.account.ended.subject": "SPEC A-7 gives its words",
    "mail.account.ended.title": "SPEC A-7 gives its words",
    "mail.account.inactive.subject": "SPEC A-7 gives its words",
    "mail.account.inactive.title": "SPEC A-7 gives its words",
}
"""Texts that are given letter for letter elsewhere, and why."""


def texts(path: Path) -> dict[str, list[str]]:
    entries = messages._flat(tomllib.loads(path.read_text(encoding="utf-8")), "")
    return {
        key: [entry] if isinstance(entry, str) else list(entry.values())
        for key, entry in entries
        if not key.startswith(ELSEWHERE) and key not in PRESCRIBED
    }


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("path", ENGLISH_PARTS, ids=lambda path: path.name)
def test_no_english_text_has_words_that_a_bank_would_not_write(path: Path) -> None:
    found = [
        f"{key}: {words!r} ({instead})"
        for key, forms in texts(path).items()
        for words in forms
        for pattern, instead in BANNED.items()
        if re.search(pattern, words, re.IGNORECASE)
    ]
    assert found == []


def test_every_text_that_is_excused_is_there() -> None:
    keys = {key for path in ENGLISH_PARTS for key, _ in messages._flat(_table(path), "")}
    assert set(PRESCRIBED) - keys == set()


def _table(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
