"""The documentation builds, its links lead somewhere, its commands and tables are the code's."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from billing.kernel.storage import Store
from billing.storage.store import ItemStore
from dev.emulate import limits
from perennial import cli
from tests.docs import AGREED, DOCS, ROOT, links, make_targets, makes_named, ours

SHARED = ROOT.parent / "shared"
QUESTIONS = [name for name in dir(Store) if not name.startswith("_")]
ACCESS = (DOCS / "access-patterns.md").read_text("utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", [name for name in AGREED if name != "RELIABILITY"])
def test_the_copy_of_an_agreed_document_is_exact(name: str) -> None:
    agreed = SHARED / f"{name}.md"
    if not agreed.exists():
        pytest.skip("the agreed documents are not beside this repository")
    assert agreed.read_bytes() == (DOCS / f"{name}.md").read_bytes()


def test_each_copied_section_on_reliability_is_exact() -> None:
    agreed = SHARED / "RELIABILITY.md"
    if not agreed.exists():
        pytest.skip("the agreed documents are not beside this repository")
    copied = re.split(r"(?m)^(?=## )", (DOCS / "RELIABILITY.md").read_text("utf-8"))[1:]
    assert [section[3] for section in copied] == ["1", "3", "4", "5"]
    whole = agreed.read_text("utf-8")
    assert all(section.rstrip() in whole for section in copied)


def test_every_cited_section_on_reliability_is_copied() -> None:
    copy = (DOCS / "RELIABILITY.md").read_text("utf-8")
    sources = [
        path
        for folder in ("layers", "functions", "sim", "dev", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    cited = {
        number
        for path in sources
        for number in re.findall(
            r"RELIABILITY\.md,? (?:section )?(\d(?:\.\d)?)", path.read_text("utf-8")
        )
    }
    assert cited
    headings = set(re.findall(r"^#{2,3} (\d(?:\.\d)?)", copy, re.M))
    assert cited <= headings


def test_the_site_builds_and_has_no_broken_link(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    decisions = (tmp_path / "decisions/index.html").read_text("utf-8")
    assert "Describe writes as values" in decisions


@pytest.mark.parametrize("path", ours(), ids=name_of)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    assert not [
        link for link in links(path.read_text("utf-8")) if not (path.parent / link).exists()
    ]


@pytest.mark.parametrize("path", [path for path in ours() if path.name != "CHANGELOG.md"])
def test_every_make_command_of_a_document_is_a_target(path: Path) -> None:
    assert makes_named(path.read_text("utf-8")) <= make_targets(), name_of(path)


def commands_of(path: Path) -> list[str]:
    """Returns each `perennial` command of code spans and blocks, as it would be typed."""
    text = path.read_text("utf-8")
    spans = re.findall(r"`(perennial [^`]+)`", text)
    lines = re.findall(r"^ *(perennial [a-z].*)$", "\n".join(re.findall(r"```.*?```", text, re.S)))
    return [" ".join(typed.split()) for typed in [*spans, *lines]]


def understood(typed: str) -> bool:
    """Whether each word is a command, an option of it, or a value."""
    command: Any = typer.main.get_command(cli.app)
    words = shlex.split(typed, comments=True)[1:]
    while words and words[0] in getattr(command, "commands", ()):
        command = command.commands[words.pop(0)]
    known = {name for param in command.params for name in param.opts} | {"--help"}
    asked = {word for word in words if word.startswith("--")}
    is_command = not hasattr(command, "commands") or not [w for w in words if w not in asked]
    return is_command and asked <= known


def test_every_perennial_command_of_the_documents_exists() -> None:
    typed = [(name_of(path), line) for path in ours() for line in commands_of(path)]
    assert len(typed) > 10
    assert not [pair for pair in typed if not understood(pair[1])]
    assert not understood("perennial merchant vanish acme")


@pytest.mark.parametrize("method", QUESTIONS)
def test_every_question_to_the_store_is_in_the_table_with_its_key_condition(method: str) -> None:
    rows = [line for line in ACCESS.splitlines() if f"| `{method}` |" in line]
    assert len(rows) == 1, f"`{method}` has one row in docs/access-patterns.md"
    doc = (inspect.getdoc(getattr(ItemStore, method)) or "").splitlines()[0].rstrip(".")
    assert rows[0].replace("&lt;", "<").endswith(f"| {doc} |")


def test_the_table_names_no_question_that_is_not_asked() -> None:
    assert set(re.findall(r"\| `(\w+)` \|", ACCESS)) == set(QUESTIONS)


def test_what_make_emulate_leaves_out_is_named() -> None:
    (told,) = re.findall(
        r"\*\*`make emulate`\*\*.*", (DOCS / "running.md").read_text("utf-8"), re.S
    )
    told = " ".join(told.split())
    assert not [name for name in limits.LEFT_OUT if name not in told]


@pytest.mark.parametrize(
    "path", sorted((DOCS / "decisions").glob("2*.md")), ids=lambda path: path.stem
)
def test_a_decision_is_short_and_says_what_was_rejected(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.match(r"\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md", path.name)
    assert text.startswith("# ") and "reject" in text.casefold()
    assert len(text.splitlines()) <= 25


def test_the_glossary_is_short() -> None:
    rows = re.findall(r"^\| (?!word of)", (DOCS / "glossary.md").read_text("utf-8"), re.M)
    assert 40 <= len(rows) <= 60


def test_six_pictures_are_in_git_and_each_is_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (DOCS / "screenshots").iterdir()}
    shown = {Path(link).name for path in ours() for link in links(path.read_text("utf-8"))}
    assert len(pictures) == 6
    assert set(pictures) <= shown
    assert sum(pictures.values()) < 400_000


def test_a_newcomer_finds_what_every_project_has() -> None:
    for name in ("LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ".editorconfig"):
        assert (ROOT / name).stat().st_size > 200, name
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    assert "run: .ci/run" in workflow
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def test_no_docstring_names_a_make_target_that_is_not_there() -> None:
    folders = ("layers", "functions", "sim", "dev", "bench", "perennial", "tests")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    named = {
        (name_of(path), target)
        for path in sources
        for target in re.findall(r"`make ([a-z][a-z-]*)", path.read_text("utf-8"))
    }
    assert not {pair for pair in named if pair[1] not in make_targets()}
