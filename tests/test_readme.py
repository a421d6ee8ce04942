"""The README is short, and what it says is so."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs import ROOT, links, make_targets, makes_named

README = (ROOT / "README.md").read_text("utf-8")


def test_it_is_read_in_a_few_minutes() -> None:
    assert len(README.encode()) <= 9 * 1024


def test_the_first_screen_is_a_sentence_a_transcript_and_a_picture() -> None:
    before, block, after = README.split("```", 2)
    assert before.count("\n\n") == 2 and before.startswith("# Perennial\n")
    assert block.startswith("console\n$ make run\n")
    assert after.strip().startswith("![")
    assert README.count("![") == 2


def test_every_make_command_is_a_target() -> None:
    named = makes_named(README)
    assert named
    assert named <= make_targets()


def test_every_folder_of_the_map_is_there() -> None:
    (tree,) = re.findall(r"## Map\n\n```\n(.*?)```", README, re.S)
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name.replace("<name>/app.py", "")
        path = ROOT / (name if not line.startswith(" ") else folder + name)
        assert list(ROOT.glob(str(path.relative_to(ROOT)).replace("<name>", "*"))), line


def test_every_top_folder_is_in_the_map() -> None:
    (tree,) = re.findall(r"## Map\n\n```\n(.*?)```", README, re.S)
    mapped = {line.split("/")[0] for line in tree.splitlines() if not line.startswith(" ")}
    there = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert there <= mapped


def test_every_link_leads_somewhere() -> None:
    assert links(README)
    assert not [link for link in links(README) if not (ROOT / link).exists()]


def test_deploying_takes_seven_steps() -> None:
    (steps,) = re.findall(r"## Deploy\n(.*?)\n## ", README, re.S)
    assert re.findall(r"^(\d)\. ", steps, re.M) == list("1234567")


def test_what_is_not_yet_proven_is_named() -> None:
    (unproven,) = re.findall(r"## Not yet proven\n(.*?)\n## ", README, re.S)
    assert all(f"**real {name}**" in unproven for name in ("Stripe", "PayPal", "AWS"))
    assert Path(ROOT / "docs/unproven.md").exists()
