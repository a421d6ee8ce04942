"""Every document, module and path that the repository names is in the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SELF = "tests/test_references.py"
TOP = [
    "functions",
    "layers",
    "dev",
    "sim",
    "bench",
    "perennial",
    "tests",
    "events",
    "docs",
    "requirements",
    ".ci",
    ".github",
]

FILE = re.compile(r"(?<![\w./<>*{}$-])(?:[\w<>*.-]+/)*[\w<>*.-]*\w\.(?:md|py|yaml|yml|toml)\b")
FOLDER = re.compile(rf"(?<![\w./<>*{{}}$:-])(?:{'|'.join(map(re.escape, TOP))})/[\w<>*./-]*[\w>]")
TEXTS = {".py", ".md", ".html", ".yaml", ".yml", ".toml", ".typ", ".in", ""}

MADE = {
    ".aws-sam/build/template.yaml": "by make build",
    "bench/results.json": "by make bench",
    "api.md": "by make docs",
    "mine.yaml": "by whoever deploys",
    "no.yaml": "by nobody: a test looks for it in vain",
    "operations.py": "by make sdk",
    "sdk/python/perennial_client/generated/operations.py": "by make sdk",
    "test_one.py": "by tests/test_spec.py",
    "tests/test_one.py": "by tests/test_spec.py",
    "functions/paused": "by tests/dev/shop.yaml, which is no real stack",
    "functions/shop": "by tests/dev/shop.yaml",
    "functions/x": "by tests/dev/test_stack.py",
    "shared/SPEC.md": "beside this repository, where it is agreed",
    "shared/RELIABILITY.md": "beside this repository, where it is agreed",
}
PLANS = {
    # Copies of agreed documents: they also tell of experiments, other repositories and what comes.
    "docs/ARCHITECTURE.md",
    "docs/CONTRACT.md",
    "docs/FIGURES.md",
    "docs/IMPORT.md",
    "docs/REGIONS.md",
    "docs/RELIABILITY.md",
    "docs/SPEC.md",
}


def tracked() -> list[str]:
    """Paths of this repository's files, also where git is not at hand."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    hidden = (".venv", ".git", ".aws-sam", ".perennial", "__pycache__")
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(p) for p in found if not any(part.startswith(hidden) for part in p.parts)]


FILES = tracked()
FOLDERS = {str(parent) for name in FILES for parent in Path(name).parents}


def is_here(named: str, by: str) -> bool:
    """Whether a name, a path from the root, or the end of a path leads to a file or folder."""
    named = named.removeprefix("./").rstrip("/.")
    while named.startswith("../"):
        named = named[3:]
    if "<" in named or "*" in named:
        wanted = re.sub(r"<[^>]*>|\\\*+", "[^/]+", re.escape(named).replace("\\<", "<"))
        return any(re.search(rf"(^|/){wanted}$", name) for name in [*FILES, *FOLDERS])
    beside = str(Path(by).parent / named)
    return any(name in (named, beside) or name.endswith(f"/{named}") for name in [*FILES, *FOLDERS])


def names_in(text: str, by: str) -> set[str]:
    text = re.sub(r"\b\w+://\S+", "", text)
    found = {match.group() for match in FILE.finditer(text)}
    if by in PLANS:
        return {name for name in found if name.endswith(".md") and "/" not in name}
    return found | {match.group() for match in FOLDER.finditer(text)}


def test_a_name_that_leads_nowhere_is_noticed() -> None:
    text = "See docs/NOWHERE.md, nowhere.py, functions/nowhere and functions/<name>/app.py."
    named = names_in(text, "README.md")
    assert {name for name in named if not is_here(name, "README.md")} == {
        "docs/NOWHERE.md",
        "nowhere.py",
        "functions/nowhere",
    }


@pytest.mark.parametrize(
    "by",
    [
        name
        for name in FILES
        if Path(name).suffix in TEXTS and "/data/" not in name and name != SELF
    ],
)
def test_what_a_file_names_is_here(by: str) -> None:
    text = (ROOT / by).read_text(encoding="utf-8")
    missing = {name for name in names_in(text, by) if not is_here(name, by)}
    assert not missing - set(MADE), f"{by} refers to what is not here"
