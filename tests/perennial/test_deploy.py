"""Deploying asks for parameters once, and its sample files name parameters that there are."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from perennial import deploy
from perennial.installation import OperateError

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "deploy").glob("*.yaml"))
SOURCE: dict[str, Any] = dict(yaml_parse((ROOT / "template.yaml").read_text("utf-8")))


def test_the_first_time_asks_and_any_other_does_not() -> None:
    mine = ROOT / "deploy/first.yaml"
    assert deploy.command("mine", None, known=False)[-1] == "GUIDED=--guided"
    assert deploy.command("mine", None, known=True)[-1] == "GUIDED="
    with_file = deploy.command("mine", mine, known=False)
    assert with_file == [
        *("make", "deploy", "STACK_NAME=mine", "GUIDED="),
        f"PARAMETERS={mine}",
    ]


@pytest.mark.parametrize(
    ("parameters", "words"), [("no.yaml", "there is no file"), ("Makefile", "ends with")]
)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_built(
    parameters: str, words: str
) -> None:
    with pytest.raises(OperateError, match=words):
        deploy.deploy(ROOT, "mine", Path(parameters))


def test_it_is_refused_outside_a_clone(tmp_path: Path) -> None:
    with pytest.raises(OperateError, match="run it in a clone"):
        deploy.deploy(tmp_path, "mine", None)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_names_parameters_with_values_that_they_take(sample: Path) -> None:
    given = yaml.safe_load(sample.read_text("utf-8"))
    for name, value in given.items():
        if name == "$include":
            assert (sample.parent / value.removeprefix("file://")).is_file()
            continue
        parameter = SOURCE["Parameters"][name]
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(value)), name
        if parameter["Type"] == "Number":
            assert parameter.get("MinValue", 0) <= value <= parameter.get("MaxValue", 10**9)


def test_a_sample_of_a_first_installation_has_all_that_has_no_default() -> None:
    given = yaml.safe_load((ROOT / "deploy/first.yaml").read_text("utf-8"))
    needed = {name for name, each in SOURCE["Parameters"].items() if "Default" not in each}
    assert needed <= set(given)


def test_a_sample_for_what_runs_changes_no_address_of_it() -> None:
    """Values of an included file are sent too: an example's addresses would replace the stack's."""
    first = yaml.safe_load((ROOT / "deploy/first.yaml").read_text("utf-8"))
    busy = yaml.safe_load((ROOT / "deploy/busy.yaml").read_text("utf-8"))
    assert "$include" not in busy and not set(busy) & set(first)


class Clone:
    """A clone whose `sam` writes down what it was started with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = folder / "seen"
        (folder / "Makefile").write_text((ROOT / "Makefile").read_text("utf-8"))
        sam = f'#!/bin/sh\nprintf "%s\\n" "$AWS_DEFAULT_REGION" "$@" > {self.seen}'
        for name, script in {".venv/bin/python": "#!/bin/sh", ".venv-tools/bin/sam": sam}.items():
            program = folder / name
            program.parent.mkdir(parents=True)
            program.write_text(f"{script}\n")
            program.chmod(0o755)

    def deploys(self, parameters: Path | None = None, **world: str) -> list[str]:
        """The region that `sam` was given by its environment, and each of its arguments."""
        asked = deploy.command("mine", parameters, known=True)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        built = ("-o", "build", "-o", ".venv/.installed")
        subprocess.run(
            [*asked, *built],
            cwd=self.folder,
            check=True,
            capture_output=True,
            env=inherited | world,
        )
        return self.seen.read_text("utf-8").splitlines()


def test_it_deploys_to_the_region_of_whoever_deploys(tmp_path: Path) -> None:
    """A region that we set comes before the one of the profile, where the stack is looked for."""
    clone = Clone(tmp_path)
    assert clone.deploys()[:2] == ["", "deploy"]
    assert clone.deploys(AWS_DEFAULT_REGION="eu-west-1")[:2] == ["eu-west-1", "deploy"]


def test_a_file_of_parameters_may_lie_in_a_folder_whose_name_has_spaces(tmp_path: Path) -> None:
    mine = tmp_path / "my own files" / "mine.yaml"
    assert Clone(tmp_path).deploys(mine)[-2:] == ["--parameter-overrides", f"file://{mine}"]


def test_no_route_is_asked_about() -> None:
    """`sam deploy --guided` asks about each route whose API says nothing of authorizers."""
    events = [
        event["Properties"]
        for resource in SOURCE["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    assert {str(each["ApiId"]) for each in events} == {str({"Ref": "Api"})}
    assert SOURCE["Resources"]["Api"]["Properties"]["Auth"] == {"EnableIamAuthorizer": False}
