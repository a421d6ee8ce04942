"""Finds docstrings that begin with a question word instead of saying what a thing is or does.

    python -m dev.docstrings

Prints a line for each one in the tracked Python files; exits with 1 if there is any.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUESTION = re.compile(r"\W*(Who|Whose|Whom|What|Whatever|Which|How)\b")


def questions(source: str) -> list[tuple[int, str]]:
    """Returns (line, first word) of each docstring that begins with a question word, by line."""
    found = []
    for line, text in _docstrings(ast.parse(source)):
        first = QUESTION.match(text)
        if first:
            found.append((line, first[1]))
    return sorted(found)


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str(text), lineno=line)), *_]:
                    yield line, text
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from _of_constants(node.body)


def _of_constants(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Yields the docstrings of constants and fields, which stand below them."""
    for statement, below in pairwise(body):
        match below:
            case ast.Expr(value=ast.Constant(value=str(text), lineno=line)) if isinstance(
                statement, ast.Assign | ast.AnnAssign
            ):
                yield line, text


def tracked() -> list[Path]:
    """Returns the tracked Python files that are there, by path."""
    command = ["git", "ls-files", "-z", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in sorted(listed.split("\0")) if name]
    return [path for path in paths if path.is_file()]


def main() -> int:
    """Prints each docstring that begins with a question word; returns 1 if there is any."""
    lines = [
        f'{path.relative_to(ROOT)}:{line}: docstring begins with "{word}": say what the thing is '
        "or does"
        for path in tracked()
        for line, word in questions(path.read_text(encoding="utf-8"))
    ]
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
