"""Finds every error that the code raises: its class, reason, code and parameters.

It reads the sources and so sees what no test reaches. A reason is a text in the source, or is drawn
from one: a module's constant, both sides of an `if`, or what a function returns.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from billing.kernel.errors import BillingError, Invalid
from billing.kernel.values import Value
from billing.web import inputs
from billing.web.problems import Misshapen

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {"billing": ROOT / "layers" / "common", "functions": ROOT}

REFUSE = (inputs.one_of, inputs.valid, inputs._refusal)
"""Functions of shapes that take a reason."""

OUTSIDE_TEXTS = {"code", "note", "field"}
"""Arguments that are no parameters of a text."""


class Raised(Value):
    """One place that makes an error; `code` is None where it is only known when it runs."""

    module: str
    line: int
    kind: type[BillingError]
    reason: str
    code: str | None
    parameters: frozenset[str]


@cache
def raised() -> tuple[Raised, ...]:
    """Lists every error of the sources, by module and line."""
    found = [each for name in modules() for each in _in_module(import_module(name))]
    return tuple(sorted([*found, *_of_shapes()], key=lambda each: (each.module, each.line)))


def modules() -> list[str]:
    """Lists the names of all modules of the layer and of the functions."""
    names = []
    for package, folder in SOURCES.items():
        for path in sorted((folder / package).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            names.append(".".join(parts).removesuffix(".__init__"))
    return names


def _in_module(module: ModuleType) -> Iterator[Raised]:
    if module.__name__ in {BillingError.__module__, inputs.__name__}:
        return
    tree = ast.parse(inspect.getsource(module))
    for scope in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(scope):
            if isinstance(node, ast.Call):
                yield from _made(module, scope, node)
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name | ast.Attribute):
                kind = _kind(module, node.exc)
                if kind is not None:
                    yield _one(module, node.lineno, kind, kind.code, kind.code, frozenset())


def _made(module: ModuleType, scope: ast.FunctionDef, call: ast.Call) -> Iterator[Raised]:
    kind = _kind(module, call.func)
    if kind is None or kind is Misshapen:
        return
    given = {each.arg: each.value for each in call.keywords}
    if None in given:
        return  # passes another error on, or is made from a table: `_of_shapes`
    parameters = frozenset(name for name in given if name and name not in OUTSIDE_TEXTS)
    codes: set[str | None] = {kind.code}
    if "code" in given:
        codes = {*_texts(module, scope, given["code"])} or {None}
    places = inspect.signature(kind).parameters
    first = call.args[0] if call.args and "reason" in places else None
    for code in codes:
        reasons = {code or kind.code} if first is None else _texts(module, scope, first)
        assert reasons, f"{module.__name__}:{call.lineno}: what is its reason?"
        for reason in reasons:
            own = reason if kind.code == "refused" and "code" not in given else code
            yield _one(module, call.lineno, kind, reason, own, parameters)


def _one(
    module: ModuleType,
    line: int,
    kind: type[BillingError],
    reason: str,
    code: str | None,
    parameters: frozenset[str],
) -> Raised:
    if "allowed" in inspect.signature(kind).parameters:
        parameters = frozenset({"allowed"})
    return Raised(module.__name__, line, kind, reason, code, parameters)


def _of_shapes() -> Iterator[Raised]:
    """Lists the errors of shapes, which are made from tables in `web/inputs.py`."""
    limited = [(reason, frozenset({name})) for reason, name, _ in inputs.WITH_LIMIT.values()]
    plain = [*inputs.OF_PATTERN.values(), *inputs.OF_TYPE.values(), "malformed_value"]
    named = [reason for name in modules() for reason in _refusals(import_module(name))]
    for reason, parameters in (*limited, *((each, frozenset[str]()) for each in (*plain, *named))):
        yield Raised(inputs.__name__, 0, Invalid, reason, "invalid", parameters)


def _refusals(module: ModuleType) -> Iterator[str]:
    """Lists the reasons that validators of a module name."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and _value(module, node.func) in REFUSE:
            yield from (
                each.value
                for each in node.args
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def _kind(module: ModuleType, called: ast.expr) -> type[BillingError] | None:
    value = _value(module, called)
    return value if isinstance(value, type) and issubclass(value, BillingError) else None


def _value(module: ModuleType, name: ast.expr) -> object:
    """Returns the module-level value of a name or of an attribute of one, None for anything
    else."""
    if isinstance(name, ast.Name):
        return getattr(module, name.id, None)
    if isinstance(name, ast.Attribute):
        owner = _value(module, name.value)
        return None if owner is None else getattr(owner, name.attr, None)
    return None


def _texts(module: ModuleType, scope: ast.FunctionDef, source: ast.expr) -> set[str]:
    """Returns the texts that an expression can be; none if they are not known here."""
    match source:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other):
            return _texts(module, scope, one) | _texts(module, scope, other)
        case ast.Call(func=called):
            function = _value(module, called)
            return _returned(function) if inspect.isfunction(function) else set()
        case ast.Name(id=name) if not isinstance(getattr(module, name, None), str):
            return {
                text
                for node in ast.walk(scope)
                if isinstance(node, ast.Assign | ast.NamedExpr)
                and name in {each.id for each in _targets(node) if isinstance(each, ast.Name)}
                for text in _texts(module, scope, node.value)
            }
        case _:
            value = _value(module, source)
            return {value} if isinstance(value, str) else set()


def _targets(node: ast.Assign | ast.NamedExpr) -> list[ast.expr]:
    return [node.target] if isinstance(node, ast.NamedExpr) else node.targets


def _returned(function: object) -> set[str]:
    """Returns the texts in a function's returns, and in those of a function whose answer is its
    own."""
    assert inspect.isfunction(function)
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))
    texts: set[str] = set()
    for found in ast.walk(tree):
        if not isinstance(found, ast.Return) or found.value is None:
            continue
        if isinstance(found.value, ast.Call):
            passed_on = _value(sys.modules[function.__module__], found.value.func)
            texts |= _returned(passed_on) if inspect.isfunction(passed_on) else set()
        texts |= {
            node.value
            for node in ast.walk(found.value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return texts


PAGES_OF_CUSTOMERS = (
    "functions.checkout.app",
    "functions.portal.app",
    "functions.helpdesk.app",
    # Pages reach gateways by a port.
    "billing.gateways.paypal.gateway",
    "billing.gateways.stripe.gateway",
)
"""Modules whose errors, and those of what they import, customers' pages show."""


@cache
def customers_modules() -> frozenset[str]:
    """Returns the modules whose errors a customer's page can show, by what they import.

    Not among them are `runtime`, which imports every module, and what is the API's own.
    """
    left, seen = list(PAGES_OF_CUSTOMERS), set[str]()
    while left:
        name = left.pop()
        if name not in seen and not name.startswith(("billing.runtime", "billing.api")):
            seen.add(name)
            left += _imported(import_module(name))
    return frozenset(seen)


def _imported(module: ModuleType) -> Iterator[str]:
    known = set(modules())
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            within = (f"{node.module}.{each.name}" for each in node.names)
            yield from (name for name in (node.module, *within) if name in known)


if __name__ == "__main__":
    for one in raised():
        print(
            one.module, one.line, one.kind.__name__, one.reason, one.code, *sorted(one.parameters)
        )
    sys.exit(0)
