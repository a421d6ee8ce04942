"""An audit that asked nobody never says that all is well (RELIABILITY.md 4.2, row 25; 4.3)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dev import audit

KNOWN = '{"name": "a", "version": "1", "vulns": []}'
BAD = '{"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}]}'
SKIPPED = '{"name": "c", "skip_reason": "not found"}'


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ([KNOWN], audit.CLEAN, "1 packages, none"),
        ([KNOWN, BAD], audit.VULNERABLE, "b 2 has PYSEC-1"),
        ([KNOWN, SKIPPED], audit.UNCHECKED, "1 of 2 not checked: c"),
        ([SKIPPED, BAD], audit.VULNERABLE, "PYSEC-1"),
        ([], audit.UNCHECKED, "not checked"),
        (None, audit.UNCHECKED, "gave no answer"),
    ],
)
def test_row_25_what_was_not_checked_is_no_success(
    answer: list[str] | None,
    code: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = "no network" if answer is None else f'{{"dependencies": [{", ".join(answer)}]}}'
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nprint({said!r})\n")
    program.chmod(0o755)
    assert audit.main([tmp_path / "layer.txt"], str(program)) == code
    assert words in capsys.readouterr().out


def test_row_25_without_the_program_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([tmp_path / "layer.txt"], None) == audit.UNCHECKED
    assert "Not checked" in capsys.readouterr().out
