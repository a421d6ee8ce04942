"""The page of the public directory (P-14)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from billing.catalog.flows.directory import Directory
from billing.kernel.errors import Invalid
from billing.web import http, languages
from billing.web.request import Request

ADDRESS = "/directory"


def directory_page(directory: Directory, request: Request, *, now: datetime) -> http.Answer:
    """Shows a page of the directory in the visitor's language."""
    cursor = request.query().get("cursor") or None
    try:
        page = directory.page(cursor, now=now)
    except Invalid:
        return http.redirect(ADDRESS)  # a place of another list: the first page instead
    return http.page(
        "directory.html",
        languages.of_visitor(request),
        listings=page.data,
        next_url=page.next and f"{ADDRESS}?{urlencode({'cursor': page.next})}",
        first_url=None if cursor is None else ADDRESS,
    )
