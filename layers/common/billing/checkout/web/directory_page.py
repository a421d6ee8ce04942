"""The page of the public directory (P-14)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from billing.catalog.flows.directory import Directory
from billing.web import http, languages
from billing.web.request import Request

ADDRESS = "/directory"


def directory_page(directory: Directory, request: Request, *, now: datetime) -> http.Answer:
    """Shows a page of the directory in the visitor's language."""
    cursor = request.query().get("cursor")
    page = directory.page(cursor, now=now)
    return http.page(
        "directory.html",
        languages.of_visitor(request),
        listings=page.data,
        next_url=page.next and f"{ADDRESS}?{urlencode({'cursor': page.next})}",
        first_url=None if cursor is None else ADDRESS,
    )
