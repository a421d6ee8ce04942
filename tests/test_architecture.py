"""The shape of the house: files directly in billing/ are pure, folders touch the world.

import-linter holds the rings (pyproject.toml); here is what it cannot see.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BILLING = ROOT / "layers/common/billing"
PURE = sorted(BILLING.glob("*.py"))
HANDLERS = sorted((ROOT / "functions").glob("*/app.py"))

# Parts of the standard library that read the world: clock, chance, environment, files, network.
WORLDLY = {
    "asyncio",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            if node.module == "billing":
                yield from (f"billing.{name.name}" for name in node.names)
            else:
                yield node.module


def test_the_house_is_there() -> None:
    """Without this, an empty list of files would pass every test below."""
    assert PURE
    if not any((ROOT / "functions").rglob("*")):
        pytest.skip("there are no functions yet")
    assert HANDLERS


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_a_file_directly_in_billing_is_pure(path: Path) -> None:
    siblings = {f"billing.{other.stem}" for other in PURE}
    for name in imported(path):
        top = name.partition(".")[0]
        if top == "billing":
            assert name in siblings, f"{path.name} imports {name}, which is not pure"
        else:
            assert top in sys.stdlib_module_names, f"{path.name} imports {name}"
            assert top not in WORLDLY, f"{path.name} imports {name}, which reads the world"


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_rules_do_not_know_who_stores_or_sends(path: Path) -> None:
    """Ports speak of rules and values, never the other way round."""
    assert "billing.ports" not in imported(path)


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_a_file_directly_in_billing_opens_and_prints_nothing(path: Path) -> None:
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


def test_a_function_folder_has_one_module() -> None:
    """A second one would have another import name in Lambda than in tests."""
    folders = [path for path in (ROOT / "functions").iterdir() if path.is_dir()]
    for folder in folders:
        modules = [path.name for path in folder.rglob("*.py")]
        if folder.name != "__pycache__":
            assert modules == ["app.py"], folder.name


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_module_decides_nothing(path: Path) -> None:
    """Parse, call one flow, render: what may fail is turned into an answer in billing.web."""
    tries = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        if isinstance(node, ast.Try)
    ]
    assert not tries


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_can_be_imported_without_environment_variables(path: Path) -> None:
    paths = [str(ROOT / "layers/common"), str(path.parent)]
    program = f"import sys; sys.path[:0] = {paths!r}; import app"
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env=keep,
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


WEIGHT = {
    "rebill": ("flows.rebill", "orders", "subscription", "merchants", "tickets", "render"),
    "notify": ("flows.tell", "accounts", "tickets", "render"),
}
"""What a sweep that finds nothing need not load: each costs every cold start of it."""


@pytest.mark.parametrize("name", WEIGHT)
def test_a_sweep_starts_without_what_only_its_finds_need(name: str) -> None:
    program = f"import sys, functions.{name}.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={"PYTHONPATH": f"{ROOT / 'layers/common'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "billing.storage" in loaded
    assert not loaded & {f"billing.{module}" for module in WEIGHT[name]}


LOCKS = [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers/common/requirements.txt"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_requirement_file_has_versions_and_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "/" not in text
    for entry in text.replace("\\\n", " ").splitlines():
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_layer_and_the_laptop_have_the_same_versions() -> None:
    pins = [
        dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE))
        for path in (ROOT / "layers/common/requirements.txt", ROOT / "requirements/dev.txt")
    ]
    layer, laptop = pins
    assert layer.items() <= laptop.items()
    assert "boto3" not in layer
