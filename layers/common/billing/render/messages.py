"""Texts by language: every word on a page, in a mail or on an invoice comes from a catalog (C-5).

A catalog is `messages/<language>.toml` and the files beside it, `messages/<language>.<part>.toml`
(one part per actor, so that people working on different pages do not meet in one file), and each
gateway's own part in its package. A section is a page, keys are joined by dots:
`text("en", "checkout.due_today")`. A text that depends on a number is a table of CLDR plural forms,
chosen by the value named `count`.

In a package, `make build` has compiled the catalogs already: TOML takes 8 ms of a cold start, JSON
a third of one.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from billing.gateways import registry

if TYPE_CHECKING:
    from babel import Locale

LANGUAGES = frozenset(
    {"bg", "da", "de", "en", "es", "fi", "fr", "it", "nl", "no", "pl", "pt", "ro", "sk", "sv"}
)
"""The fifteen languages of C-5."""

ENGLISH = "en"

MERCHANTS_LANGUAGE = ENGLISH
"""The language of the console, of accounts and of mails to sellers; there is no other."""

_FOLDER = Path(__file__).parent / "messages"
COMPILED = Path(__file__).parent / "compiled"
"""The folder that `dev/precompile.py` writes; in the source tree there is none."""

_LOCALE_OF = {"no": "nb"}
"""CLDR's names of locales that differ from ours: it keeps Norwegian under Bokmål."""


def known(language: str) -> str:
    """Returns the language itself if it is one of the fifteen (`pt-BR` is `pt`), else English."""
    primary = language.lower().replace("_", "-").partition("-")[0]
    return primary if primary in LANGUAGES else ENGLISH


def text(language: str, key: str, **values: object) -> str:
    """Returns the text at `key` with `values` filled in; English where the language lacks it.

    A key that not even English has is a bug and raises; the tests find it before a customer does.
    """
    language = known(language)
    entry = _catalog(language).get(key)
    if entry is None:
        language, entry = ENGLISH, _catalog(ENGLISH).get(key)
    if entry is None:
        raise KeyError(f"no text at {key}")
    if not isinstance(entry, str):
        entry = entry[_plural_form(language, values["count"], entry)]
    # Catalogs are ours; what people typed comes in as values, which `format` never reads again.
    return entry.format(**values)


def has(key: str, language: str = ENGLISH) -> bool:
    """Tells whether a language has a text at `key`, for keys made from codes that others invent."""
    return key in _catalog(known(language))


@cache
def locale(language: str) -> Locale:
    """Returns the CLDR locale in which Babel formats for a language."""
    from babel import Locale

    language = known(language)
    return Locale.parse(_LOCALE_OF.get(language, language))


Entry = str | dict[str, str]


def compile_into(folder: Path) -> None:
    """Writes every catalog as JSON."""
    for language in sorted(LANGUAGES):
        catalog = json.dumps(_written(language), ensure_ascii=False, separators=(",", ":"))
        (folder / f"{language}.json").write_text(catalog, "utf-8")


@cache
def _catalog(language: str) -> dict[str, Entry]:
    compiled = COMPILED / f"{language}.json"
    if compiled.exists():
        entries: dict[str, Entry] = json.loads(compiled.read_text("utf-8"))
        return entries
    return _written(language)


def parts(language: str) -> list[Path]:
    """Lists the files of a catalog: the pages' own, and those of the gateways."""
    ours = sorted((*_FOLDER.glob(f"{language}.toml"), *_FOLDER.glob(f"{language}.*.toml")))
    gateways = [spec.folder / "messages" for spec in registry.specs().values()]
    return [*ours, *(path for folder in gateways for path in folder.glob(f"{language}.toml"))]


def _written(language: str) -> dict[str, Entry]:
    """Reads a catalog from its TOML files."""
    import tomllib

    entries: dict[str, Entry] = {}
    for path in parts(language):
        with path.open("rb") as file:
            for key, entry in _flat(tomllib.load(file), ""):
                assert key not in entries, f"{key} stands twice in the catalogs of {language}"
                entries[key] = entry
    return entries


def _flat(table: dict[str, object], prefix: str) -> list[tuple[str, Entry]]:
    entries: list[tuple[str, Entry]] = []
    for name, value in table.items():
        if isinstance(value, str):
            entries.append((prefix + name, value))
            continue
        assert isinstance(value, dict), f"{prefix + name} is neither text nor table"
        if "other" in value and value.keys() <= _PLURAL_FORMS:
            entries.append((prefix + name, value))
        else:
            entries.extend(_flat(value, f"{prefix}{name}."))
    return entries


_PLURAL_FORMS = frozenset({"zero", "one", "two", "few", "many", "other"})


def _plural_form(language: str, count: object, forms: dict[str, str]) -> str:
    assert isinstance(count, int), "a text with plural forms is chosen by an integer `count`"
    form: str = locale(language).plural_form(count)
    return form if form in forms else "other"
