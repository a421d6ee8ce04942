"""What the README says is so: its commands exist, its tables are the code's."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from billing.adapters.store import ItemStore
from billing.storage import Store
from dev.emulate import limits

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_every_make_command_of_the_readme_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:`|\$ )make ([a-z][a-z-]*)", README))
    assert named
    assert named <= targets


def test_every_folder_of_the_map_is_there() -> None:
    (tree,) = re.findall(r"## The house\n\n```\n(.*?)```", README, re.S)
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name.replace("<name>/app.py", "")
        path = ROOT / (name if not line.startswith(" ") else folder + name)
        assert list(ROOT.glob(str(path.relative_to(ROOT)).replace("<name>", "*"))), line


@pytest.mark.parametrize("method", [name for name in vars(Store) if not name.startswith("_")])
def test_every_question_to_the_store_is_in_the_table_with_its_key_condition(method: str) -> None:
    rows = [line for line in README.splitlines() if f"| `{method}` |" in line]
    assert len(rows) == 1, f"`{method}` has one row under Access patterns"
    doc = (inspect.getdoc(getattr(ItemStore, method)) or "").splitlines()[0].rstrip(".")
    assert rows[0].replace("&lt;", "<").endswith(f"| {doc} |")


def test_the_table_names_no_question_that_is_not_asked() -> None:
    (section,) = re.findall(r"## Access patterns\n(.*?)\n## ", README, re.S)
    named = re.findall(r"\| `(\w+)` \|", section)
    assert set(named) == {name for name in vars(Store) if not name.startswith("_")}


def test_what_make_emulate_leaves_out_is_named() -> None:
    (told,) = re.findall(r"\*\*`make emulate`\*\*.*?\n\n", README, re.S)
    told = " ".join(told.split())
    assert not [name for name in limits.LEFT_OUT if name not in told]


def test_every_event_file_the_readme_names_is_there() -> None:
    named = re.findall(r"events/[a-z_]+\.json", README)
    assert named
    assert all((ROOT / name).exists() for name in named)
