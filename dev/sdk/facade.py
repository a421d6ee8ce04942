"""Writes the class `Operations` of the Python SDK: a method for each generated operation.

The generator makes a module for each operation, whose function `sync` wants the client by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_HEAD = '''\
"""All operations of the API as methods. Written by `make sdk`; see dev/sdk/facade.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from perennial_client.bodies import shaped
{imports}


class Operations:
    """The operations of the API. They raise `PerennialError` where they do not succeed."""

    def __init__(self, client: AuthenticatedClient) -> None:
        self._client = client
'''

_PACKAGE = "perennial_client.generated"
_BODY = "body"


def write(generated: Path) -> int:
    """Writes operations.py into the generated package; returns the number of operations."""
    imports = {f"from {_PACKAGE}.client import AuthenticatedClient"}
    methods = []
    for module in sorted(generated.glob("api/*/*.py")):
        if module.name == "__init__.py":
            continue
        tree = ast.parse(module.read_text("utf-8"))
        place = ".".join(module.relative_to(generated).with_suffix("").parts)
        package, _, name = place.rpartition(".")
        imports.add(f"from {_PACKAGE}.{package} import {name} as _{name}")
        imports.update(_imports(tree))
        methods.append(_method(name, _function(tree)))
    lines = _HEAD.format(imports="\n".join(sorted(imports))) + "\n" + "\n\n".join(methods) + "\n"
    (generated / "operations.py").write_text(lines, "utf-8")
    return len(methods)


def _function(tree: ast.Module) -> ast.FunctionDef:
    """Returns `sync`, or where nothing is answered `sync_detailed`."""
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return found.get("sync") or found["sync_detailed"]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 3 and node.module:
            # The generated errors and clients are no types of arguments.
            if node.module in {"client", "errors"}:
                continue
            names = ", ".join(sorted(name.name for name in node.names if name.name != "Response"))
            if names:
                yield f"from {_PACKAGE}.{node.module} import {names}"
        elif _names_types(node):
            yield ast.unparse(node)


def _names_types(node: ast.stmt) -> bool:
    match node:
        case ast.ImportFrom(module="io") | ast.Import(names=[ast.alias(name="datetime")]):
            return True
    return False


def _method(name: str, function: ast.FunctionDef) -> str:
    arguments = function.args
    kept = [
        (argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if argument.arg != "client"
    ]
    arguments.kwonlyargs = [argument for argument, _ in kept]
    arguments.kw_defaults = [default for _, default in kept]
    passed = [argument.arg for argument in arguments.args]
    named = [f"{argument.arg}={_value(argument)}" for argument, _ in kept]
    for argument, _ in kept:
        if argument.arg == _BODY and argument.annotation is not None:
            plain = "bytes" if _model(argument) == "File" else "Mapping[str, Any]"
            argument.annotation = ast.Name(f"{ast.unparse(argument.annotation)} | {plain}")
    arguments.args.insert(0, ast.arg("self"))
    call = f"_{name}.{function.name}({', '.join([*passed, 'client=self._client', *named])})"
    body = f'        """{_summary(function)}"""\n'
    if function.name == "sync":
        gives = _given(function)
        body += f'        return cast("{gives}", {call})'
    else:
        gives = "None"
        body += f"        {call}"
    return f"    def {name}({ast.unparse(arguments)}) -> {gives}:\n{body}"


def _value(argument: ast.arg) -> str:
    if argument.arg != _BODY:
        return argument.arg
    return f"shaped({_model(argument)}, {_BODY})"


def _model(argument: ast.arg) -> str:
    """Returns the shape of a body: the first of its types."""
    assert argument.annotation is not None
    return ast.unparse(argument.annotation).partition(" | ")[0]


def _given(function: ast.FunctionDef) -> str:
    """Returns the type of an answer without None, which only an undocumented status gives."""
    assert function.returns is not None
    parts = ast.unparse(function.returns).split(" | ")
    return " | ".join(part for part in parts if part != "None")


def _summary(function: ast.FunctionDef) -> str:
    words = (ast.get_docstring(function) or "").partition("Args:")[0].partition("Raises:")[0]
    paragraphs = [" ".join(part.split()) for part in words.split("\n\n")]
    return "\n\n        ".join(filter(None, paragraphs)).replace("\\", "\\\\").replace('"""', "'''")
