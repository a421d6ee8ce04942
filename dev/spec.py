"""`make spec`: each rule of docs/SPEC.md with the tests that prove it, then those without one.

Tests are read, not imported, so the answer needs nothing installed and runs nothing.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULE_ROW = re.compile(r"^\| ([A-Z]+-\d+) \| ([ED+]+) \|", re.MULTILINE)


def rule_ids(spec: str) -> list[str]:
    """Returns every rule's id, in the order of the document."""
    return [match.group(1) for match in RULE_ROW.finditer(spec)]


def proofs(tests: Path) -> dict[str, list[str]]:
    """Returns the tests that name a rule, by its id, as
    `tests/kernel/test_money.py::test_rounding`.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        of_module = [rule for node in tree.body for rule in _module_ids(node)]
        for test in _tests(tree):
            name = f"{path.relative_to(tests.parent)}::{test.name}"
            own = [rule for mark in test.decorator_list for rule in _mark_ids(mark)]
            for rule in dict.fromkeys(of_module + own):
                found.setdefault(rule, []).append(name)
    return found


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def _module_ids(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    ):
        yield from _mark_ids(node.value)


def _mark_ids(expression: ast.expr) -> Iterator[str]:
    """Yields the ids in `pytest.mark.spec("P-1", ..)`, alone or inside a list of marks."""
    for node in ast.walk(expression):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and ast.unparse(node.func) == "pytest.mark.spec"
        ):
            for argument in node.args:
                # An id that is not written out could not be found by searching for it.
                assert isinstance(argument, ast.Constant), ast.unparse(node)
                yield str(argument.value)


def report(spec: str, tests: Path) -> str:
    found = proofs(tests)
    rules = rule_ids(spec)
    lines: list[str] = []
    for rule in rules:
        if rule in found:
            lines += [rule, *(f"    {name}" for name in found[rule])]
    missing = [rule for rule in rules if rule not in found]
    lines += ["", "Without a test:", *(f"    {rule}" for rule in missing)]
    lines += ["", f"{len(rules) - len(missing)} of {len(rules)} rules have a test."]
    return "\n".join(lines).lstrip("\n")


if __name__ == "__main__":
    sys.stdout.write(report((ROOT / "docs/SPEC.md").read_text("utf-8"), ROOT / "tests") + "\n")
