"""Imports in the console: a file chosen, looked at, and what was found in its rows (M-4, M-6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from billing.catalog.flows import product_lists
from billing.console.web.lists import PRODUCTS_OFFERED, listing
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.lists import Page
from billing.migration.flows import imports, mappings, report, unmatched, uploads
from billing.migration.flows import listing as source_lists
from billing.migration.flows.imports import Wanted
from billing.migration.import_rows import ImportedRow, Result
from billing.migration.imports import Import, ImportState
from billing.migration.web import csv_report, words
from billing.web import http
from billing.web.inputs import Cursor, Input
from billing.web.problems import errors_of
from billing.web.request import BYTE_FOR_BYTE, CSV

HERE = "/console/import"
PAGE_LENGTH = 20
PRICES_SHOWN = 30
"""The prices that are chosen for at once: each offers `POINTS_OFFERED` price points."""
POINTS_OFFERED = 200
OTHER = "other"
"""The kind of a file whose columns are to be named."""


class ImportsQuery(Input):
    """A page of the list of imports; `upload` is a file that waits for its kind."""

    upload: str | None = None
    cursor: Cursor | None = None


class RowsQuery(Input):
    """A page of the rows of an import, all or those with one result."""

    result: Result | None = None
    cursor: Cursor | None = None


def import_list(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Lists imports, with the form of a new one."""

    def find(query: ImportsQuery) -> Page[Import]:
        return imports.page(desk.ports, desk.merchant, limit=PAGE_LENGTH, cursor=query.cursor)

    listed = listing(desk, HERE, ImportsQuery, find)
    form = dict(typed or {})
    form.setdefault("upload", listed.typed.get("upload", ""))
    return page(
        desk,
        "console/imports.html",
        status=422 if errors or listed.wrong else 200,
        listed=listed,
        title_of=title_of(desk),
        kinds=_kinds(desk),
        accounts=[
            (f"{each.gateway}:{each.account}", f"{each.gateway} {each.account}")
            for each in source_lists.accounts(desk.ports, desk.session.merchant)
        ],
        form=form,
        errors=errors or {},
    )


def title_of(desk: Desk) -> Callable[[Import], str]:
    """Returns what pages call an import: its kind of file, or the name given to its source."""
    known = imports.known_presets(desk.ports)

    def title(found: Import) -> str:
        return known[found.source].title if found.source in known else found.source

    return title


def _kinds(desk: Desk) -> list[tuple[str, str]]:
    known = imports.known_presets(desk.ports)
    own = [
        (each.name, each.name)
        for each in desk.ports.store.import_mappings(desk.merchant)
        if each.columns
    ]
    return [(each.name, each.title) for each in known.values()] + own


def begin(desk: Desk) -> http.Answer:
    """Begins an import of the file in a form, or goes on to name its columns."""
    typed = _typed(desk)
    try:
        upload = typed.get("upload") or uploads.keep(
            desk.ports, desk.merchant, desk.request.picture("file")
        )
        if typed.get("kind") == OTHER:
            return http.redirect(f"{HERE}/columns/{upload}")
        cards = desk.request.picture("cards")
        kept = uploads.keep(desk.ports, desk.merchant, cards) if cards.strip() else None
        return begun(desk, typed, upload, cards=kept)
    except Invalid as error:
        return import_list(desk, typed=typed, errors=errors_of(_as_field(error)))
    except (Refused, NotFound) as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return import_list(desk, typed=typed, errors={"": wrong})


def _typed(desk: Desk) -> dict[str, str]:
    """Returns the short fields of a form, whose texts came byte for byte if it has a file."""
    form = desk.request.form()
    if desk.request.path == HERE and desk.request.content_type == "multipart/form-data":
        form = {
            name: value.encode(BYTE_FOR_BYTE).decode("utf-8", "replace")
            for name, value in form.items()
            if name not in {"file", "cards"}
        }
    return {name: value.strip() for name, value in form.items()}


def _as_field(error: Invalid) -> Invalid:
    """Returns an error about a file at the field of the form that has it."""
    return error.at(
        {"csv": "file", "upload": "file", "preset": "kind"}.get(error.field, error.field)
    )


def begun(
    desk: Desk, typed: Mapping[str, str], upload: str, *, cards: str | None = None
) -> http.Answer:
    """Begins an import as a form asks for it, and goes to its page."""
    kind = typed.get("kind", "")
    is_own = kind not in imports.known_presets(desk.ports)
    wanted = Wanted(
        upload=upload,
        preset=kind,
        mapping=kind if is_own else None,
        cards=cards,
        quantity_confirmed=typed.get("quantity_confirmed") == "yes",
        mails=typed.get("mails") == "yes",
    )
    by = desk.session.holder.email or "console"
    found = imports.begin(desk.ports, desk.session.merchant, wanted, by=by, now=desk.now).found
    return http.redirect(f"{HERE}/{found.id}")


