"""Asks the API for a command, and shows answers as lines or as JSON."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Annotated, Any

import httpx
import typer

from perennial.merchant import saved
from perennial.operator.terminal import refused
from perennial.progress import waiting
from perennial_client import (
    ApiError,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    PerennialError,
    Unauthenticated,
    connect,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON: an object, or one a line.")]
Limit = Annotated[int, typer.Option(min=1, help="The most rows to show.")]
All = Annotated[bool, typer.Option("--all", help="Show all rows, however many.")]

PAGE = 200
REPEATS = 2
"""Fewer than a program has: somebody waits at the keyboard."""
LONGEST_CELL = 60


@contextmanager
def asking(for_what: str | None = "an answer", **arguments: str) -> Iterator[httpx.Client]:
    """Opens the API with the saved key; turns errors into messages that name the argument.

    Says that it waits, but where that is what the command is for (None).
    `arguments` maps a field of the API to the argument it came from, such as amount="--amount".
    """
    try:
        login = saved.load()
        patience = waiting(for_what) if for_what else nullcontext()
        with patience, connect(login.api_key, login.address, repeats=REPEATS) as api:
            yield api
    except (saved.SavedError, PerennialError, ValueError) as error:
        raise refused(why(error, arguments)) from error


def why(error: Exception, arguments: Mapping[str, str]) -> str:
    """Returns the words for an error."""
    match error:
        case Unauthenticated():
            return "the API key is wrong, expired or revoked. Run `perennial login`"
        case Forbidden(code="scope_missing"):
            return f"the API key may not do this. {error.detail}"
        case OutcomeUnknown():
            return f"{error.detail} It may have been done: look before you try again"
        case ApiError():
            named = arguments.get(error.field or "", error.field)
            if named is None and isinstance(error, NotFound):
                named = arguments.get("path")
            said = f"{named}: {error.detail}" if named else error.detail
            return f"{said} ({error.request_id})" if error.request_id else said
        case _:
            return str(error)


def get(api: httpx.Client, path: str, **query: Any) -> Any:
    """Returns an answer as JSON; leaves out what is None."""
    return read(api.get(path, params={n: v for n, v in query.items() if v is not None}))


def read(answer: httpx.Response) -> Any:
    """Returns the JSON of an answer; raises `PerennialError` where it is another program's."""
    try:
        return answer.json()
    except ValueError as error:
        raise PerennialError(
            f"{answer.request.url} did not answer JSON. Check the address, and log in again"
        ) from error


def segment(argument: str, name: str) -> str:
    """Returns an id as part of a path; refuses what could name another address."""
    if not argument or len(argument) > 255 or not argument.isascii():
        raise ValueError(f"{name}: {argument[:40]!r} is not an id")
    if not all(each.isalnum() or each in "_-." for each in argument) or argument in {".", ".."}:
        raise ValueError(f"{name}: {argument[:40]!r} is not an id")
    return argument


def every(api: httpx.Client, path: str, *, limit: int | None, **query: Any) -> Iterator[Any]:
    """Yields rows of a list page by page, so that a huge one takes no memory."""
    cursor, left = None, limit
    while True:
        page = get(api, path, **query, cursor=cursor, limit=min(PAGE, left or PAGE))
        rows = page["data"] if left is None else list(islice(page["data"], left))
        yield from rows
        left = None if left is None else left - len(rows)
        cursor = page["next"]
        if cursor is None or left == 0:
            return


def show_list(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Prints a row a line as it comes; says on standard error where there is none."""
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007
        print(json.dumps(row) if as_json else line(row, columns), flush=True)
    if not count and not as_json:
        print("There are none.", file=sys.stderr)


def line(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    return "  ".join(cell(row.get(name)) for name in columns).rstrip()


def show_one(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints an object: its fields a line each, or all of it as JSON."""
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if isinstance(value, list):
            print(f"  {name:<20}  {len(value)}")
        else:
            print(f"  {name:<20}  {cell(value)}".rstrip())


def cell(value: Any) -> str:
    """Returns a value as it is read in a line: money in its currency, nothing as a dash."""
    match value:
        case None | "":
            return "-"
        case True | False:
            return "yes" if value else "no"
        case {"amount": int(), "currency": str()}:
            return money(value)
        case dict():
            return " ".join(f"{name}={cell(each)}" for name, each in value.items())[:LONGEST_CELL]
        case list():
            return ",".join(map(str, value))[:LONGEST_CELL]
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def money(value: Mapping[str, Any]) -> str:
    """Returns an amount in whole units, such as 29.99 USD."""
    from billing.kernel.money import Currency, Money

    try:
        exact = Money(value["amount"], Currency(value["currency"]))
    except ValueError:
        return f"{value['amount']} {value['currency']} (minor units)"
    return f"{exact.decimal} {exact.currency.value}"
