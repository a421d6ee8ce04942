import pytest

from dev.routes import find
from dev.stack import Function, Route

FUNCTION = Function("F", "functions.f.app", "handler", 3, 128, "arn")
ROUTES = [
    Route(method, path, FUNCTION)
    for method, path in [
        ("ANY", "/{proxy+}"),
        ("ANY", "/pets/{proxy+}"),
        ("GET", "/pets/{id}"),
        ("GET", "/pets/dog"),
        ("ANY", "/pets/dog"),
        ("GET", "/pets/{id}/toys/{toy}"),
        ("GET", "/health"),
    ]
]


@pytest.mark.parametrize(
    ("method", "path", "expected", "parameters"),
    [
        ("GET", "/pets/dog", "GET /pets/dog", {}),
        ("POST", "/pets/dog", "ANY /pets/dog", {}),
        ("GET", "/pets/cat", "GET /pets/{id}", {"id": "cat"}),
        ("POST", "/pets/cat", "ANY /pets/{proxy+}", {"proxy": "cat"}),
        ("GET", "/pets/a/b", "ANY /pets/{proxy+}", {"proxy": "a/b"}),
        ("GET", "/pets/1/toys/2", "GET /pets/{id}/toys/{toy}", {"id": "1", "toy": "2"}),
        ("GET", "/pets/a%20b", "GET /pets/{id}", {"id": "a b"}),
        ("GET", "/pets/a%2Fb", "GET /pets/{id}", {"id": "a/b"}),
        ("GET", "/pets/", "ANY /{proxy+}", {"proxy": "pets/"}),
        ("GET", "/else", "ANY /{proxy+}", {"proxy": "else"}),
    ],
)
def test_the_most_specific_route_is_taken(
    method: str, path: str, expected: str, parameters: dict[str, str]
) -> None:
    found = find(ROUTES, method, path)
    assert found is not None
    assert (f"{found[0].method} {found[0].path}", found[1]) == (expected, parameters)


@pytest.mark.parametrize(("method", "path"), [("POST", "/health"), ("HEAD", "/health")])
def test_another_method_is_not_found(method: str, path: str) -> None:
    assert find(ROUTES[-1:], method, path) is None


def test_a_greedy_variable_needs_something_to_take() -> None:
    assert find(ROUTES[:1], "GET", "/") is None


def test_the_default_route_comes_last() -> None:
    default = Route("ANY", "$default", FUNCTION)
    assert find([default, *ROUTES], "GET", "/x") == (ROUTES[0], {"proxy": "x"})
    assert find([default], "GET", "/x/y") == (default, {})
