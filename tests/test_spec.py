"""The specification in the repository is the agreed one, and tests name only rules it has."""

import re
from pathlib import Path

import pytest

from dev import spec

ROOT = Path(__file__).resolve().parent.parent
SPEC = (ROOT / "docs/SPEC.md").read_text(encoding="utf-8")


def test_the_copy_of_the_specification_is_exact() -> None:
    agreed = ROOT.parent / "shared/SPEC.md"
    if not agreed.exists():
        pytest.skip("the agreed specification is not beside this repository")
    assert agreed.read_bytes() == (ROOT / "docs/SPEC.md").read_bytes()


def test_every_row_with_an_id_is_read() -> None:
    rows = re.findall(r"^\| *[A-Z]+-\d+ ", SPEC, re.MULTILINE)
    assert rows
    assert len(spec.rule_ids(SPEC)) == len(rows)


def test_rule_ids_are_unique() -> None:
    ids = spec.rule_ids(SPEC)
    assert sorted(set(ids)) == sorted(ids)


def test_no_test_names_a_rule_that_does_not_exist() -> None:
    unknown = set(spec.proofs(ROOT / "tests")) - set(spec.rule_ids(SPEC))
    assert not unknown


def test_marks_are_found_on_functions_and_on_modules(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_one.py").write_text(
        "import pytest\n"
        'pytestmark = [pytest.mark.slow, pytest.mark.spec("X-1")]\n'
        '@pytest.mark.spec("X-2", "X-3")\n'
        "def test_a(): ...\n"
        "def test_b(): ...\n"
    )
    assert spec.proofs(tests) == {
        "X-1": ["tests/test_one.py::test_a", "tests/test_one.py::test_b"],
        "X-2": ["tests/test_one.py::test_a"],
        "X-3": ["tests/test_one.py::test_a"],
    }


def test_the_report_ends_with_the_rules_that_have_no_test(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_one.py").write_text('import pytest\n@pytest.mark.spec("X-1")\ndef test_a(): ...')
    text = spec.report("| X-1 | E | one |\n| X-2 | D | two |\n", tests)
    assert text.splitlines() == [
        "X-1",
        "    tests/test_one.py::test_a",
        "",
        "Without a test:",
        "    X-2",
        "",
        "1 of 2 rules have a test.",
    ]
