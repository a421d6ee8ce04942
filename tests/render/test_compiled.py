"""Compiled templates show the same as the source that people wrote, in every language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.render import messages, pages
from tests.render.examples import PAGES
from tests.render.written import templates


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    messages.compile_into(folder)
    pages.compile_into(folder)
    return folder


@pytest.fixture(scope="module")
def written() -> dict[str, dict[str, str]]:
    """Every page in some languages, from the source."""
    _forget()
    return {language: _all(language) for language in SOME}


@pytest.fixture
def packaged(
    compiled: Path, written: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """As it is where `make build` has been."""
    monkeypatch.setattr(messages, "COMPILED", compiled)
    _forget()
    yield
    _forget()


def _forget() -> None:
    messages._catalog.cache_clear()
    pages._environment.cache_clear()


def _all(language: str) -> dict[str, str]:
    return {name: pages.html(name, language, nonce="n", **PAGES[name]) for name in PAGES}


SOME = ("en", "de", "bg")


@pytest.mark.parametrize("language", SOME)
def test_compiled_pages_are_the_written_ones(
    packaged: None, written: dict[str, dict[str, str]], language: str
) -> None:
    assert not pages._environment(language).loader.has_source_access  # type: ignore[union-attr]
    assert _all(language) == written[language]


def test_every_template_is_compiled(compiled: Path) -> None:
    written = [name for name in templates() if not name.endswith(".typ")]
    assert len(list(compiled.glob("tmpl_*.py"))) == len(written)


@pytest.mark.parametrize("language", sorted(messages.LANGUAGES))
def test_compiled_catalogs_are_the_written_ones(packaged: None, language: str) -> None:
    assert messages._catalog(language) == messages._written(language)


def test_compiling_twice_gives_the_same(compiled: Path, tmp_path: Path) -> None:
    messages.compile_into(tmp_path)
    pages.compile_into(tmp_path)
    files = {path.name: path.read_bytes() for path in compiled.glob("*.*")}
    assert files == {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
