"""Compiled templates show the same as the source that people wrote, in every language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.render import messages, pages
from tests.render.examples import PAGES
from tests.render.written import templates


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    messages.compile_into(tmp_path)
    pages.compile_into(tmp_path)
    return tmp_path


@pytest.fixture
def packaged(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As it is where `make build` has been."""
    monkeypatch.setattr(messages, "COMPILED", compiled)
    _forget()
    yield
    _forget()


def _forget() -> None:
    messages._catalog.cache_clear()
    pages._environment.cache_clear()


def _all(language: str) -> dict[str, str]:
    _forget()
    return {name: pages.html(name, language, nonce="n", **PAGES[name]) for name in PAGES}


SOME = ("en", "de", "bg")
WRITTEN = {language: _all(language) for language in SOME}


@pytest.mark.parametrize("language", SOME)
def test_compiled_pages_are_the_written_ones(packaged: None, language: str) -> None:
    assert not pages._environment(language).loader.has_source_access  # type: ignore[union-attr]
    assert {name: pages.html(name, language, nonce="n", **PAGES[name]) for name in PAGES} == (
        WRITTEN[language]
    )


def test_every_template_is_compiled(compiled: Path) -> None:
    written = [name for name in templates() if not name.endswith(".typ")]
    assert len(list(compiled.glob("tmpl_*.py"))) == len(written)


@pytest.mark.parametrize("language", sorted(messages.LANGUAGES))
def test_compiled_catalogs_are_the_written_ones(packaged: None, language: str) -> None:
    assert messages._catalog(language) == messages._written(language)


def test_compiling_twice_gives_the_same(compiled: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    messages.compile_into(again)
    pages.compile_into(again)
    files = {path.name: path.read_bytes() for path in compiled.glob("*.*")}
    assert files == {path.name: path.read_bytes() for path in again.iterdir()}
