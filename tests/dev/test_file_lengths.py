from pathlib import Path

import pytest

from dev.file_lengths import LINES_MOST, too_long


def lines(count: int) -> str:
    return "a = 1\n" * count


@pytest.mark.parametrize(
    "path", ["layers/common/billing/kernel/money.py", "functions/rebill/app.py"]
)
def test_a_source_file_over_the_most_lines_is_named_with_its_length(path: str) -> None:
    found = too_long({Path(path): lines(LINES_MOST + 1)})
    assert found == [(Path(path), LINES_MOST + 1)]


def test_a_source_file_of_the_most_lines_is_accepted() -> None:
    assert too_long({Path("layers/common/billing/kernel/money.py"): lines(LINES_MOST)}) == []


def test_only_the_code_that_is_deployed_is_looked_at() -> None:
    files = {Path(folder, "app.py"): lines(1000) for folder in ("tests", "dev", "sim")}
    assert too_long(files) == []


def test_every_file_that_is_too_long_is_named_by_path() -> None:
    names = [
        "layers/common/billing/kernel/periods.py",
        "functions/rebill/app.py",
        "layers/common/billing/kernel/money.py",
    ]
    found = too_long({Path(name): lines(500) for name in names})
    assert [str(path) for path, _ in found] == sorted(names)