def upload_page(desk: Desk) -> http.Answer:
    """Shows the form that uploads a large file to the object store."""
    made = uploads.address(desk.ports, desk.merchant, size=None)
    origin = "/".join(made.upload.url.split("/", 3)[:3])
    return page(
        desk,
        "console/import_upload.html",
        made=made,
        most=made.most_bytes // 2**20,
        forms_to=(origin,),
    )


def import_page(
    desk: Desk, import_id: str, *, errors: Mapping[str, Invalid] | None = None
) -> http.Answer:
    """Shows an import: how far it is, and its rows with what was found in them."""
    progress = imports.one(desk.ports, desk.merchant, import_id)
    found = progress.found

    def find(query: RowsQuery) -> Page[ImportedRow]:
        return imports.rows(
            *(desk.ports, desk.merchant, import_id),
            result=query.result,
            limit=PAGE_LENGTH,
            cursor=query.cursor,
        )

    listed = listing(desk, f"{HERE}/{import_id}", RowsQuery, find)
    is_checked = found.state is ImportState.CHECKED
    prices = unmatched.prices(desk.ports, found) if is_checked and found.blocking else ()
    points, is_cut = _points(desk) if prices else ([], False)
    return page(
        desk,
        "console/import.html",
        status=422 if errors or listed.wrong else 200,
        found=found,
        title_of=title_of(desk),
        stuck=imports.stuck(progress),
        refused=words.of_file(found),
        listed=listed,
        results=tuple(Result),
        said=words.of_row,
        moved=words.of_move,
        prices=prices[:PRICES_SHOWN],
        more_prices=len(prices) - PRICES_SHOWN,
        points=points,
        points_cut=is_cut,
        errors=errors or {},
    )


def _points(desk: Desk) -> tuple[list[tuple[str, str]], bool]:
    """Returns the price points of the newest products to choose from, and whether there are more.

    Archived products are among them: what is imported is often sold no more.
    """
    newest = product_lists.page(
        desk.ports, desk.session.merchant, limit=PRODUCTS_OFFERED, cursor=None
    )
    every = [
        (point.id, f"{product.name}: {_price(point.terms)}")
        for product, points in newest.data
        for point in points
    ]
    return every[:POINTS_OFFERED], newest.next is not None or len(every) > POINTS_OFFERED


def _price(terms: Any) -> str:
    period = "" if terms.period is None else f" / {terms.period}"
    return f"{terms.price.decimal} {terms.price.currency}{period}"


def choose_prices(desk: Desk, import_id: str) -> http.Answer:
    """Saves the price points of a file's prices, and checks the file again."""
    found = imports.one(desk.ports, desk.merchant, import_id).found
    form = desk.request.form()
    known = unmatched.prices(desk.ports, found)
    chosen = {
        each.name: form.get(f"price-id-{n}", "").strip() or form.get(f"price-{n}", "")
        for n, each in enumerate(known[:PRICES_SHOWN])
    }
    try:
        mappings.save_prices(
            *(desk.ports, desk.session.merchant, found),
            {name: point for name, point in chosen.items() if point},
            now=desk.now,
        )
        return _again(desk, found, quantity_confirmed=found.quantity_confirmed)
    except Invalid as error:
        return import_page(desk, import_id, errors=errors_of(error))
    except (Refused, NotFound) as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return import_page(desk, import_id, errors={"": wrong})


def check_again(desk: Desk, import_id: str) -> http.Answer:
    """Checks the file of an import again, with the catalog as it is now."""
    found = imports.one(desk.ports, desk.merchant, import_id).found
    confirmed = desk.request.form().get("quantity_confirmed") == "yes"
    try:
        return _again(desk, found, quantity_confirmed=found.quantity_confirmed or confirmed)
    except (Refused, NotFound) as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return import_page(desk, import_id, errors={"": wrong})


def _again(desk: Desk, found: Import, *, quantity_confirmed: bool) -> http.Answer:
    by = desk.session.holder.email or "console"
    if found.account is not None:
        read = source_lists.again(
            *(desk.ports, desk.session.merchant, found),
            quantity_confirmed=quantity_confirmed,
            by=by,
            now=desk.now,
        )
        return http.redirect(f"{HERE}/{read.found.id}")
    wanted = Wanted(
        upload=found.upload,
        preset=found.preset,
        source=found.source,
        cards=found.cards,
        mapping=found.mapping,
        quantity_confirmed=quantity_confirmed,
        mails=found.mails,
    )
    begun = imports.begin(desk.ports, desk.session.merchant, wanted, by=by, now=desk.now)
    return http.redirect(f"{HERE}/{begun.found.id}")


def rows_file(desk: Desk, import_id: str) -> http.Answer:
    """Sends the rows with what was found in them as CSV."""
    wanted = desk.request.query().get("result")
    result = Result(wanted) if wanted in set(Result) else None
    found = report.first(desk.ports, desk.merchant, import_id, result=result)
    return http.file("".join(csv_report.written(found.rows)), found.name, CSV)
