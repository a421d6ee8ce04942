"""Shapes of callers' input: types, bounds and characters; the core decides what it means.

`read` turns a document into a shape or raises `Misshapen`, naming each wrong field by the path that
the caller wrote. Regular expressions run in pydantic's engine, which is linear in their input.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, LiteralString, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from billing.kernel import web_addresses
from billing.kernel.countries import COUNTRIES
from billing.kernel.customers import EMAIL, EMAIL_MOST, Address
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency
from billing.kernel.periods import is_zone
from billing.web.emails import with_ascii_domain
from billing.web.problems import Misshapen
from billing.web.sessions import CSRF_FIELD

Shape = TypeVar("Shape", bound="Input")

WORDS = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"
KEY = r"^[A-Za-z0-9_.:-]*$"
PRINTABLE = r"^[!-~]*$"

_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+ -][0-9]{2}:[0-9]{2})?"
INSTANT = f"^{_DATE}{_TIME}$"
INSTANT_OR_DATE = f"^{_DATE}({_TIME})?$"
MOST_ERRORS = 20

OF_PATTERN = {
    WORDS: "control_characters",
    KEY: "key_characters",
    PRINTABLE: "printable_characters",
    EMAIL: "email_malformed",
    INSTANT: "time_malformed",
    INSTANT_OR_DATE: "date_malformed",
}
"""Reasons for texts that do not fit a pattern."""

OF_TYPE = {
    "missing": "required",
    "extra_forbidden": "field_unknown",
    "model_type": "object_needed",
    "dict_type": "object_needed",
    "tuple_type": "list_needed",
    "string_type": "text_needed",
    "string_unicode": "text_needed",
    "bool_type": "boolean_needed",
    "bool_parsing": "boolean_needed",
    "int_type": "integer_needed",
    "int_parsing": "integer_needed",
    "int_parsing_size": "integer_needed",
    "int_from_float": "integer_needed",
}
"""Reasons for pydantic's error types that have no parameters."""

WITH_LIMIT = {
    "string_too_long": ("too_long", "count", "max_length"),
    "string_too_short": ("too_short", "count", "min_length"),
    "too_long": ("too_many_entries", "count", "max_length"),
    "too_short": ("too_few_entries", "count", "min_length"),
    "greater_than_equal": ("below_least", "least", "ge"),
    "less_than_equal": ("above_most", "most", "le"),
    "less_than": ("not_below", "limit", "lt"),
    "literal_error": ("one_of", "values", "expected"),
    "enum": ("one_of", "values", "expected"),
}
"""Reason, its parameter, and where pydantic's context has that, by pydantic's error type."""


class Input(BaseModel):
    """A shape of input: fields that it does not name are refused.

    Its validator is made on first use: a function has dozens, and a request needs one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Nothing(Input):
    """An input without fields."""


OWN = "billing"
"""The type that pydantic's errors have where a validator of ours names the reason."""


def _refusal(reason: LiteralString) -> PydanticCustomError:
    return PydanticCustomError(OWN, reason, {"reason": reason})


def _zone(name: str) -> str:
    if not is_zone(name):
        raise _refusal("zone_unknown")
    return name


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise _refusal("value_twice")
    return values


different = AfterValidator(_different)
"""Refuses a value that occurs twice."""


def _without_web_address(text: str) -> str:
    if web_addresses.is_in(text):
        raise _refusal("web_address")
    return text


def own_id(text: str) -> str:
    """Refuses an email address where an id of the caller's own is asked for."""
    if "@" in text:
        raise _refusal("email_not_taken")
    return text


leads_nowhere = AfterValidator(_without_web_address)
"""Refuses a web address in what is mailed to an address that nobody has proved."""


def one_of(values: Collection[str], reason: LiteralString) -> AfterValidator:
    """Accepts one of a set that is too long to be listed in an error; refuses others for
    `reason`."""

    def check(value: str) -> str:
        if value not in values:
            raise _refusal(reason)
        return value

    return AfterValidator(check)


def valid(check: Callable[[str], bool], reason: LiteralString) -> AfterValidator:
    """Accepts a text that passes a check; refuses others for `reason`."""

    def checked(value: str) -> str:
        if not check(value):
            raise _refusal(reason)
        return value

    return AfterValidator(checked)


def _upper(code: Any) -> Any:
    return code.upper() if isinstance(code, str) and code.isascii() else code


def _mailbox(typed: Any) -> Any:
    """Spells the domain as DNS has it. A mailbox whose own name needs more than ASCII gets a reason
    of its own: Amazon SES cannot send there (it has no SMTPUTF8), so its owner would never see a
    receipt."""
    if not isinstance(typed, str):
        return typed
    email = with_ascii_domain(typed.strip())
    mailbox, _, domain = email.rpartition("@")
    if not mailbox.isascii() and domain.isascii():
        raise _refusal("email_not_ascii")
    return email


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
    BeforeValidator(_mailbox),
]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Country = Annotated[str, words(2), AfterValidator(_upper), one_of(COUNTRIES, "country_unknown")]
AccountCurrency = Annotated[Currency, BeforeValidator(_upper)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=PRINTABLE)]


class AddressInput(Input):
    """A postal address; its fields stand as on the pages, and so do their errors."""

    country: Country
    line1: Annotated[Line, leads_nowhere]
    line2: Annotated[str, words(200, 0), leads_nowhere] | None = None
    city: Annotated[Line, leads_nowhere]
    postal_code: Annotated[str, words(20, 0), leads_nowhere] | None = None
    state: Annotated[str, words(100, 0), leads_nowhere] | None = None

    def address(self) -> Address:
        return Address(
            line1=self.line1,
            line2=self.line2 or None,
            city=self.city,
            postal_code=self.postal_code or None,
            state=self.state or None,
            country=self.country,
        )


def documented(least: int, most: int) -> Any:
    """Sets bounds for the documentation only: the core checks them."""
    return Field(json_schema_extra={"minimum": least, "maximum": most})


def read(shape: type[Shape], document: Any) -> Shape:
    """Reads the document as a shape; raises `Misshapen`."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
    raise Misshapen([_error(details) for details in found])


def filled_in(typed: Mapping[str, str]) -> dict[str, str]:
    """Returns a form without its token and without empty fields: those are reported as missing."""
    return {n: v for n, v in typed.items() if v.strip() and n != CSRF_FIELD}


@contextmanager
def under(path: str) -> Iterator[None]:
    """Prefixes fields of errors raised inside with the path that the caller wrote."""
    try:
        yield
    except Invalid as error:
        raise error.at(f"{path}.{error.field}") from None


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".")


def _error(details: ErrorDetails) -> Invalid:
    """Maps one of pydantic's errors to ours, by its type: the only place that knows those types."""
    field = _path(details["loc"]) or "body"
    kind, context = details["type"], details.get("ctx", {})
    if kind == OWN:
        return Invalid(context["reason"], field=field)
    if kind == "string_too_short" and context["min_length"] <= 1:
        return Invalid("required", field=field)
    if kind in WITH_LIMIT:
        reason, name, place = WITH_LIMIT[kind]
        return Invalid(reason, field=field, **{name: context[place]})
    by_pattern = OF_PATTERN.get(context.get("pattern", ""), "malformed_value")
    return Invalid(OF_TYPE.get(kind, by_pattern), field=field)
