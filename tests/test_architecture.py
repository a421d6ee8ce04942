"""The shape of the house: in every package of billing/ files are pure, its folders touch the world.

import-linter holds the rings (pyproject.toml); here is what it cannot see.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BILLING = ROOT / "layers/common/billing"
KITS = {"web", "render", "runtime"}
ADAPTERS = {"storage", "gateways", "aws", "registers"}
ROOMS = sorted(
    path
    for path in BILLING.iterdir()
    if path.is_dir() and path.name not in KITS | ADAPTERS | {"__pycache__"}
)
RINGS = {"flows", "mail", "web"}
REGIONS = BILLING / "cancel/regions"
"""A table of data with its lookup, pure as a room's own files are."""
PURE = sorted(path for room in (*ROOMS, REGIONS) for path in room.glob("*.py"))
PORTS = "billing.kernel.ports"
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
            folder = BILLING.parent / node.module.replace(".", "/")
            if node.module.startswith("billing") and folder.is_dir():
                yield from (f"{node.module}.{name.name}" for name in node.names)
            else:
                yield node.module


def test_the_house_is_there() -> None:
    """Without this, an empty list of files would pass every test below."""
    assert PURE
    assert BILLING / "kernel" in ROOMS
    if not any((ROOT / "functions").rglob("*")):
        pytest.skip("there are no functions yet")
    assert HANDLERS


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(BILLING.parent).with_suffix("").parts)


def test_every_module_has_a_room() -> None:
    """billing/ itself holds packages alone, and a room holds files and the three rings."""
    assert [path.name for path in BILLING.glob("*.py")] == ["__init__.py"]
    for room in ROOMS:
        folders = {path.name for path in room.iterdir() if any(path.rglob("*.py"))}
        assert folders - {REGIONS.name} <= RINGS, room.name
    assert [path.parent.name for path in BILLING.glob("*/regions")] == ["cancel"]


def test_every_room_has_its_place_among_the_others() -> None:
    """import-linter leaves out what its layers do not name."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    by_name = {contract["name"]: contract for contract in contracts["contracts"]}
    layers = " ".join(by_name["Rooms, from the outside in"]["layers"]).split()
    listed = by_name["Rooms import one another only as listed"]["modules"]
    rooms = {f"billing.{room.name}" for room in ROOMS}
    assert rooms - {"billing.kernel"} <= set(layers)
    assert set(listed) == rooms - {"billing.kernel"}


VALUES = ("billing.kernel.values", "msgspec")
"""The one pure file that imports what is not Python's: every value is a struct of msgspec's."""


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_file_of_a_room_is_pure(path: Path) -> None:
    pure = {name_of(other) for other in PURE}
    for name in imported(path):
        top = name.partition(".")[0]
        if top == "billing":
            assert name in pure, f"{path} imports {name}, which is not pure"
        else:
            assert top in sys.stdlib_module_names or (name_of(path), top) == VALUES, (
                f"{path}: {name}"
            )
            assert top not in WORLDLY, f"{path} imports {name}, which reads the world"


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_rules_do_not_know_who_stores_or_sends(path: Path) -> None:
    """Ports speak of rules and values, never the other way round."""
    assert PORTS not in imported(path)


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_file_of_a_room_opens_and_prints_nothing(path: Path) -> None:
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
    "rebill": (
        "rebill.flows.charge",
        "kernel.orders",
        "kernel.subscription",
        "kernel.merchants",
        "helpdesk.tickets",
        "render",
    ),
    "notify": ("runtime.handlers", "accounts.accounts", "helpdesk.tickets", "render"),
}
"""Modules that a sweep which finds nothing does not load: each costs every cold start of it."""


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
    assert "billing.kernel.storage" in loaded
    assert not loaded & {f"billing.{module}" for module in WEIGHT[name]}


LOCKS = [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers/common/requirements.txt"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_requirement_file_has_versions_and_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "/" not in text
    for entry in text.replace("\\\n", " ").splitlines():
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


def pins(path: str) -> dict[str, str]:
    text = (ROOT / path).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("other", ["dev", "lambda"])
def test_the_layer_and_the_laptop_have_the_same_versions(other: str) -> None:
    layer = pins("layers/common/requirements.txt")
    assert layer.items() <= pins(f"requirements/{other}.txt").items()
    assert "boto3" not in layer


def test_what_is_packaged_imports_only_what_is_packaged_or_lambda_brings() -> None:
    """The environment that runs a built function also holds the emulator, which would hide it."""
    layer = {*pins("layers/common/requirements.txt"), "boto3", "botocore"}
    packages = packages_distributions()
    for path in [*BILLING.rglob("*.py"), *HANDLERS]:
        for name in imported(path):
            top = name.partition(".")[0]
            if top not in {"billing", "functions"} | sys.stdlib_module_names:
                found = {each.lower().replace("_", "-") for each in packages[top]}
                assert found & layer, f"{path} imports {name}"
