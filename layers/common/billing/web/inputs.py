"""Shapes of callers' input: types, bounds and characters; the core decides what it means.

`read` turns a document into a shape or raises `Misshapen`, naming each wrong field by the path that
the caller wrote. Regular expressions run in pydantic's engine, which is linear in their input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, LiteralString, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from billing.kernel.customers import EMAIL, EMAIL_MOST
from billing.kernel.errors import Invalid
from billing.kernel.periods import is_zone
from billing.web.countries import COUNTRIES
from billing.web.problems import Misshapen
from billing.web.sessions import CSRF_FIELD

Shape = TypeVar("Shape", bound="Input")

WORDS = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"
KEY = r"^[A-Za-z0-9_.:-]*$"
PRINTABLE = r"^[!-~]*$"

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+ -][0-9]{2}:[0-9]{2})?"
INSTANT = f"^{_DATE}{_TIME}$"
INSTANT_OR_DATE = f"^{_DATE}({_TIME})?$"
MOST_ERRORS = 20

SAYING = {
    WORDS: "Control characters are not allowed.",
    KEY: "Only letters, digits and _ . : - are allowed.",
    PRINTABLE: "Only printable ASCII characters without spaces are allowed.",
    EMAIL: "This is not an email address.",
    INSTANT: "Write a time like 2026-01-31T10:00.",
    INSTANT_OR_DATE: "Write a date like 2026-01-31.",
    "extra_forbidden": "There is no such field.",
    "missing": "This is required.",
    "string_too_short": "This is required.",
    "model_type": "This must be an object.",
}
"""Our words for pydantic's errors, which speak of patterns and types."""


class Input(BaseModel):
    """A shape of input: fields that it does not name are refused.

    Its validator is made on first use: a function has dozens, and a request needs one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Nothing(Input):
    """An input without fields."""


def _zone(name: str) -> str:
    if not is_zone(name):
        raise PydanticCustomError("zone", "This is not an IANA time zone.")
    return name


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("different", "The same value stands twice.")
    return values


different = AfterValidator(_different)
"""Refuses a value that occurs twice."""


def one_of(values: Collection[str], saying: LiteralString) -> AfterValidator:
    """Accepts one of a set that is too long to be listed in an error."""

    def check(value: str) -> str:
        if value not in values:
            raise PydanticCustomError("one_of", saying)
        return value

    return AfterValidator(check)


def words(most: int, least: int = 1) -> Any:
    """Accepts text in one line, trimmed."""
    return StringConstraints(
        strip_whitespace=True, min_length=least, max_length=most, pattern=WORDS
    )


Name = Annotated[str, words(200)]
Line = Annotated[str, words(200)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=KEY)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=EMAIL_MOST, pattern=EMAIL),
]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Country = Annotated[
    str, words(2), one_of(COUNTRIES, "This is not an ISO 3166-1 alpha-2 country code.")
]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=PRINTABLE)]


def documented(least: int, most: int) -> Any:
    """Sets bounds for the documentation only: the core checks them."""
    return Field(json_schema_extra={"minimum": least, "maximum": most})


def read(shape: type[Shape], document: Any) -> Shape:
    """Reads the document as a shape; raises `Misshapen`."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
    raise Misshapen([(_path(details["loc"]) or "body", _message(details)) for details in found])


def filled_in(typed: Mapping[str, str]) -> dict[str, str]:
    """Returns a form without its token and without empty fields: those are reported as missing."""
    return {n: v for n, v in typed.items() if v.strip() and n != CSRF_FIELD}


@contextmanager
def under(path: str) -> Iterator[None]:
    """Prefixes fields of errors raised inside with the path that the caller wrote."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.message, field=f"{path}.{error.field}", code=error.code) from None


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".")


def _message(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    pattern = context.get("pattern", "")
    if details["type"] == "string_too_long":
        return f"At most {context['max_length']} characters."
    if details["type"] == "string_too_short" and context["min_length"] > 1:
        return f"At least {context['min_length']} characters."
    known = SAYING.get(pattern) or SAYING.get(details["type"])
    return known or f"{details['msg'].removesuffix('.')}."
